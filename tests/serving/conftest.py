"""One served system whose engine is a stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.support import Client, Engine, serving, use_engine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    use_engine(monkeypatch, engine)
    return engine


@pytest.fixture
def client(tiny_model: Path, engine: Engine) -> Iterator[Client]:
    with serving([str(tiny_model)], set={"data.max_source_length": 128}) as client:
        engine.forget()
        yield client

"""A finished comparison of a tiny model, and a hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dialora import api
from tests.conftest import build_experiment_values
from tests.publishing.hub_server import Hub, serving_hub


@pytest.fixture(scope="session")
def finished(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished experiment, which tests do not change but for `published/`."""
    root = tmp_path_factory.mktemp("runs") / "tiny"
    api.compare(build_experiment_values(tiny_model, small_data), output=root)
    return root


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """The hub that huggingface_hub knows, with a token for it."""
    with serving_hub() as served:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.address)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setenv("HF_TOKEN", served.token)
        yield served

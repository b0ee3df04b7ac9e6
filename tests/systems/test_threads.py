"""One system that several threads ask at once writes what it writes for one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.generation import Written
from dialora.systems import System
from tests.systems.support import Echo

TALKS = [f"Anna: Number {n}.\nBob: {'Yes. ' * (n % 5)}" for n in range(12)]


class Single(Echo):
    """An engine that does one thing at a time, as every one of ours that holds a torch model."""

    is_busy = False

    def write(self, batches: Iterable[Any]) -> Iterator[list[Written]]:
        for made in super().write(batches):
            assert not self.is_busy, "two threads are in one engine"
            self.is_busy = True
            time.sleep(0.01)
            self.is_busy = False
            yield made


def test_an_engine_is_opened_once_and_serves_one_thread_after_the_other(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Single] = []

    def open_engine(self: Any, sources: Any, on_warning: Any) -> Single:
        time.sleep(0.05)
        opened.append(Single())
        return opened[-1]

    monkeypatch.setattr(System, "open_engine", open_engine)
    loaded = dialora.load(root, method="lora")
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(loaded.summarize, TALKS))
    assert len(opened) == 1
    assert [one.text for one in made] == [one.text for one in dialora.load(root, method="lora").summarize(TALKS)]


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_threads_get_the_summaries_that_one_gets(root: Path, engine: str) -> None:
    options: dict[str, Any] = {"method": "lora", "set": [f"generation.engine={engine}"]}
    expected = [one.text for one in dialora.load(root, **options).summarize(TALKS)]
    loaded = dialora.load(root, **options)
    with ThreadPoolExecutor(4) as threads:
        assert [one.text for one in threads.map(loaded.summarize, TALKS)] == expected

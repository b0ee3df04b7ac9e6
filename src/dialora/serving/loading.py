"""Served systems are made ready: engines opened, checked on a few dialogues, and their rate measured."""

from __future__ import annotations

import time
from collections.abc import Callable

from dialora.config import BUNDLED, DataConfig
from dialora.data.examples import load_dataset
from dialora.generation import Engine
from dialora.systems.items import Item
from dialora.systems.kinds.system import System
from dialora.systems.options import SummaryOptions
from dialora.systems.reading import ItemReader

NUM_SAMPLES = 16


def open_warm_engine(system: System, on_warning: Callable[[str], None]) -> tuple[Engine, float]:
    """Return a system's engine, which has written already, and how many source tokens it wrote in a second.

    Takes seconds to minutes. Raises DialoraError.
    """
    reader = ItemReader(system, SummaryOptions(on_long="truncate"), on_warning)
    dialogues = [example.dialogue for example in load_dataset(DataConfig(source=BUNDLED)).test[:NUM_SAMPLES]]
    read = reader.read([Item(number, str(number), "", text) for number, text in enumerate(dialogues, start=1)])
    # Whoever asks for too long a prompt is told now.
    reader.read([Item(1, "1", "", "hello")])
    sources = [list(part.source.input_ids) for one in read for part in one.parts]
    sources.sort(key=len, reverse=True)
    engine = system.open_engine(sources, on_warning)
    with engine:
        begun = time.monotonic()
        for _ in engine.write([sources]):
            pass
    return engine, sum(map(len, sources)) / max(1e-6, time.monotonic() - begun)


__all__ = ["open_warm_engine"]

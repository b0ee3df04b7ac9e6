"""What tests of systems in use share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dialora
from dialora.systems import System
from dialora.systems.items import open_inputs
from dialora.systems.options import SummaryOptions
from dialora.systems.summaries import CHUNK, summarize_inputs


def summarize_file(system: System, source: Path, output: Path, *, observer: Any, chunk: int = CHUNK) -> int:
    with open_inputs([source]) as inputs:
        return summarize_inputs(system, inputs, output, options=SummaryOptions(), observer=observer, chunk=chunk)


def summarize(texts: Sequence[str], **options: Any) -> list[str]:
    made = dialora.summarize(list(texts), **options)
    assert isinstance(made, list)
    return [one.text for one in made]

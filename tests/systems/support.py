"""What tests of systems in use share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dialora
from dialora.generation import Written
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


class Echo:
    """An engine that writes the first three tokens of what it reads."""

    name, precision, device, stops = "echo", "fp32", "cpu", frozenset([1])

    def __init__(self, fail_after: int = 10**9) -> None:
        self.rows, self.left = 0, fail_after

    def __enter__(self) -> Echo:
        return self

    def __exit__(self, *args: object) -> None:
        return None

    def write(self, batches: Iterable[Any]) -> Iterator[list[Written]]:
        for batch in batches:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            self.rows += len(batch)
            yield [Written([*ids[-12:-9], 1]) for ids in batch]


class Scripted(Echo):
    """An engine that writes a function of the text that it reads, and ends it unless that is longer than `most`."""

    def __init__(self, tokenizer: Any, write: Callable[[str], str], *, most: int = 10**9) -> None:
        super().__init__()
        self.tokenizer, self.function, self.most, self.read = tokenizer, write, most, list[str]()

    def write(self, batches: Iterable[Any]) -> Iterator[list[Written]]:
        for batch in batches:
            texts = [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in batch]
            self.read += texts
            yield [Written(self._encode(self.function(text))) for text in texts]

    def _encode(self, text: str) -> list[int]:
        ids = list(self.tokenizer(text, add_special_tokens=False).input_ids)
        return ids[: self.most] if len(ids) >= self.most else [*ids, 1]

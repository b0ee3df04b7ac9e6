"""Data that a base model is known to have been trained on: on it, its zero-shot row is no zero-shot.

A small table by the names of published models, each line with its source. A model that is not in it may have been
trained on anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple

from dialora.config import ExperimentConfig


class Known(NamedTuple):
    """What models whose name holds a pattern were trained on."""

    pattern: str
    data: tuple[str, ...]
    source: str


KNOWN = (
    Known(r"flan-(t5|ul2)", ("SAMSum", "CNN/DailyMail", "XSum"), "the FLAN tasks, arXiv 2109.01652 and 2210.11416"),
    Known(r"(bart|t5|pegasus|distilbart|gpt2).*samsum", ("SAMSum",), "its name"),
    Known(r"(bart|t5|pegasus|distilbart|gpt2).*dialogsum", ("DialogSum",), "its name"),
    Known(r"(bart|t5).*[-_]cnn", ("CNN/DailyMail",), "the BART paper, arXiv 1910.13461, or its name"),
    Known(r"pegasus[-_]cnn", ("CNN/DailyMail",), "the PEGASUS paper, arXiv 1912.08777"),
    Known(r"(bart|pegasus|t5).*[-_]xsum", ("XSum",), "the paper of its kind, or its name"),
    Known(r"mt0|bloomz", ("SAMSum", "XSum"), "the P3 tasks of xP3, arXiv 2211.01786"),
    Known(r"^t0", ("SAMSum", "CNN/DailyMail", "XSum"), "the P3 tasks, arXiv 2110.08207"),
)


def describe_known_data(config: ExperimentConfig) -> list[str]:
    """Say of each base what it is known to have seen, and whether this experiment's data is among it."""
    notes = []
    for model in dict.fromkeys(config.for_method(key).model for key in config.methods):
        name = PurePath(model).name
        for known in find_known(name):
            text = f"{name} was trained on {_join(known.data)}, among others (source: {known.source})"
            if any(_squeeze(data) in _squeeze(config.data.source) for data in known.data):
                text += "; this experiment's data seems to be of them, so its untrained row is no zero-shot"
            notes.append(f"{text}.")
    return notes


def find_known(name: str) -> list[Known]:
    """Return the lines of the table that speak of a model, by its name."""
    return [known for known in KNOWN if re.search(known.pattern, name.lower())]


def _squeeze(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _join(names: Iterable[str]) -> str:
    *some, last = names
    return f"{', '.join(some)} and {last}" if some else last


__all__ = ["KNOWN", "Known", "describe_known_data", "find_known"]

"""Data that a base model is known to have been trained on: on it, its untrained row is no zero-shot.

A small table by the names of published models, each line with its source. A model that is not in it may have been
trained on anything.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path, PurePath
from typing import NamedTuple

from dialora.config import ExperimentConfig
from dialora.config.base_identity import tell_base
from dialora.printable import join_words
from dialora.store import load_json


class Known(NamedTuple):
    """What models whose name holds a pattern were trained on."""

    pattern: str
    data: tuple[str, ...]
    source: str


MAX_NAME = 80
KINDS = "bart|t5|pegasus|gpt2|llama|qwen|gemma|smollm|phi|mistral"
KNOWN = (
    Known(r"flan[-_]?(t5|ul2)", ("SAMSum", "CNN/DailyMail", "XSum"), "the FLAN tasks, arXiv 2109.01652 and 2210.11416"),
    Known(rf"({KINDS}).*samsum", ("SAMSum",), "its name"),
    Known(rf"({KINDS}).*dialogsum", ("DialogSum",), "its name"),
    Known(r"bart.*[-_]cnn", ("CNN/DailyMail",), "the BART paper, arXiv 1910.13461, or its name"),
    Known(r"t5.*[-_]cnn", ("CNN/DailyMail",), "its name"),
    Known(r"pegasus.*[-_]cnn", ("CNN/DailyMail",), "the PEGASUS paper, arXiv 1912.08777"),
    Known(rf"({KINDS}).*[-_]xsum", ("XSum",), "the paper of its kind, or its name"),
    Known(r"^t5[-_](small|base|large|3b|11b)", ("CNN/DailyMail",), "the T5 paper's mixture of tasks, arXiv 1910.10683"),
    Known(r"^(mt0|bloomz)\b", ("SAMSum", "CNN/DailyMail", "XSum"), "the xP3 tasks, arXiv 2211.01786"),
    Known(r"^t0(p|pp|_3b)?$", ("SAMSum", "CNN/DailyMail", "XSum"), "the P3 tasks, arXiv 2110.08207"),
)


def describe_known_data(config: ExperimentConfig) -> list[str]:
    """Say of each base what it is known to have seen, and whether this experiment's data is among it."""
    notes = []
    bases: dict[tuple[str, str], str] = {}
    untrained = set()
    for key, method in config.methods.items():
        own = config.for_method(key)
        bases.setdefault(tell_base(own), own.model)
        if not method.trains:
            untrained.add(tell_base(own))
    for base, model in bases.items():
        name, published = PurePath(model).name, find_published(model)
        said = name if published == name else f"{name}, which is or comes from {published},"
        for known in find_known(published):
            text = f"{said} was trained on {join_words(known.data)}, among others (source: {known.source})"
            if any(_squeeze(data) in _squeeze(_name_data(config.data.source)) for data in known.data):
                text += "; this experiment's data seems to be of them"
                text += ", so its untrained row is no zero-shot" if base in untrained else ""
            notes.append(f"{text}.")
    return notes


def find_known(name: str) -> list[Known]:
    """Return the lines of the table that speak of a model, by its name."""
    return [known for known in KNOWN if re.search(known.pattern, name.lower())]


def find_published(model: str) -> str:
    """Return the published name of a model, without its owner, as far as a folder tells it; else what it is called.

    A folder of a hub cache lies under that name, config.json may hold it, and folders are often called like it.
    """
    path = Path(model).expanduser()
    candidates = [path.name]
    candidates += [part.split("--")[-1] for part in path.parts if part.startswith("models--")]
    with suppress(OSError, ValueError, RecursionError):  # a finished experiment is reported where its bases are not
        values = load_json(path / "config.json") if path.is_dir() else {}
        if isinstance(values, dict) and isinstance(said := values.get("_name_or_path"), str):
            candidates.append(PurePath(said).name[:MAX_NAME])
    return next((name for name in candidates if find_known(name)), path.name)


def _name_data(source: str) -> str:
    """Return the end of a path or hub id: folders above it are called by whoever made them."""
    return " ".join(PurePath(source).parts[-2:])


def _squeeze(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


__all__ = ["KNOWN", "Known", "describe_known_data", "find_known", "find_published"]

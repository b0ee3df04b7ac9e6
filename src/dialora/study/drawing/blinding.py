"""That nothing which the user writes and raters read names what is compared: the study's name, its title, its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dialora.errors import InputError
from dialora.study.drawing.pool import Pool
from dialora.study.drawing.texts import StudyTexts, load_texts

_REFUSAL = "which raters must not know of; give another that tells nothing of what is compared."


def find_told(text: str, pool: Pool) -> str | None:
    """Return the system or folder that a text names as a word; None where it names none."""
    return next((told for told in _list_names(pool) if _has_word(text, told)), None)


def require_blind_names(name: str, title: str | None, pool: Pool) -> None:
    """Raise InputError where what the user calls the study tells what is compared."""
    for what, text in (("--name", name), ("--title", title or "")):
        told = find_told(text, pool)
        if told is not None:
            raise InputError(f"{what} {text}: names {told}, {_REFUSAL}")


def require_blind_texts(texts: StudyTexts, path: Path | None, pool: Pool) -> None:
    """Raise InputError, with a line for each text, where those of the user's file name what is compared.

    A system that is called by a word of dialora's own texts, such as “summary” or “A”, is told by no text.
    """
    if path is None:
        return
    shipped = {text for _, text in _list_texts(load_texts().model_dump())}
    names = [name for name in _list_names(pool) if not any(_has_word(text, name) for text in shipped)]
    told = {
        place: name
        for place, text in _list_texts(texts.model_dump())
        if text not in shipped
        for name in names
        if _has_word(text, name)
    }
    if told:
        raise InputError("\n".join(f"{path}: {place}: names {name}, {_REFUSAL}" for place, name in told.items()))


def _list_names(pool: Pool) -> list[str]:
    found = [(system.key, system.label, Path(system.source).name) for system in pool.systems]
    return list(dict.fromkeys(name for names in found for name in names if name))


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text, re.IGNORECASE) is not None


def _list_texts(values: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Give every text in nested values with its place, as `instructions.opening`; keys that a user makes up, too."""
    if isinstance(values, str):
        yield place, values
    elif isinstance(values, dict):
        for key, value in values.items():
            yield from _list_texts(value, f"{place}.{key}" if place else str(key))
    elif isinstance(values, list | tuple):
        for at, value in enumerate(values):
            yield from _list_texts(value, f"{place}.{at}")


__all__ = ["find_told", "require_blind_names", "require_blind_texts"]

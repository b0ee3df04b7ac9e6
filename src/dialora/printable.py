"""Text that is shown: what would steer a terminal, reorder a line or break a file of markup is made visible.

Names, ids and texts come from anybody's data. Whatever leaves for a terminal, a page, Markdown, SVG or CSV goes through
`clean` at that border and nowhere before, so that what is computed and what is kept stay exact. A control character
(but for tabs and line feeds), a bidirectional override, embedding or isolate, half a character and a noncharacter are
shown as their escapes, as in `\\x1b` and `\\u202e`; everything else is as it was.

How a sentence lists words is here too, for whoever writes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

# Tabs and line feeds are text; a lone carriage return lets a line be written over.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
LONGEST_LINE = 600
"""Characters of a message."""
_LAST_SHOWN = 200
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*(e[+-]?\d+)?", re.IGNORECASE)
T = TypeVar("T")


def clean(text: str) -> str:
    """Return a text that is safe to show."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def clean_all(value: T) -> T:
    """Return a value whose texts, at any depth of dataclasses, mappings, lists and tuples, are safe to show.

    What holds nothing unsafe comes back itself.
    """
    cleaned: Any = value
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        cleaned = clean(value) if _UNSAFE.search(value) else value
    elif isinstance(value, dict):
        pairs = [(clean_all(key), clean_all(item)) for key, item in value.items()]
        if any(a is not b or x is not y for (a, x), (b, y) in zip(pairs, value.items(), strict=True)):
            cleaned = dict(pairs)
    elif isinstance(value, list | tuple):
        items = [clean_all(item) for item in value]
        if any(new is not old for new, old in zip(items, value, strict=True)):
            cleaned = items if isinstance(value, list) else tuple(items)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        changed = {name: new for name, part in parts.items() if (new := clean_all(part)) is not part}
        cleaned = replace(value, **changed) if changed else value
    return cast(T, cleaned)


def clean_cell(text: str) -> str:
    """Return a cell on one line that no spreadsheet takes for a formula: what begins like one and is no number gets an
    apostrophe.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = clean(" ".join(text.split()))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(text) else text


def clean_message(message: str) -> list[str]:
    """Return the lines of a message, each safe to show; of one that is too long the middle is left out."""
    return [_shorten(clean(line)) for line in message.split("\n")]


def escape_json(text: str) -> str:
    """Return JSON in which what is unsafe to show is escaped, which means the same."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def join_words(words: Sequence[str]) -> str:
    """Return words, at least one, as a sentence lists them: `a, b and c`."""
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last


def _shorten(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE - _LAST_SHOWN]} […] {line[-_LAST_SHOWN:]}"


__all__ = ["clean", "clean_all", "clean_cell", "clean_message", "escape_json", "join_words"]

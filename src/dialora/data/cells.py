"""What a cell of references or outputs says: its text or texts, without what a tokenizer or a writer left in them.

Takes raw values of any format, gives texts. A list that was written into a cell as text is read as that list, a
pipeline's `{"summary_text": …}` as its text, `<n>` as the sentence break that it stands for; special tokens are taken
out, and `nan`, `None` and `null` are no text. All of it is counted by column, so that it can be told.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

from dialora.data.reading.rows import is_empty, read_text
from dialora.errors import DataError

SPECIAL_TOKENS = re.compile(
    r"<pad>|</?s>|<unk>|<[be]os>|<extra_id_\d+>|\[(?:PAD|CLS|SEP|UNK|MASK|BOS|EOS)\]|<\|[a-z_]{2,30}\|>"
)
"""Of the usual tokenizers, as decoding without `skip_special_tokens=True` leaves them in a text."""
TEXT_KEYS = ("summary_text", "generated_text", "summary", "text", "content")
"""Under which an object holds its text, as those of transformers' pipelines do."""
_BREAK = re.compile(r"\s*<n>\s*")
_NOTHING = frozenset({"nan", "none", "null", "<na>"})
_LITERAL = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_LIST = re.compile(rf"\[\s*(?:{_LITERAL}(?:\s*,\s*|\s+|\s*(?=\])))+\]", re.DOTALL)
_OBJECTS = re.compile(rf"\[?\s*\{{\s*({_LITERAL})\s*:\s*({_LITERAL})\s*\}}\s*\]?", re.DOTALL)
_IDS = re.compile(r"[\[(]\s*-?\d+(?:[\s,]+-?\d+){2,}[\s,.]*[\])]")
SPECIAL, BREAK, NOTHING, WRITTEN = "special tokens", "<n>", "nothing", "list"
_TOLD = {
    SPECIAL: "Special tokens are taken out of texts: {}.",
    BREAK: "`<n>` is read as the sentence break that it stands for: {}.",
    NOTHING: "Cells that say nan, None or null are read as empty: {}.",
    WRITTEN: "Lists and objects that are written into cells as text are read as such: {}.",
}
_NAMED = 5


class CellReader:
    """Reads cells, and counts by column in how many something was not taken as it stands."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def read(self, value: Any, where: str, column: str) -> list[str]:
        """Return the texts of a cell; none where it is empty. Raises DataError, with its place, where it has none."""
        return [text for text in self._read(value, where, column) if text]

    def read_one(self, value: Any, where: str, column: str) -> str:
        """Return the one text of a cell, "" where it is empty. Raises DataError where there are several."""
        texts = self.read(value, where, column)
        if len(texts) > 1:
            raise DataError(
                f"{where}: {column!r} holds {len(texts)} texts where one is scored: join the sentences of a summary "
                "with line breaks, and give several samples a column each."
            )
        return texts[0] if texts else ""

    def describe(self) -> list[str]:
        """Say what was not taken as it stands, and where."""
        notes = []
        for kind, told in _TOLD.items():
            found = [f"{column} ({count:,})" for (of, column), count in self._counts.items() if of == kind]
            more = [f"and {len(found) - _NAMED} columns more"] if len(found) > _NAMED else []
            if found:
                notes.append(told.format(", ".join(found[:_NAMED] + more)))
        return notes

    def _read(self, value: Any, where: str, column: str) -> Iterator[str]:
        if is_token_ids(value):
            raise DataError(f"{where}: {column!r} holds token ids, not text; decode them with their tokenizer.")
        if isinstance(value, list):
            for item in value:
                yield from self._read(item, where, column)
        elif isinstance(value, dict):
            yield from self._read(_find_text(value, where, column), where, column)
        elif not is_empty(value):
            text = read_text(value, where, column)
            written = parse_written(text)
            if written is None:
                yield self._clean(text, column)
            else:
                self._count(WRITTEN, column)
                for item in written:
                    yield self._clean(item.strip(), column)

    def _clean(self, text: str, column: str) -> str:
        if text.casefold() in _NOTHING:
            self._count(NOTHING, column)
            return ""
        cleaned = clean_text(text)
        if cleaned != text:
            kinds = ((SPECIAL, SPECIAL_TOKENS), (BREAK, _BREAK))
            for kind in (kind for kind, pattern in kinds if pattern.search(text)):
                self._count(kind, column)
        return cleaned

    def _count(self, kind: str, column: str) -> None:
        self._counts[kind, column] = self._counts.get((kind, column), 0) + 1


def clean_text(text: str) -> str:
    """Return a text without special tokens, and with a line break for each `<n>`; others come back as they are."""
    if "<" not in text and "[" not in text:
        return text
    cleaned = SPECIAL_TOKENS.sub(" ", _BREAK.sub("\n", text))
    return text if cleaned == text else re.sub(r" {2,}", " ", re.sub(r" *\n *", "\n", cleaned)).strip()


def parse_written(text: str) -> list[str] | None:
    """Return the texts of a list, or of one object, that was written as text; None where a text is only a text.

    Lists in JSON's, Python's and NumPy's writing are known; in the last nothing but space is between two items.
    """
    if not text.startswith(("[", "{")) or not text.endswith(("]", "}")):
        return None
    if _LIST.fullmatch(text):
        return [_read_literal(match[0]) for match in re.finditer(_LITERAL, text, re.DOTALL)]
    match = _OBJECTS.fullmatch(text)
    if match and _read_literal(match[1]) in TEXT_KEYS:
        return [_read_literal(match[2])]
    return [] if re.fullmatch(r"\[\s*\]", text) else None


def is_token_ids(value: Any) -> bool:
    """Whether a cell holds a list of numbers, as such or, from three on, written as text."""
    if isinstance(value, str):
        return bool(_IDS.fullmatch(value.strip()))
    return isinstance(value, list) and bool(value) and all(isinstance(item, int | float) for item in value)


def _read_literal(literal: str) -> str:
    """Return the text of a quoted one, in JSON's writing or else in Python's."""
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an escape that Python does not know, which stays as it is
            return str(ast.literal_eval(literal.replace("\r", "\\r").replace("\n", "\\n").replace("\0", "")))
    except (ValueError, SyntaxError):
        return literal[1:-1]


def _find_text(values: dict[str, Any], where: str, column: str) -> Any:
    found = next((values[key] for key in TEXT_KEYS if key in values), None)
    if found is None:
        raise DataError(
            f"{where}: {column!r} holds an object without a text. Keys: {', '.join(map(str, values))[:200]}. "
            f"Recognised: {', '.join(TEXT_KEYS)}."
        )
    return found


__all__ = ["SPECIAL_TOKENS", "TEXT_KEYS", "CellReader", "clean_text", "is_token_ids", "parse_written"]

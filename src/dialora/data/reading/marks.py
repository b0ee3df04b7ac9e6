"""Marks inside a text that stand for something else: a line break, the padding of a model, a missing value."""

from __future__ import annotations

import re

from dialora.data.turns import LABEL

_BEFORE_LABEL = rf"(?=\s*(?:{LABEL.pattern.removeprefix('^')}))"
_LINE_BREAK_SIGN = re.compile(r"<br\s*/?>|<n>|\r|[\u2028\u2029]", re.IGNORECASE)
_LINE_BREAK = re.compile(r"[ \t]*(?:<br\s*/?>|<n>|\r\n?|[\u2028\u2029])[ \t]*", re.IGNORECASE)
# A backslash may belong to a path, and U+0085 is what wrong decoding makes of an ellipsis.
_WRITTEN_BREAK = re.compile(rf"[ \t]*(?:(?<=[.!?…\"')\]\s])(?:\\r)?\\n|(?:(?:\\r)?\\n|\x85){_BEFORE_LABEL})[ \t]*")
_SPECIAL = re.compile(r"\s*(?:<pad>|</?s>|<unk>|<extra_id_\d+>|\[(?:PAD|CLS|SEP|UNK)\]|<\|endoftext\|>)\s*")
_IGNORED_LABELS = re.compile(r"(?:\s*(?<![\w.])-100(?![\w.,]\w)){2,}\s*|^\s*-100\s*$")
"""A lone -100 within a sentence is a number."""
_MISSING = frozenset({"nan", "NaN", "NAN", "None", "null", "NULL", "Null", "<NA>"})


def is_missing(text: str) -> bool:
    """Whether a cell's whole text is how a program writes that there is none."""
    return text in _MISSING


def replace_line_breaks(text: str) -> str:
    """Return a text with line feeds where it has other signs for one.

    `<br>`, `<n>`, a carriage return and the line separators of Unicode always are; a written `\\n` where the text has
    no line break of its own, behind the end of a sentence or before a speaker, like U+0085.
    """
    if _LINE_BREAK_SIGN.search(text):
        text = _LINE_BREAK.sub("\n", text)
    return _WRITTEN_BREAK.sub("\n", text) if "\x85" in text or ("\\n" in text and "\n" not in text) else text


def remove_special_tokens(text: str) -> str:
    """Return a text without a model's special tokens, and without runs of the label that a loss ignores."""
    return _IGNORED_LABELS.sub(" ", _SPECIAL.sub(" ", text)).strip()


__all__ = ["is_missing", "remove_special_tokens", "replace_line_breaks"]

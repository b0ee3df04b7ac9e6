"""Marks inside a text that stand for something else: a line break, the padding of a model, a missing value."""

from __future__ import annotations

import re

from dialora.data.turns import LABEL

SPECIAL_TOKENS = re.compile(
    r"<pad>|</?s>|<unk>|<[be]os>|<extra_id_\d+>|\[(?:PAD|CLS|SEP|UNK|MASK|BOS|EOS)\]|<\|[a-z_]{2,30}\|>"
)
"""Of the usual tokenizers, as decoding without `skip_special_tokens=True` leaves them in a text."""
_BEFORE_LABEL = rf"(?=\s*(?:{LABEL.pattern.removeprefix('^')}))"
# Space before a sign is looked at from its start alone; otherwise a long run of it would be looked through many times.
_SPACE = r"(?:(?<![ \t])[ \t]+)?"
_LINE_BREAK = re.compile(rf"{_SPACE}(?:<br\s*/?>|<n>|\r\n?|[\u2028\u2029])[ \t]*", re.IGNORECASE)
_BREAK_SIGNS = ("<", "\r", "\u2028", "\u2029")
"""One of which every line break has that `_LINE_BREAK` finds."""
# A backslash may belong to a path, and U+0085 is what wrong decoding makes of an ellipsis.
_WRITTEN_BREAK = re.compile(rf"{_SPACE}(?:(?<=[.!?…\"')\]\s])(?:\\r)?\\n|(?:(?:\\r)?\\n|\x85){_BEFORE_LABEL})[ \t]*")
_IGNORED_LABELS = re.compile(r"(?<![\w.,-])-100(?:\s*-100)+(?![\w.,]\w)|^-100$")
"""A lone -100 within a sentence is a number."""
_MISSING = frozenset({"nan", "none", "null", "<na>"})


def is_missing(text: str) -> bool:
    """Whether a cell's whole text is how a program writes that there is none."""
    return len(text) <= 4 and text.casefold() in _MISSING


def replace_line_breaks(text: str) -> str:
    """Return a text with line feeds where it has other signs for one.

    `<br>`, `<n>`, a carriage return and the line separators of Unicode always are; a written `\\n` where the text has
    no line break of its own, behind the end of a sentence or before a speaker, like U+0085.
    """
    # Few texts have any, and looking whether a sign is there is far quicker than looking for all of them at each space.
    if any(sign in text for sign in _BREAK_SIGNS):
        text = _LINE_BREAK.sub("\n", text)
    return _WRITTEN_BREAK.sub("\n", text) if "\x85" in text or ("\\n" in text and "\n" not in text) else text


def remove_special_tokens(text: str) -> str:
    """Return a text without a model's special tokens, and without runs of the label that a loss ignores."""
    plain = _IGNORED_LABELS.sub(" ", SPECIAL_TOKENS.sub(" ", text))
    return text if plain == text else re.sub(r" {2,}", " ", plain).strip()


__all__ = ["SPECIAL_TOKENS", "is_missing", "remove_special_tokens", "replace_line_breaks"]

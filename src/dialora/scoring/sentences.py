"""A text with each sentence on a line of its own, as rougeLsum wants it."""

from __future__ import annotations

import re

# Behind a sentence's last sign (and a closing quote or bracket), where white space and then anything but a lower-case
# letter follows: "at 9 a.m. on Friday" stays whole, and so do the commonest titles.
_TITLE = r"(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bMrs\.)(?<!\bProf\.)"
_SENTENCE_END = re.compile(rf"(?:(?<=[.!?。！？…])|(?<=[.!?…][\"'”’)\]])){_TITLE}\s+(?=[^\sa-z])")

_UNSPACED_END = re.compile(r"(?<=[。！？])(?=[^\s。！？」』”’）)])")


def split_sentences(text: str, *, spaced: bool = True) -> str:
    """Put each sentence on a line of its own, as rougeLsum wants; line ends already there are kept.

    Unless `spaced`, the full stops of Chinese and Japanese end a sentence without white space behind them too.
    """
    text = _SENTENCE_END.sub("\n", text.strip())
    return text if spaced else _UNSPACED_END.sub("\n", text)


__all__ = ["split_sentences"]

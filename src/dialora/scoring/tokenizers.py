"""TOKENIZERS: what a word is to ROUGE. `rouge_score`'s own rule knows no letters but a–z and no digits but 0–9.

`unicode` takes runs of the letters, digits and marks of every script, in lower case and with compatible forms made one
(NFKC, so that ä is one letter however it is written), and each Han and Hiragana character by itself, as Unicode's word
boundaries do (UAX #29, without the rules for signs between letters). On texts of ASCII it is `rouge_score`'s rule. `zh`
and `ja` are sacrebleu's tokenizers, without their signs, where it is installed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from dialora.errors import ConfigError

Tokenizer = Callable[[str], list[str]]
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_LETTER = re.compile(r"[^\W_]")
_LAST_MARK = 0x1FFFF
"""Behind it are the ideographs, and the variation selectors."""


def find_tokenizer(name: str) -> Tokenizer:
    """Return the function that gives a text's words. Raises ConfigError where it is not installed."""
    return TOKENIZERS[name]()


def require_tokenizer(name: str) -> None:
    """Raise ConfigError where a tokenizer is not installed."""
    find_tokenizer(name)


def count_dropped(texts: Iterable[str]) -> tuple[int, int]:
    """Return how many letters and digits of the texts `rouge_score`'s rule drops, and how many there are."""
    dropped = total = 0
    for text in texts:
        size = len(_LETTER.findall(text))
        total += size
        if not text.isascii():
            dropped += size - sum(map(len, _ASCII_WORD.findall(text.lower())))
    return max(0, dropped), total


def _load_rouge_score() -> Tokenizer:
    return lambda text: _ASCII_WORD.findall(text.lower())


@cache
def _load_unicode() -> Tokenizer:
    marks = "".join(chr(code) for code in range(0x300, _LAST_MARK) if unicodedata.category(chr(code))[0] == "M")
    alone = "\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    word = re.compile(rf"[{alone}][{marks}]*|[^\W_{alone}][^\W_{alone}]*(?:[{marks}]+[^\W_{alone}]*)*")

    def split(text: str) -> list[str]:
        text = text.lower()
        return (
            _ASCII_WORD.findall(text) if text.isascii() else word.findall(unicodedata.normalize("NFKC", text).lower())
        )

    return split


@cache
def _load_sacrebleu(name: str) -> Tokenizer:
    try:
        if name == "ja":
            from sacrebleu.tokenizers.tokenizer_ja_mecab import TokenizerJaMecab as Found
        else:
            from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh as Found
        split: Any = Found()
    except (ImportError, RuntimeError) as error:  # RuntimeError is what sacrebleu makes of a missing MeCab
        what = "sacrebleu and MeCab" if name == "ja" else "sacrebleu"
        raise ConfigError(
            f"scoring.tokenizer: {name} needs {what}, which is not installed here: pip install 'dialora[languages]'; "
            "unicode needs nothing."
        ) from error
    return lambda text: [word for word in split(text.lower()).split() if _LETTER.search(word)]


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "rouge_score": _load_rouge_score,
    "unicode": _load_unicode,
    "zh": lambda: _load_sacrebleu("zh"),
    "ja": lambda: _load_sacrebleu("ja"),
}

__all__ = ["TOKENIZERS", "count_dropped", "find_tokenizer", "require_tokenizer"]

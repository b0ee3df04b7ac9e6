"""ROUGE-1, -2, -L and -Lsum of two texts: `rouge_score`'s own F-measures to the last bit.

The same words (lower-cased runs of a–z and 0–9, unless another tokenizer is asked for; those of more than three letters
stemmed, if they are of a–z), the same whole numbers of shared n-grams and of words in longest common subsequences, the
same arithmetic from there. What differs is how the numbers are found: a text is read once, however often it is
compared, and a column of the table behind a longest common subsequence is one integer (Hyyrö 2004, "Bit-parallel
LCS-length computation revisited").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from dialora.scoring.tokenizers import find_tokenizer

_TEXTS_KEPT = 4096
_WORDS_KEPT = 100_000


class Text:
    """A text, read once to be compared with many: its words, and those of its lines that have any."""

    __slots__ = ("bigrams", "lines", "masks", "num_words", "unigrams", "words")

    def __init__(self, text: str, *, stem: bool, tokenizer: str = "rouge_score") -> None:
        stems, split = _stems() if stem else None, find_tokenizer(tokenizer)
        lines = [_stem_words(split(line), stems) for line in text.split("\n")]
        self.lines = [line for line in lines if line]
        # A line's end is no word, so the lines' words are the text's.
        self.words = [word for line in self.lines for word in line]
        self.num_words = len(self.words)
        self.unigrams = Counter(self.words)
        self.bigrams = Counter(pairwise(self.words))
        self.masks = _build_masks(self.words)


@lru_cache(maxsize=_TEXTS_KEPT)
def read_text(text: str, *, stem: bool, tokenizer: str = "rouge_score") -> Text:
    """Read a text; one that was read before is remembered."""
    return Text(text, stem=stem, tokenizer=tokenizer)


def score_texts(reference: Text, summary: Text) -> tuple[float, float, float, float]:
    """Return the F-measures of ROUGE-1, -2, -L and -Lsum, in [0, 1]; Lsum reads a sentence per line."""
    m, n = reference.num_words, summary.num_words
    if not m or not n:
        return 0.0, 0.0, 0.0, 0.0
    longest = _measure_lcs(reference.masks, m, summary.words)
    # Of two single lines the union has one part, and no word of it is counted twice.
    is_plain = len(reference.lines) == len(summary.lines) == 1
    union = longest if is_plain else _count_union(reference, summary)
    return (
        _f_measure(_count_shared(reference.unigrams, summary.unigrams), m, n),
        _f_measure(_count_shared(reference.bigrams, summary.bigrams), max(m - 1, 1), max(n - 1, 1)),
        _f_measure(longest, m, n),
        _f_measure(union, m, n),
    )


def _stem_words(words: list[str], stems: _Stems | None) -> list[str]:
    # Porter's rules are of English, and would cut letters off the words of others.
    return words if stems is None else [stems[word] if len(word) > 3 and word.isascii() else word for word in words]


class _Stems(dict[str, str]):
    """Porter's stems by word, each found once: that is where most of the time would go."""

    def __init__(self) -> None:
        super().__init__()
        from nltk.stem.porter import PorterStemmer

        self._find: Any = PorterStemmer().stem

    def __missing__(self, word: str) -> str:
        if len(self) >= _WORDS_KEPT:
            self.clear()
        stem: str = self._find(word)
        self[word] = stem
        return stem


@cache
def _stems() -> _Stems:
    return _Stems()


def _count_shared(a: Counter[Any], b: Counter[Any]) -> int:
    return sum(min(a[gram], b[gram]) for gram in a.keys() & b.keys())


def _f_measure(hits: int, num_reference: int, num_summary: int) -> float:
    precision, recall = hits / num_summary, hits / num_reference
    # In rouge_score's order of operations: any other differs in the last bit.
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def _build_masks(words: Sequence[str]) -> dict[str, int]:
    """Return where each word stands: bit i is place i."""
    masks: dict[str, int] = {}
    for place, word in enumerate(words):
        masks[word] = masks.get(word, 0) | 1 << place
    return masks


def _measure_lcs(masks: dict[str, int], size: int, words: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of `words` and the `size` words behind `masks`."""
    ones = (1 << size) - 1
    column = ones
    for word in words:
        matches = masks.get(word)
        if matches:
            matches &= column
            column = (column + matches | column - matches) & ones
    return size - column.bit_count()


def _find_lcs(masks: dict[str, int], size: int, words: Sequence[str]) -> int:
    """Return which of the `size` words behind `masks` are in the one longest common subsequence `rouge_score` takes.

    It walks back through the table from the end: a match is taken, else it goes where the table is larger, and up, to
    the reference's word before, where both ways are equal. In a column a bit that is 0 says that the table grows there,
    which is where, without a match, the way goes left.
    """
    ones = (1 << size) - 1
    column = ones
    stops = []
    for word in words:
        matches = masks.get(word, 0)
        if matches:
            shared = matches & column
            column = (column + shared | column - shared) & ones
        stops.append((matches, matches | ~column))
    found, below = 0, ones
    for matches, stop in reversed(stops):
        stop &= below
        if not stop:
            break
        bit = 1 << stop.bit_length() - 1
        if matches & bit:
            found |= bit
            below = bit - 1
        else:
            below = (bit << 1) - 1
    return found


def _count_union(reference: Text, summary: Text) -> int:
    """Return the hits of ROUGE-Lsum: for each line of the reference, its words in common with any line of the summary.

    A word counts no oftener than the summary has it (ROUGE 1.5.5).
    """
    hits: Counter[str] = Counter()
    for line in reference.lines:
        masks = _build_masks(line)
        union = 0
        for other in summary.lines:
            union |= _find_lcs(masks, len(line), other)
        while union:
            bit = union & -union
            hits[line[bit.bit_length() - 1]] += 1
            union ^= bit
    return _count_shared(hits, summary.unigrams)


__all__ = ["Text", "read_text", "score_texts"]

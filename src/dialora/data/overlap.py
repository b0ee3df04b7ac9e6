"""Dialogues that stand in a data set twice, word for word or nearly.

Two dialogues are near-duplicates when they share at least half of their distinct word 8-grams (Jaccard similarity of
at least 0.5): about one word in twenty differs. Words are lower-cased runs of letters and digits; who speaks, case,
punctuation and line breaks do not count. A dialogue of fewer words counts as one n-gram.

Candidates come from MinHash signatures in locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman & Ullman,
Mining of Massive Datasets, section 3.4) and each is verified with its exact similarity, so no pair is reported
wrongly. With 64 bands of 3 rows a pair at the threshold is missed with probability (1 - 0.5³)⁶⁴ = 0.0002, at 0.6 with
10⁻⁷. Why 8 words and a half: docs/decisions/0008.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dialora.data.turns import remove_speakers

if TYPE_CHECKING:
    from datasketch import MinHash

NGRAM_WORDS = 8
THRESHOLD = 0.5
_BANDS, _ROWS = 64, 3
# Scripts without spaces: each character is a word of its own.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff])[^\W_])+"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A near-duplicate: its key in the index, and the Jaccard similarity of the word 8-grams, in [0.5, 1]."""

    key: int
    similarity: float


class NearDuplicateIndex:
    """Dialogues by number, to be asked for the near-duplicates of another."""

    def __init__(self) -> None:
        from datasketch import MinHashLSH

        self._lsh = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
        self._words: dict[int, Words] = {}

    def add(self, key: int, words: Words) -> None:
        """Add a dialogue's words; one without words is like none."""
        if words:
            self._words[key] = words
            self._lsh.insert(key, _sketch(words), check_duplication=False)

    def find(self, words: Words, *, leave_out: Collection[int] = ()) -> Iterator[Match]:
        """Yield the near-duplicates among the dialogues added so far, by key; those to leave out are not measured."""
        if not words:
            return
        own = split_ngrams(words)
        for key in sorted(self._lsh.query(_sketch(words))):
            if key in leave_out:
                continue
            similarity = _measure_similarity(own, split_ngrams(self._words[key]))
            if similarity >= THRESHOLD:
                yield Match(key, similarity)


def find_overlapping(dialogues: Sequence[str], others: Sequence[str]) -> list[int]:
    """Return the positions of the `dialogues` that stand in `others` too, the same or nearly."""
    texts, index, hashes = set(others), NearDuplicateIndex(), set[int]()
    found = {at for at, dialogue in enumerate(dialogues) if dialogue in texts}
    few, many = sorted((dialogues, others), key=len)
    for at, text in enumerate(few):
        words = split_words(text)
        index.add(at, words)
        hashes.update(_hash_ngrams(words).tolist())
    for at, text in enumerate(many):
        words = split_words(text)
        # Most dialogues share no n-gram with any other, and need not be looked up.
        if hashes.isdisjoint(_hash_ngrams(words).tolist()):
            continue
        if few is dialogues:
            found.update(match.key for match in index.find(words, leave_out=found))
        elif at not in found and any(index.find(words)):
            found.add(at)
    return sorted(found)


def split_words(text: str) -> Words:
    """Return a text's words, lower-cased, without the speakers' names in front of turns."""
    text = remove_speakers(text).lower()
    pattern = _ASCII_WORD if text.isascii() else _WORD
    return tuple(map(sys.intern, pattern.findall(text)))


@lru_cache(maxsize=8192)
def split_ngrams(words: Words) -> frozenset[Words]:
    """Return the distinct word 8-grams; fewer words than that are one n-gram."""
    return frozenset(words[start : start + NGRAM_WORDS] for start in range(max(1, len(words) - NGRAM_WORDS + 1)))


def _measure_similarity(a: frozenset[Words], b: frozenset[Words]) -> float:
    smaller, larger = sorted((len(a), len(b)))
    if smaller < THRESHOLD * larger:
        return 0.0  # they cannot reach the threshold
    shared = len(a & b)
    return shared / (smaller + larger - shared)


@lru_cache(maxsize=2)
def _sketch(words: Words) -> MinHash:
    """Return the MinHash signature of a dialogue's n-grams, the same in every process."""
    from datasketch import MinHash

    sketch = MinHash(num_perm=_BANDS * _ROWS, hashfunc=int, permutations=_permutations(), scheme="affine32")
    sketch.update_batch(_hash_ngrams(words).tolist())
    return sketch


@cache
def _permutations() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=_BANDS * _ROWS, seed=1).permutations


def _hash_ngrams(words: Words) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return a 32-bit hash of each n-gram, in order (with repetitions): a polynomial of its words' hashes."""
    hashes = np.fromiter(map(_hash_word, words), dtype=np.uint64, count=len(words))
    size = min(NGRAM_WORDS, len(words))
    num_ngrams = len(words) - size + 1
    total = np.zeros(num_ngrams, dtype=np.uint64)
    for place in range(size):
        # Wraps around at 2**64, as meant; the multiplier is odd, so every word counts.
        total = total * np.uint64(0x9E3779B97F4A7C15) + hashes[place : place + num_ngrams]
    return (total >> np.uint64(32)).astype(np.uint32)


@lru_cache(maxsize=1 << 16)
def _hash_word(word: str) -> int:
    data = word.encode()
    return zlib.crc32(data) << 32 | zlib.adler32(data)


__all__ = [
    "NGRAM_WORDS",
    "THRESHOLD",
    "Match",
    "NearDuplicateIndex",
    "Words",
    "find_overlapping",
    "split_ngrams",
    "split_words",
]

"""Dialogues that stand in a data set twice, word for word or nearly.

Two dialogues are near-duplicates when they share at least half of their distinct word 8-grams (Jaccard similarity of
at least 0.5): about one word in twenty differs. Words are lower-cased runs of letters and digits; who speaks, case,
punctuation and line breaks do not count. A dialogue of fewer words counts as one n-gram.

Candidates come from MinHash signatures in locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman & Ullman,
Mining of Massive Datasets, section 3.4) and each is verified with its exact similarity, so no pair is reported
wrongly. With 64 bands of 3 rows a pair at the threshold is missed with probability (1 - 0.5³)⁶⁴ = 0.0002, at 0.6 with
10⁻⁷. Of each dialogue a kilobyte is held, whatever its length. Why 8 words and a half: docs/decisions/0008.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal

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

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
LOOKED_UP_AT_ONCE = 4096
FEWEST_EQUAL = 40
"""Of 192 numbers half are equal at the threshold; fewer than these by chance in one pair of 10¹⁶."""

Words = tuple[str, ...]
Hashes = np.ndarray[Any, np.dtype[np.uint32]]
Bands = np.ndarray[Any, np.dtype[np.uint32]]
"""(dialogues, bands)."""
Marks = np.ndarray[Any, np.dtype[np.uint8]]
"""(dialogues, numbers of a signature)."""
Keys = np.ndarray[Any, np.dtype[np.integer[Any]]]
"""Dialogues by their positions."""


def find_near_duplicates(dialogues: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of positions i < j that are near-duplicates, with their similarity in [0.5, 1], ordered by j."""
    sketches = _sketch_all(dialogues)
    buckets = _Buckets(sketches)
    for start in range(0, len(dialogues), LOOKED_UP_AT_ONCE):
        part = np.arange(start, min(start + LOOKED_UP_AT_ONCE, len(dialogues)))
        for row, keys in buckets.look_up(sketches.bands[part], below=part):
            for key in sketches.choose_likely(keys, sketches.marks[start + row]):
                similarity = _compare(dialogues[key], dialogues[start + row])
                if similarity >= THRESHOLD:
                    yield key, start + row, similarity


def find_overlapping(dialogues: Sequence[str], others: Sequence[str]) -> list[int]:
    """Return the positions of the `dialogues` that stand in `others` too, the same or nearly."""
    texts = set(others)
    found = {at for at, dialogue in enumerate(dialogues) if dialogue in texts}
    few, many = sorted((dialogues, others), key=len)
    sketches, ngrams = _sketch_all(few), _collect_ngrams(few)
    buckets = _Buckets(sketches)
    for start in range(0, len(many), LOOKED_UP_AT_ONCE):
        part = range(start, min(start + LOOKED_UP_AT_ONCE, len(many)))
        # Most dialogues share no n-gram with any other, and need not be looked up.
        places = [at for at in part if _contains_any(ngrams, _hash_ngrams(split_words(many[at])))]
        asked = _sketch_all([many[at] for at in places])
        for row, keys in buckets.look_up(asked.bands):
            at, likely = places[row], sketches.choose_likely(keys, asked.marks[row])
            if few is dialogues:
                found.update(key for key in likely if key not in found and _compare(few[key], many[at]) >= THRESHOLD)
            elif at not in found and any(_compare(few[key], many[at]) >= THRESHOLD for key in likely):
                found.add(at)
    return sorted(found)


@dataclass(frozen=True, slots=True)
class _Sketches:
    """What is held of dialogues, a row each."""

    bands: Bands
    """A hash of each band of the signature."""
    marks: Marks
    """The last byte of each number of the signature."""
    has_words: np.ndarray[Any, np.dtype[np.bool_]]
    """Without words a dialogue is like none."""

    def choose_likely(self, keys: Keys, marks: Marks) -> list[int]:
        """Return those of the dialogues at `keys` that agree in enough marks to be worth a comparison of texts."""
        return keys[np.count_nonzero(self.marks[keys] == marks, axis=1) >= FEWEST_EQUAL].tolist()


class _Buckets:
    """Dialogues by the hashes of their bands: two arrays of 256 bytes a dialogue, sorted band by band."""

    def __init__(self, sketches: _Sketches) -> None:
        keys, bands = np.flatnonzero(sketches.has_words), sketches.bands
        self.hashes = np.empty((_BANDS, len(keys)), dtype=np.uint32)
        self.keys = np.empty((_BANDS, len(keys)), dtype=np.int32)
        for band in range(_BANDS):
            own = bands[keys, band]
            order = np.argsort(own, kind="stable")  # so that a bucket's keys ascend
            self.hashes[band], self.keys[band] = own[order], keys[order]

    def look_up(self, bands: Bands, *, below: Keys | None = None) -> Iterator[tuple[int, Keys]]:
        """Yield each row of `bands` that shares a bucket with some keys, and these; with `below`, its smaller ones."""
        sides = [[np.searchsorted(self.hashes[b], bands[:, b], side) for b in range(_BANDS)] for side in _SIDES]
        starts, ends = np.array(sides).reshape(2, _BANDS, len(bands))
        # A row that is looked up among its own has itself in every bucket.
        is_shared = ends - starts > (below is not None)
        for row in np.flatnonzero(is_shared.any(axis=0)).tolist():
            own = [self.keys[b, starts[b, row] : ends[b, row]] for b in np.flatnonzero(is_shared[:, row])]
            if below is not None:
                own = [keys[: np.searchsorted(keys, below[row])] for keys in own]
            yield row, np.unique(np.concatenate(own))


def split_words(text: str) -> Words:
    """Return a text's words, lower-cased, without the speakers' names in front of turns."""
    text = remove_speakers(text).lower()
    pattern = _ASCII_WORD if text.isascii() else _WORD
    return tuple(map(sys.intern, pattern.findall(text)))


@lru_cache(maxsize=16)
def split_ngrams(words: Words) -> frozenset[Words]:
    """Return the distinct word 8-grams; fewer words than that are one n-gram."""
    return frozenset(words[start : start + NGRAM_WORDS] for start in range(max(1, len(words) - NGRAM_WORDS + 1)))


def _compare(a: str, b: str) -> float:
    """Return the Jaccard similarity of two dialogues' n-grams; 0 where it cannot reach the threshold."""
    own, others = _split_text(a), _split_text(b)
    smaller, larger = sorted((len(own), len(others)))
    if smaller < THRESHOLD * larger:
        return 0.0
    shared = len(own & others)
    return shared / (smaller + larger - shared)


@lru_cache(maxsize=2048)
def _split_text(text: str) -> frozenset[Words]:
    return split_ngrams(split_words(text))


def _sketch_all(dialogues: Sequence[str]) -> _Sketches:
    size = len(dialogues)
    bands, marks = np.zeros((size, _BANDS), dtype=np.uint32), np.zeros((size, _BANDS * _ROWS), dtype=np.uint8)
    has_words = np.zeros(size, dtype=np.bool_)
    for at, dialogue in enumerate(dialogues):
        words = split_words(dialogue)
        if words:
            signature = _sketch(words).hashvalues
            has_words[at], bands[at], marks[at] = True, _hash_bands(signature), signature & 0xFF
    return _Sketches(bands, marks, has_words)


def _hash_bands(signature: Bands) -> Bands:
    """Hash each band's rows to 32 bits: bands that are equal by chance are told apart when texts are compared."""
    rows = signature.reshape(_BANDS, _ROWS).astype(np.uint64)
    total = np.zeros(_BANDS, dtype=np.uint64)
    for row in range(_ROWS):
        total = (total + rows[:, row]) * _MULTIPLIER
    return (total >> np.uint64(32)).astype(np.uint32)


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


def _hash_ngrams(words: Words) -> Hashes:
    """Return a 32-bit hash of each n-gram, in order (with repetitions): a polynomial of its words' hashes."""
    hashes = np.fromiter(map(_hash_word, words), dtype=np.uint64, count=len(words))
    size = min(NGRAM_WORDS, len(words))
    num_ngrams = len(words) - size + 1
    total = np.zeros(num_ngrams, dtype=np.uint64)
    for place in range(size):
        # Wraps around at 2**64, as meant; the multiplier is odd, so every word counts.
        total = total * _MULTIPLIER + hashes[place : place + num_ngrams]
    return (total >> np.uint64(32)).astype(np.uint32)


def _collect_ngrams(dialogues: Sequence[str]) -> Hashes:
    """Return the distinct hashes of all n-grams, sorted."""
    return np.unique(np.concatenate([np.zeros(0, np.uint32), *(_hash_ngrams(split_words(d)) for d in dialogues)]))


def _contains_any(ascending: Hashes, hashes: Hashes) -> bool:
    places = np.searchsorted(ascending, hashes)
    return bool((ascending[np.minimum(places, len(ascending) - 1)] == hashes).any()) if len(ascending) else False


@lru_cache(maxsize=1 << 16)
def _hash_word(word: str) -> int:
    data = word.encode()
    return zlib.crc32(data) << 32 | zlib.adler32(data)


__all__ = [
    "NGRAM_WORDS",
    "THRESHOLD",
    "Words",
    "find_near_duplicates",
    "find_overlapping",
    "split_ngrams",
    "split_words",
]

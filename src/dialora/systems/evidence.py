"""Where a summary comes from: the turns behind each sentence, and what it names that nobody said.

Takes a summary and its conversation, gives places in the summary (in characters). No model: a sentence was taken from
the turns that share its rare words, names and numbers. What is rare is told by the conversation itself (inverse
document frequency over its turns: Spärck Jones 1972). Deterministic; nothing is given where nothing fits.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dialora.records import Record
from dialora.scoring.faithfulness import find_unsupported_spans, split_words
from dialora.scoring.faithfulness.lexicon import FUNCTION_WORDS, LITTLE_WORDS, NUMBERS
from dialora.scoring.faithfulness.names import mask_tags
from dialora.scoring.faithfulness.quantities import find_quantities
from dialora.scoring.faithfulness.roles import stem
from dialora.scoring.sentences import split_sentences

MAX_TURNS = 3
"""So many turns are named for a sentence."""
MIN_SHARE = 0.15
"""The strongest turn holds so much of what the sentence says, by weight."""
MIN_FURTHER = 0.25
"""A further turn adds so much of what the strongest one holds."""
NUMBER_WEIGHT = 2.0
"""A number weighs as much as two words that are as rare."""
MOST_STEMS = 20_000
"""Words whose stems are kept: conversations have most of their words in common."""
_VALUE = "="
"""Begins a feature that is a number."""
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""


@dataclass(frozen=True, slots=True)
class Sentence(Record):
    """One sentence of a summary, `start` to `end`, and the turns it was taken from."""

    start: int
    end: int
    turns: tuple[int, ...]
    """Indices, strongest first, at most three; empty where none fits."""


@dataclass(frozen=True, slots=True)
class Place(Record):
    """Something that a summary names and its conversation does not, `start` to `end`."""

    kind: str
    """name, number, time, price or speaker."""
    text: str
    start: int
    end: int


def find_evidence(summary: str, turns: Sequence[tuple[str, str]]) -> list[Sentence]:
    """Return the sentences of a summary with the turns (speaker, text) each was taken from.

    A speaker's name counts for that speaker's own turns, but no turn is found by who speaks alone.
    """
    sentences = {(start, end): _list_features(summary[start:end]) for start, end in _find_sentences(summary)}
    wanted = set().union(*sentences.values())
    has_values = any(feature.startswith(_VALUE) for feature in wanted)
    names = {speaker: {stem(word) for word in _split(speaker)} for speaker in {speaker for speaker, _ in turns}}
    speakers = set().union(*names.values())
    holders: dict[str, list[int]] = defaultdict(list)
    for at, (speaker, text) in enumerate(turns):
        # Of numbers, which take the longest to find, there are none in most summaries.
        said = _list_features(text) if has_values else _list_stems(text)
        for feature in wanted & (names[speaker] | said):
            holders[feature].append(at)
    return [
        Sentence(start, end, _find_turns(features, holders, speakers, len(turns)))
        for (start, end), features in sentences.items()
    ]


def list_unsupported_places(summary: str, dialogue_text: str) -> list[Place]:
    """Return what a summary names and its dialogue does not, in the order of the summary, no two over each other.

    A place ends where a word does: `29th`, not the number in it.
    """
    places: list[Place] = []
    for kind, (start, end) in sorted(find_unsupported_spans(summary, dialogue_text), key=lambda item: item[1]):
        text = summary[start : _find_word_end(summary, end)].strip()
        start = summary.index(text, start)
        if text and (not places or places[-1].end <= start):
            places.append(Place(kind, text, start, start + len(text)))
    return places


def _find_word_end(text: str, end: int) -> int:
    """Return where the word ends that a place of a text ends in."""
    while 0 < end < len(text) and text[end - 1].isalnum() and text[end].isalnum() and not _UNSPACED.match(text, end):
        end += 1
    return end


def _find_sentences(summary: str) -> list[tuple[int, int]]:
    """Return where the sentences stand; space around them belongs to none."""
    spans, end = [], 0
    for sentence in split_sentences(summary, spaced=False).splitlines():
        if text := sentence.strip():
            start = summary.index(text, end)
            end = start + len(text)
            spans.append((start, end))
    return spans


def _find_turns(
    features: set[str], holders: Mapping[str, Sequence[int]], speakers: set[str], num_turns: int
) -> tuple[int, ...]:
    """Return the turns that hold these features: the one with the most, then each time the one that adds the most."""
    weights = {
        feature: (NUMBER_WEIGHT if feature.startswith(_VALUE) else 1.0)
        * math.log(1 + num_turns / max(1, len(holders.get(feature, ()))))
        for feature in sorted(features)
    }
    said = sum(weight for feature, weight in weights.items() if feature not in speakers)
    found: list[int] = []
    strongest = 0.0
    while weights and len(found) < MAX_TURNS:
        gains: dict[int, float] = defaultdict(float)
        shares: dict[int, float] = defaultdict(float)
        for feature, weight in weights.items():
            for at in holders.get(feature, ()):
                gains[at] += weight
                if feature not in speakers:
                    shares[at] += weight
        best = max(shares, key=lambda at: (gains[at], -at), default=None)
        if best is None or shares[best] < (MIN_FURTHER * strongest if found else MIN_SHARE * said):
            break
        strongest = strongest or shares[best]
        found.append(best)
        weights = {feature: weight for feature, weight in weights.items() if best not in holders.get(feature, ())}
    return tuple(found)


def _list_features(text: str) -> set[str]:
    """Return what a text is recognised by: words without little ones and endings, and the values of its numbers."""
    return _list_stems(text) | _list_values(text)


def _list_stems(text: str) -> set[str]:
    return {found for word in set(_split(text)) if (found := _find_stem(word))}


@lru_cache(maxsize=MOST_STEMS)
def _find_stem(word: str) -> str:
    """Return what a word is recognised by; "" for little words and numbers."""
    is_passed = word in LITTLE_WORDS or word in FUNCTION_WORDS or word in NUMBERS or word.isdecimal()
    return "" if is_passed else stem(word)


def _list_values(text: str) -> set[str]:
    """Return the numbers of a text as features; one is left out, which is as often a pronoun."""
    found = find_quantities(mask_tags(text).casefold())  # "#Person3#" counts nothing
    return {
        f"{_VALUE}{item.time[0]}:{item.time[1]:02}" if item.time and item.time[1] else f"{_VALUE}{item.value:g}"
        for item in found
        if item.value != 1
    }


def _split(text: str) -> list[str]:
    """Return the words of a text; where none are divided by spaces, each two characters that stand together."""
    words = split_words(text)
    if not text.isascii():
        words = [part for word in words for part in _split_unspaced(word)]
    return [word.split("'")[0].split("’")[0] for word in words if len(word) > 1]


def _split_unspaced(word: str) -> list[str]:
    runs = _UNSPACED.findall(word)
    return [run[at : at + 2] for run in runs for at in range(max(1, len(run) - 1))] if runs else [word]


__all__ = [
    "MAX_TURNS",
    "Place",
    "Sentence",
    "find_evidence",
    "list_unsupported_places",
]

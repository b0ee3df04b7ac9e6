"""What one summary holds that its dialogue does not, and how it was made of it: no model, nothing learned, no draw.

Takes a dialogue (`Speaker: words` lines) and a summary, gives a frozen record. Entities are looked for in English text
(see `names` and `quantities`); the shares of words work for any text with spaces between words. Novelty and compression
are those of Grusky et al. 2018 ("Newsroom") and See et al. 2017, counted over words without case.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from dialora.data.turns import remove_speakers
from dialora.records import Record
from dialora.scoring.faithfulness.names import (
    SpokenNames,
    find_unsupported_names,
    find_unsupported_tags,
    has_only_known_names,
    mask_tags,
)
from dialora.scoring.faithfulness.roles import SpokenTurns, find_role_claims
from dialora.scoring.faithfulness.spoken_quantities import (
    SpokenQuantities,
    find_unsupported_quantities,
    has_quantities,
)

KINDS = ("name", "number", "time", "price", "speaker")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class UnsupportedEntity(Record):
    """Something a summary names and its dialogue does not: a name, number, time, price or speaker, as it is written."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class SummaryFaithfulness(Record):
    """What was measured of one summary. What cannot be told of it is None."""

    id: str
    unsupported: tuple[UnsupportedEntity, ...]
    """In the order of the summary, each as often as it stands there."""
    num_role_claims: int
    """Claims about who asked or told something that the dialogue decides."""
    swapped: tuple[str, ...]
    """Those of them that the dialogue denies, in the summary's words."""
    length_ratio: float | None
    """Words of the summary by the mean number of words of the references."""
    compression: float | None
    """Words of the summary by words said in the dialogue."""
    novelty: float | None
    """Share of the summary's word bigrams, in [0, 1], that do not stand in the dialogue."""
    repetition: float | None
    """Share of the summary's word trigrams, in [0, 1], that stood in it before."""


class SpokenDialogue:
    """A dialogue, read once for many summaries."""

    def __init__(self, dialogue: str, *, vocabulary: Collection[str] = ()) -> None:
        """Read the dialogue; `vocabulary` comes from `collect_vocabulary`."""
        self.text, self.vocabulary = dialogue, vocabulary
        masked = mask_tags(dialogue)
        self.names, self.quantities, self.turns = SpokenNames(masked), SpokenQuantities(masked), SpokenTurns(dialogue)
        self.bigrams = set(pairwise(split_words(dialogue)))
        self.num_words = len(split_words(remove_speakers(dialogue)))


def measure_summary(
    summary: str, spoken: SpokenDialogue, *, id: str, references: Sequence[str] = ()
) -> SummaryFaithfulness:
    """Hold one summary against its dialogue; `references` are what its length is measured by."""
    words = split_words(summary)
    claims = find_role_claims(summary, spoken.turns)
    usual = float(np.mean([_count_words(reference) for reference in references])) if references else 0.0
    bigrams, trigrams = list(pairwise(words)), list(zip(words, words[1:], words[2:], strict=False))
    return SummaryFaithfulness(
        id=id,
        unsupported=tuple(_find_unsupported(summary, spoken)),
        num_role_claims=len(claims),
        swapped=tuple(summary[claim.start : claim.end].strip() for claim in claims if claim.is_swapped),
        length_ratio=len(words) / usual if usual else None,
        compression=len(words) / spoken.num_words if spoken.num_words else None,
        novelty=sum(bigram not in spoken.bigrams for bigram in bigrams) / len(bigrams) if bigrams else None,
        repetition=1 - len(set(trigrams)) / len(trigrams) if trigrams else None,
    )


def list_unsupported(summary: str, dialogue: str, *, kinds: Collection[str] = KINDS) -> list[UnsupportedEntity]:
    """Return what a summary names and its dialogue does not, of these kinds, in the order of the summary.

    What is no name is told by the dialogue's own words.
    """
    return _cut_out(summary, find_unsupported_spans(summary, dialogue, kinds=kinds))


def find_unsupported_spans(
    summary: str, dialogue: str, *, kinds: Collection[str] = KINDS
) -> list[tuple[str, tuple[int, int]]]:
    """Return the kind and place (start, end) of each of `list_unsupported`, in no order; spaces may be at the ends."""
    masked = mask_tags(dialogue)
    places: list[tuple[str, tuple[int, int]]] = []
    if "speaker" in kinds:
        places += [("speaker", span) for span in find_unsupported_tags(summary, dialogue)]
    if "name" in kinds and not has_only_known_names(summary, masked):
        found = find_unsupported_names(summary, SpokenNames(masked), vocabulary=collect_vocabulary([dialogue]))
        places += [("name", span) for span in found]
    if not {"number", "time", "price"}.isdisjoint(kinds) and has_quantities(mask_tags(summary)):
        quantities = find_unsupported_quantities(mask_tags(summary), SpokenQuantities(masked))
        places += [(item.kind, (item.start, item.end)) for item in quantities if item.kind in kinds]
    return places


def collect_vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that stand in lower case somewhere in the texts: no names, as far as these tell."""
    return frozenset(word for text in texts for word in _WORD.findall(text) if word.islower())


def split_words(text: str) -> list[str]:
    """Return the words of a text without case and punctuation."""
    return [word.casefold() for word in _WORD.findall(text)]


@lru_cache(maxsize=64)
def _count_words(reference: str) -> int:
    """Count the words of a reference, which all systems' summaries of a dialogue are measured by in turn."""
    return len(split_words(reference))


def _find_unsupported(summary: str, spoken: SpokenDialogue) -> list[UnsupportedEntity]:
    places = [("speaker", span) for span in find_unsupported_tags(summary, spoken.text)]
    places += [
        (item.kind, (item.start, item.end))
        for item in find_unsupported_quantities(mask_tags(summary), spoken.quantities)
    ]
    places += [("name", span) for span in find_unsupported_names(summary, spoken.names, vocabulary=spoken.vocabulary)]
    return _cut_out(summary, places)


def _cut_out(summary: str, places: Iterable[tuple[str, tuple[int, int]]]) -> list[UnsupportedEntity]:
    return [
        UnsupportedEntity(kind, summary[start:end].strip())
        for kind, (start, end) in sorted(places, key=lambda item: item[1])
    ]


__all__ = [
    "KINDS",
    "SpokenDialogue",
    "SummaryFaithfulness",
    "UnsupportedEntity",
    "collect_vocabulary",
    "find_unsupported_spans",
    "list_unsupported",
    "measure_summary",
    "split_words",
]

"""Judgements of texts turned into judgements of systems: who was preferred to whom, and who was given what.

Takes the key, the sheets and the judgements; gives plain records. A text that several systems wrote counts for each of
them; a pair with the same text is no judgement, and stands in `Unblinded.identical`. Attention checks and repeats are
never among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from dialora.study.judgements import Judgement, MarkedError
from dialora.study.key import JUDGED, StudyKey
from dialora.study.records import FIRST, NEITHER, SECOND, Sheet

SHARES = {FIRST: 1.0, SECOND: 0.0}
"""Of the text shown as A; every other answer is half a win for each."""
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Preferred:
    """One rater's judgement of one pair of systems on one dialogue, seen from `a`."""

    dialogue: str
    rater: int
    item: str
    a: str
    b: str
    share: float
    """1 where a was preferred, 0 where b was, else 0.5."""
    is_both_bad: bool
    is_first: bool
    """a was shown as A."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One rater's ratings of one system on one dialogue."""

    dialogue: str
    rater: int
    item: str
    system: str
    scores: dict[str, int]
    errors: tuple[MarkedError, ...]


@dataclass(frozen=True, slots=True)
class Unblinded:
    """Judgements of systems."""

    pairs: tuple[Pair, ...]
    """All pairs of systems as (later, earlier)."""
    preferred: tuple[Preferred, ...]
    rated: tuple[Rated, ...]
    identical: dict[Pair, tuple[str, ...]]
    """The dialogues for which a pair wrote the same."""
    num_asked: dict[Pair, int]
    """So many dialogues of each pair were put to raters."""


def unblind(key: StudyKey, sheets: Sequence[Sheet], judgements: Iterable[Judgement]) -> Unblinded:
    """Return what the judgements say of systems. Those of items that the key does not hold are left out."""
    order = {system.key: at for at, system in enumerate(key.systems)}
    items = {item.id: item for item in key.items if item.role == JUDGED}
    swapped = {(sheet.number, entry.item): entry.is_swapped for sheet in sheets for entry in sheet.entries}
    preferred: list[Preferred] = []
    rated: list[Rated] = []
    for judgement in judgements:
        item = items.get(judgement.item)
        if item is None:
            continue
        place = (judgement.sheet, judgement.item)
        if len(item.writers) == 1:
            for system in item.writers[0]:
                rated.append(
                    Rated(item.dialogue_id, judgement.sheet, item.id, system, judgement.scores, judgement.errors)
                )
        elif judgement.answer is not None and place in swapped:
            for one in item.writers[0]:
                for other in item.writers[1]:
                    # Pairs run from the later system to the earlier one, whichever text came first.
                    turned = order[one] < order[other]
                    is_first = swapped[place] == turned
                    share = SHARES.get(judgement.answer, 0.5)
                    preferred.append(
                        Preferred(
                            item.dialogue_id,
                            judgement.sheet,
                            item.id,
                            *((other, one) if turned else (one, other)),
                            share if is_first else 1 - share,
                            judgement.answer == NEITHER,
                            is_first,
                        )
                    )
    pairs = tuple((b, a) for a, b in combinations(order, 2))
    return Unblinded(pairs, tuple(preferred), tuple(rated), _find_identical(key, pairs), _count_asked(key, pairs))


def _find_identical(key: StudyKey, pairs: Sequence[Pair]) -> dict[Pair, tuple[str, ...]]:
    found: dict[Pair, list[str]] = {pair: [] for pair in pairs}
    for dialogue, one, other in key.identical:
        pair = (one, other) if (one, other) in found else (other, one)
        if dialogue not in found[pair]:
            found[pair].append(dialogue)
    return {pair: tuple(dialogues) for pair, dialogues in found.items()}


def _count_asked(key: StudyKey, pairs: Sequence[Pair]) -> dict[Pair, int]:
    asked: dict[Pair, set[str]] = {pair: set() for pair in pairs}
    for item in key.items:
        if item.role != JUDGED or len(item.writers) != 2:
            continue
        for one in item.writers[0]:
            for other in item.writers[1]:
                asked[(one, other) if (one, other) in asked else (other, one)].add(item.dialogue_id)
    return {pair: len(dialogues) for pair, dialogues in asked.items()}


def find_never_asked(key: StudyKey) -> list[Pair]:
    """Return the pairs that wrote the same for every dialogue that was drawn for them, so that nobody was asked."""
    pairs = [(b, a) for a, b in combinations([system.key for system in key.systems], 2)]
    identical, asked = _find_identical(key, pairs), _count_asked(key, pairs)
    return [pair for pair in pairs if identical[pair] and not asked[pair]]


def find_preferred_text(judgement: Judgement, *, is_swapped: bool) -> int | None:
    """Return which of an item's two texts was preferred, 0 or 1 in the key's order; None for neither of them."""
    if judgement.answer not in SHARES:
        return None
    return int((judgement.answer == SECOND) != is_swapped)


__all__ = ["Pair", "Preferred", "Rated", "Unblinded", "find_never_asked", "find_preferred_text", "unblind"]

"""How raters worked: attention, agreement with themselves and with others, leaning to a side, drift, speed.

Takes a study, its key and the judgements; gives RaterFacts, with the reason why a rater's judgements are left out.
The rule: who failed more than half of two or more attention checks, or gave more than half of five or more answers
faster than anybody reads, did not judge what was shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean, median

import numpy as np

from dialora.comparison.draws import Floats
from dialora.comparison.people import PositionBias, RaterFacts
from dialora.study.analysis.intervals import collect, estimate_mean
from dialora.study.analysis.unblind import find_preferred_text
from dialora.study.folder import BlindStudy
from dialora.study.judgements import Judgement
from dialora.study.key import ATTENTION, JUDGED, REPEAT, ItemKey, StudyKey
from dialora.study.records import FIRST, SECOND, Sheet

WORDS_PER_MINUTE = 1000
"""Faster than anybody reads with understanding: adults read 238 words of English a minute (Brysbaert 2019)."""
FEWEST_CHECKS, FEWEST_TIMED = 2, 5
LOW_RATING = 2
"""A summary of another dialogue is noticed where it is rated so low."""
FAITHFULNESS = "faithfulness"


class RaterReview:
    """Looks at how each sheet was worked through."""

    def __init__(self, blind: BlindStudy, key: StudyKey, judgements: Iterable[Judgement]) -> None:
        self._blind = blind
        self._keys = {item.id: item for item in key.items}
        self._by_sheet: dict[int, dict[str, Judgement]] = defaultdict(dict)
        for judgement in judgements:
            if judgement.item in self._keys:
                self._by_sheet[judgement.sheet][judgement.item] = judgement
        self._swapped = {
            (sheet.number, entry.item): entry.is_swapped for sheet in blind.sheets for entry in sheet.entries
        }
        self._choices: dict[str, dict[int, int | str]] = defaultdict(dict)
        self._means: dict[str, dict[int, float]] = defaultdict(dict)
        for number in self._by_sheet:
            for judgement in self._judged(number):
                if judgement.answer is not None:
                    self._choices[judgement.item][number] = self._preferred(judgement)
                elif judgement.scores:
                    self._means[judgement.item][number] = mean(judgement.scores.values())

    def describe(self) -> tuple[RaterFacts, ...]:
        """Return the facts of every sheet, begun or not."""
        return tuple(self._describe(sheet) for sheet in self._blind.sheets)

    def _describe(self, sheet: Sheet) -> RaterFacts:
        judged = self._judged(sheet.number)
        passed = [self._passes(one, item) for one, item in self._of_role(sheet.number, ATTENTION)]
        repeats = [
            self._is_alike(one, first)
            for one, item in self._of_role(sheet.number, REPEAT)
            if item.of is not None and (first := self._by_sheet[sheet.number].get(item.of)) is not None
        ]
        sides = [one.answer == FIRST for one in judged if one.answer in (FIRST, SECOND)]
        times = [one.seconds for one in judged if one.seconds is not None]
        return RaterFacts(
            sheet.number,
            num_judged=len(judged),
            num_asked=sum(self._role(entry.item) == JUDGED for entry in sheet.entries),
            median_seconds=median(times) if times else None,
            attention_passed=sum(passed),
            attention_asked=len(passed),
            self_agreement=mean(repeats) if repeats else None,
            first_share=mean(sides) if sides else None,
            drift=_measure_drift(judged),
            agreement_with_others=self._agree_with_others(sheet.number),
            excluded=self._find_reason(sheet, passed),
        )

    def _find_reason(self, sheet: Sheet, passed: Sequence[bool]) -> str:
        failed = len(passed) - sum(passed)
        if len(passed) >= FEWEST_CHECKS and 2 * failed > len(passed):
            return f"failed {failed} of {len(passed)} attention checks"
        timed, hasty = self._count_hasty(sheet)
        if timed >= FEWEST_TIMED and 2 * hasty > timed:
            return f"gave {hasty} of {timed} answers faster than {WORDS_PER_MINUTE:,} words a minute"
        return ""

    def _count_hasty(self, sheet: Sheet) -> tuple[int, int]:
        """Return how many answers were timed, and how many of them came faster than the texts can be read."""
        timed = hasty = 0
        last = None
        for entry in sheet.entries:
            item = self._blind.items.get(entry.item)
            if item is None:
                continue
            # A dialogue that stood there for the last item need not be read again.
            texts = item.texts if item.dialogue == last else (item.dialogue, *item.texts)
            last = item.dialogue
            judgement = self._by_sheet[sheet.number].get(entry.item)
            if judgement is None or judgement.seconds is None:
                continue
            timed += 1
            hasty += judgement.seconds < 60 * sum(len(text.split()) for text in texts) / WORDS_PER_MINUTE
        return timed, hasty

    def _agree_with_others(self, number: int) -> float | None:
        """Return the share of choices that most of the others share; of ratings alone, the rank correlation."""
        shared = []
        for chosen in self._choices.values():
            others = Counter(choice for rater, choice in chosen.items() if rater != number)
            if number not in chosen or not others:
                continue
            (most, count), *_ = others.most_common(1)
            if 2 * count > others.total():
                shared.append(chosen[number] == most)
        if shared:
            return mean(shared)
        own, theirs = [], []
        for given in self._means.values():
            others_mean = [value for rater, value in given.items() if rater != number]
            if number in given and others_mean:
                own.append(given[number])
                theirs.append(mean(others_mean))
        return _correlate_ranks(np.array(own), np.array(theirs))

    def _passes(self, judgement: Judgement, item: ItemKey) -> bool:
        """Whether the text of the dialogue was preferred, or that of another one was rated low where it matters."""
        if judgement.answer is not None:
            return self._preferred(judgement) == item.better
        if not judgement.scores:
            return False
        # Another dialogue's summary may be fluent; it is not faithful.
        score = judgement.scores.get(FAITHFULNESS, min(judgement.scores.values()))
        return score <= LOW_RATING

    def _is_alike(self, one: Judgement, other: Judgement) -> bool:
        if one.answer is not None:
            return self._said(one) == self._said(other)
        return all(abs(value - other.scores.get(name, value)) <= 1 for name, value in one.scores.items())

    def _said(self, judgement: Judgement) -> tuple[str, bool]:
        """Return the preferred text, or what was said of both; whether it is a text."""
        # A repeat is an item of its own, whose texts may stand in another order.
        chosen, item = self._preferred(judgement), self._blind.items.get(judgement.item)
        if isinstance(chosen, int) and item is not None:
            return item.texts[chosen], True
        return str(chosen), False

    def _preferred(self, judgement: Judgement) -> int | str:
        """Return the number of the preferred text in the item's order, or else the answer: two ties are alike."""
        is_swapped = self._swapped.get((judgement.sheet, judgement.item), False)
        chosen = find_preferred_text(judgement, is_swapped=is_swapped)
        return str(judgement.answer) if chosen is None else chosen

    def _judged(self, number: int) -> list[Judgement]:
        return [one for one, _ in self._of_role(number, JUDGED)]

    def _of_role(self, number: int, role: str) -> list[tuple[Judgement, ItemKey]]:
        pairs = [(one, self._keys[one.item]) for one in self._by_sheet.get(number, {}).values()]
        return sorted(((one, item) for one, item in pairs if item.role == role), key=lambda pair: pair[0].place)

    def _role(self, item: str) -> str | None:
        return self._keys[item].role if item in self._keys else None


def measure_position_bias(key: StudyKey, judgements: Iterable[Judgement]) -> PositionBias | None:
    """Return how often A was chosen where one of two was; None where nothing was. Over dialogues, and raters."""
    dialogues = {item.id: item.dialogue_id for item in key.items if item.role == JUDGED}
    rows = [
        (dialogues[one.item], one.sheet, float(one.answer == FIRST))
        for one in judgements
        if one.item in dialogues and one.answer in (FIRST, SECOND)
    ]
    if not rows:
        return None
    estimate = estimate_mean(collect(rows), lowest=0, highest=1)
    return PositionBias(estimate.mean, estimate.ci_low, estimate.ci_high, len(rows))


def _measure_drift(judged: Sequence[Judgement]) -> float | None:
    """Return the mean rating of the second half less that of the first; None for fewer than four ratings."""
    ratings = [mean(one.scores.values()) for one in judged if one.scores]
    half = len(ratings) // 2
    return mean(ratings[-half:]) - mean(ratings[:half]) if half > 1 else None


def _correlate_ranks(one: Floats, other: Floats) -> float | None:
    """Return Spearman's correlation; None for fewer than three, or where one of the two never changes."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(_rank(one), _rank(other))[0, 1])


def _rank(values: Floats) -> Floats:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[at]


__all__ = ["FEWEST_CHECKS", "FEWEST_TIMED", "WORDS_PER_MINUTE", "RaterReview", "measure_position_bias"]

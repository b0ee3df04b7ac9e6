"""Simulated studies: raters with noise, a leaning to a side and a strictness of their own judge planted differences.

A rater chooses by the difference of two qualities, plus a leaning to the text shown as A, plus logistic noise, and
calls a tie what lies within a margin; a rating is a quality plus the rater's strictness and noise, rounded to 1 … 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from dialora.study.folder import BlindStudy
from dialora.study.judgements import Judgement, MarkedError
from dialora.study.key import JUDGED, ItemKey, JudgedSystem, StudyKey
from dialora.study.records import (
    BOTH,
    FIRST,
    NEITHER,
    PAIRWISE,
    RATING,
    SECOND,
    TIE,
    Criterion,
    Entry,
    ErrorKind,
    Item,
    Sheet,
    StudySettings,
)

CRITERIA = ("faithfulness", "coverage")


@dataclass(frozen=True)
class Rater:
    """How one rater judges."""

    noise: float = 1.0
    side: float = 0.0
    """Added to the text shown as A."""
    margin: float = 0.5
    """Differences below it are ties."""
    strictness: float = 0.0
    """Taken from every rating."""
    taste: tuple[float, ...] = ()
    """Added to each system's quality."""


@dataclass
class Layout:
    """A study's key and sheets, drawn once."""

    key: StudyKey
    blind: BlindStudy
    judged: dict[str, ItemKey] = field(init=False)

    def __post_init__(self) -> None:
        self.judged = {item.id: item for item in self.key.items if item.role == JUDGED}


def draw_layout(
    systems: Sequence[str] = ("full", "lora"),
    *,
    num_dialogues: int = 30,
    num_raters: int = 3,
    design: str = PAIRWISE,
    raters_per_dialogue: int | None = None,
    identical: Sequence[tuple[str, str, str]] = (),
    seed: int = 0,
) -> Layout:
    """Lay a study out: each rater sees either order of a pair equally often, dialogues in an order of his own."""
    rng = np.random.default_rng(seed)
    same = {(dialogue, frozenset((a, b))) for dialogue, a, b in identical}
    items: list[ItemKey] = []
    for at in range(num_dialogues):
        dialogue = f"d{at}"
        groups: list[list[str]] = []
        for system in systems:
            for group in groups:
                if (dialogue, frozenset((group[0], system))) in same:
                    group.append(system)
                    break
            else:
                groups.append([system])
        texts = [tuple(group) for group in groups]
        if design in (RATING, BOTH):
            items += [ItemKey(f"r{at}-{i}", JUDGED, dialogue, (text,), "random") for i, text in enumerate(texts)]
        if design in (PAIRWISE, BOTH):
            items += [
                ItemKey(f"p{at}-{i}-{j}", JUDGED, dialogue, (texts[i], texts[j]), "random")
                for i, j in combinations(range(len(texts)), 2)
            ]
    per = raters_per_dialogue or num_raters
    sheets = []
    for rater in range(num_raters):
        dialogues = [at for at in range(num_dialogues) if (at * per + rater) % num_raters < per or per == num_raters]
        own = {f"d{at}" for at in dialogues}
        chosen = [item for item in items if item.dialogue_id in own]
        by_pair: dict[tuple[tuple[str, ...], ...], int] = {}
        entries = []
        for place in rng.permutation(len(chosen)):
            item = chosen[place]
            turn = by_pair.get(item.writers, rater % 2)
            by_pair[item.writers] = turn + 1
            entries.append(Entry(item.id, is_swapped=len(item.writers) == 2 and turn % 2 == 1))
        order = rng.permutation(len(entries))
        sheets.append(Sheet(rater + 1, tuple(entries[at] for at in order)))
    key = StudyKey(
        tuple(JudgedSystem(system, system, system.upper(), "") for system in systems),
        tuple(items),
        tuple(identical),
        {},
        seed,
    )
    shown = {
        item.id: Item(
            item.id,
            PAIRWISE if len(item.writers) == 2 else RATING,
            f"Ann: this is dialogue {item.dialogue_id}, and what is said in it. " * 5,
            tuple(f"{item.dialogue_id} by {'+'.join(writers)}" for writers in item.writers),
        )
        for item in items
    }
    settings = StudySettings(
        "study",
        design,
        "Summaries",
        "Read.",
        num_raters,
        criteria=tuple(Criterion(one, one.title(), "?", "bad", "good", "") for one in CRITERIA)
        if design != PAIRWISE
        else (),
        error_kinds=(ErrorKind("invented", "Invented", "", ""),) if design != PAIRWISE else (),
    )
    return Layout(key, BlindStudy(settings, shown, tuple(sheets)))


def draw_qualities(
    layout: Layout, planted: dict[str, float], rng: np.random.Generator, spread: float = 0.7
) -> dict[tuple[str, str], float]:
    """Draw each summary's quality: its system's, plus what the dialogue makes of it."""
    dialogues = sorted({item.dialogue_id for item in layout.key.items} | {one[0] for one in layout.key.identical})
    drawn = rng.normal(0, spread / 2**0.5, (len(dialogues), len(planted)))
    return {
        (dialogue, system): planted[system] + drawn[row, column]
        for row, dialogue in enumerate(dialogues)
        for column, system in enumerate(planted)
    }


def judge(
    layout: Layout,
    raters: Sequence[Rater],
    qualities: dict[tuple[str, str], float],
    rng: np.random.Generator,
    *,
    finished: float | Sequence[float] = 1.0,
    errors: float = 0.0,
) -> list[Judgement]:
    """Let every rater work through the first `finished` part of the sheet."""
    judgements = []
    systems = [system.key for system in layout.key.systems]
    parts = [finished] * len(raters) if isinstance(finished, float) else finished
    for sheet, rater, part in zip(layout.blind.sheets, raters, parts, strict=True):
        taste = dict(zip(systems, rater.taste or (0.0,) * len(systems), strict=True))
        stop = round(part * len(sheet.entries))
        noise = rng.logistic(0, rater.noise, stop)
        for place, entry in enumerate(sheet.entries[:stop]):
            item = layout.judged.get(entry.item)
            if item is None:
                continue
            worth = [qualities[item.dialogue_id, text[0]] + taste[text[0]] for text in item.writers]
            if len(worth) == 2:
                shown = worth[::-1] if entry.is_swapped else worth
                difference = shown[0] - shown[1] + rater.side + noise[place]
                answer = FIRST if difference > rater.margin else SECOND if difference < -rater.margin else TIE
                if answer == TIE and rng.random() < 0.3:
                    answer = NEITHER
                judgements.append(Judgement(sheet.number, entry.item, place, answer=answer, seconds=20.0))
                continue
            given = 3.3 + worth[0] - rater.strictness + rng.normal(0, 0.7 * rater.noise, len(CRITERIA))
            scores = {one: int(min(5, max(1, round(value)))) for one, value in zip(CRITERIA, given, strict=True)}
            marks = (MarkedError(0, 1, "invented"),) if rng.random() < errors else ()
            judgements.append(Judgement(sheet.number, entry.item, place, scores=scores, errors=marks, seconds=30.0))
    return judgements

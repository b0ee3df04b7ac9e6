"""What was drawn, in numbers: what whoever runs the study is told before the first rater begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dialora.records import Record
from dialora.study.drawing.options import StudyOptions
from dialora.study.drawing.positions import find_imbalance
from dialora.study.drawing.strata import DISAGREEMENT, STRATA
from dialora.study.folder import BlindStudy
from dialora.study.key import ATTENTION, JUDGED, REPEAT, StudyKey
from dialora.study.records import PAIRWISE, RATING

SECONDS = {PAIRWISE: 35, RATING: 60}
"""That an item of a kind takes, the dialogue's reading included: what short chats take; long ones take longer."""

LONG_MINUTES = 90
"""A sheet that takes longer is told of."""


@dataclass(frozen=True, slots=True)
class DrawnSheet(Record):
    """What one rater is asked."""

    number: int
    num_entries: int
    """With checks and repeats."""
    num_attention: int
    num_repeats: int
    minutes: float
    """Expected, at SECONDS an item."""


@dataclass(frozen=True, slots=True)
class DrawnStudy(Record):
    """What was drawn."""

    folder: str
    name: str
    design: str
    systems: dict[str, str]
    """Labels by key."""
    strata: dict[str, int]
    """How many dialogues were drawn for which reason."""
    num_available: int
    """How many dialogues there were to draw from."""
    num_pairs: int
    num_ratings: int
    judgements_per_item: int
    num_merged: int
    """Pairs of systems, over the dialogues, that wrote the same: nobody is asked to tell them apart."""
    sheets: tuple[DrawnSheet, ...]
    seed: int
    notes: tuple[str, ...]

    @property
    def num_dialogues(self) -> int:
        """How many dialogues were drawn."""
        return sum(self.strata.values())


def describe_drawn(
    root: Path,
    study: BlindStudy,
    key: StudyKey,
    strata: Mapping[str, int],
    *,
    num_available: int,
    options: StudyOptions,
) -> DrawnStudy:
    """Count what was drawn, and say what is not as one would expect."""
    roles = {one.id: one.role for one in key.items}
    judged = Counter(item.kind for item in study.items.values() if roles[item.id] == JUDGED)
    sheets = []
    for sheet in study.sheets:
        counts = Counter(roles[entry.item] for entry in sheet.entries)
        seconds = sum(SECONDS[study.items[entry.item].kind] for entry in sheet.entries)
        sheets.append(
            DrawnSheet(sheet.number, len(sheet.entries), counts[ATTENTION], counts[REPEAT], round(seconds / 60, 1))
        )
    return DrawnStudy(
        folder=str(root),
        name=study.settings.name,
        design=study.settings.design,
        systems={system.key: system.label for system in key.systems},
        strata={stratum: strata.get(stratum, 0) for stratum in STRATA},
        num_available=num_available,
        num_pairs=judged[PAIRWISE],
        num_ratings=judged[RATING],
        judgements_per_item=options.num_judges,
        num_merged=_count_merged(key),
        sheets=tuple(sheets),
        seed=key.seed,
        notes=tuple(_list_notes(study, key, sheets, sum(strata.values()), strata, options)),
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _count_merged(key: StudyKey) -> int:
    """Count (dialogue, system, system) that wrote the same, whatever the design."""
    found = {(dialogue, *sorted((a, b))) for dialogue, a, b in key.identical}
    for item in key.items:
        for writers in item.writers:
            found |= {(item.dialogue_id, *sorted((a, b))) for at, a in enumerate(writers) for b in writers[at + 1 :]}
    return len(found)


def _list_notes(
    study: BlindStudy,
    key: StudyKey,
    sheets: list[DrawnSheet],
    num_drawn: int,
    strata: Mapping[str, int],
    options: StudyOptions,
) -> list[str]:
    notes = []
    if num_drawn < options.num_dialogues:
        notes.append(
            f"Of {options.num_dialogues:,} dialogues asked for there are {num_drawn:,}; all of them were drawn."
        )
    if not strata.get(DISAGREEMENT):
        notes.append("No two systems have scores, so no dialogue was drawn for their disagreement.")
    num_items = min(sheet.num_entries - sheet.num_attention - sheet.num_repeats for sheet in sheets)
    fewest, wanted = min(sheet.num_attention for sheet in sheets), options.count_checks(num_items)
    if fewest < wanted:
        notes.append(
            f"A sheet has {_count(fewest, 'attention check')} and not {wanted:,}: there are too few references "
            "that are not judged themselves, or too few dialogues."
        )
    fewest, wanted = min(sheet.num_repeats for sheet in sheets), options.count_repeats(num_items)
    if fewest < wanted:
        notes.append(
            f"A sheet has {_count(fewest, 'repeat')} and not {wanted:,}: of a dialogue one item is asked again, and "
            "only of those in the first half."
        )
    longest = max(sheet.minutes for sheet in sheets)
    if longest > LONG_MINUTES:
        notes.append(
            f"A sheet takes about {longest / 60:.1f} hours. It can be done in parts; fewer --items, fewer --systems, "
            "or more --raters with fewer --judgements-per-item make it shorter."
        )
    kinds = {item.kind for item in study.items.values()}
    lacking = kinds - {one.kind for one in study.settings.practice}
    notes += [f"There is no practice item for a {kind} item." for kind in sorted(lacking)]
    keys = {one.id: one for one in key.items}
    sides = {
        (sheet.number, entry.item): entry.is_swapped
        for sheet in study.sheets
        for entry in sheet.entries
        if keys[entry.item].role == JUDGED and study.items[entry.item].kind == PAIRWISE
    }
    imbalance = find_imbalance(sides, keys)
    if imbalance > 1:
        notes.append(
            f"Texts that several systems wrote leave one of two systems shown first {imbalance:,} times more often "
            "than the other, in a sheet or in all; no order is even for all of them. Another --seed may be."
        )
    return notes


__all__ = ["SECONDS", "DrawnSheet", "DrawnStudy", "describe_drawn"]

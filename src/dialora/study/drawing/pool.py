"""What a study may draw from: dialogues with what people and every system wrote, from one or several comparisons.

Takes the folders of finished experiments and scored tables. They must have compared the same dialogues under the same
protocol, since their scores stand side by side. A key or label that two of them use is told apart by its folder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dialora.comparison.people import PEOPLE
from dialora.comparison.yardsticks import LABELS
from dialora.config.problems import suggest
from dialora.errors import InputError
from dialora.report.comparison_stage import KeptComparison, load_comparison
from dialora.report.document import ReportedExample
from dialora.study.key import JudgedSystem


@dataclass(frozen=True, slots=True)
class Pool:
    """Dialogues with the texts and scores of the systems to be judged, by the systems' keys here."""

    systems: tuple[JudgedSystem, ...]
    examples: tuple[ReportedExample, ...]
    """In the order of the first comparison. With people among the systems, `summaries` holds the first reference."""


def load_pool(folders: Sequence[Path], *, systems: Sequence[str] = (), include_human: bool = False) -> Pool:
    """Load the comparisons and put them side by side. Raises StageError, InputError.

    `systems` are the keys to take, all without any; `include_human` adds the first reference under PEOPLE.
    """
    places = list(dict.fromkeys(folder.resolve() for folder in folders))
    kept = [load_comparison(place) for place in places]
    for folder, other in zip(places[1:], kept[1:], strict=True):
        _require_same_dialogues(places[0], kept[0], folder, other)
    for folder, one in zip(places, kept, strict=True):
        _require_texts(folder, one)
    named = _name_systems(places, kept)
    pool = Pool(tuple(system for system, _, _ in named), _join(kept, named))
    pool = _pick(pool, systems)
    return add_people(pool) if include_human else pool


def normalise(text: str) -> str:
    """Return a text as it is compared: with single spaces."""
    return " ".join(text.split())


def _require_texts(folder: Path, kept: KeptComparison) -> None:
    if not kept.examples:
        raise InputError(f"{folder}: compared no dialogue.")
    missing = [example.id for example in kept.examples if not example.dialogue.strip()]
    if missing:
        raise InputError(
            f"{folder}: {len(missing):,} of {len(kept.examples):,} dialogues have no text (as {missing[0]}), and "
            "raters read them; score the table with its dialogues, as in --set outputs.dialogues=DATA."
        )


def _require_same_dialogues(first: Path, kept: KeptComparison, folder: Path, other: KeptComparison) -> None:
    """Raise InputError where two comparisons are not of the same dialogues, references and protocol."""
    mine = {example.id: example for example in kept.examples}
    theirs = {example.id: example for example in other.examples}
    for here, there, place, elsewhere in ((mine, theirs, first, folder), (theirs, mine, folder, first)):
        missing = [key for key in here if key not in there]
        if missing:
            raise InputError(
                f"{len(missing):,} of the {len(here):,} dialogues of {place} are not in {elsewhere} (as {missing[0]}): "
                "a study needs systems that wrote of the same dialogues; compare them on the same test set."
            )
    for key, example in mine.items():
        if normalise(example.dialogue) != normalise(theirs[key].dialogue):
            raise InputError(
                f"dialogue {key} has another text in {folder} than in {first}; they are not the same data."
            )
        if [*map(normalise, example.references)] != [*map(normalise, theirs[key].references)]:
            raise InputError(
                f"dialogue {key} has other references in {folder} than in {first}, so that scores would not compare; "
                "score both with the same references."
            )
    if kept.comparison.protocol != other.comparison.protocol:
        raise InputError(
            f"{folder} was scored as {other.comparison.protocol}, {first} as {kept.comparison.protocol}; score both "
            "alike (--set scoring.protocol=…), since a study says how well scores tell what people prefer."
        )


Named = tuple[JudgedSystem, int, str]
"""A system with the comparison that it is of, counted from 0, and its key there."""


def _name_systems(folders: Sequence[Path], kept: Sequence[KeptComparison]) -> list[Named]:
    """Return the systems of all comparisons; the key of the references is nobody else's."""
    found = [
        (JudgedSystem(one.key, one.method, one.label, str(folders[at])), at, one.key)
        for at, comparison in enumerate(kept)
        for one in comparison.comparison.systems
        if not one.yardstick
    ]
    names = _name_folders(folders)
    keys = Counter(system.key for system, _, _ in found) + Counter([PEOPLE, PEOPLE])
    labels = Counter(system.label.casefold() for system, _, _ in found) + Counter([LABELS[PEOPLE].casefold()])
    return [
        (
            replace(
                system,
                key=system.key if keys[system.key] < 2 else f"{system.key}@{names[at]}",
                label=system.label if labels[system.label.casefold()] < 2 else f"{system.label} ({names[at]})",
            ),
            at,
            key,
        )
        for system, at, key in found
    ]


def _name_folders(folders: Sequence[Path]) -> list[str]:
    short = [folder.name for folder in folders]
    return [
        name if short.count(name) == 1 else f"{name}-{short[: at + 1].count(name)}" for at, name in enumerate(short)
    ]


def _join(kept: Sequence[KeptComparison], named: Sequence[Named]) -> tuple[ReportedExample, ...]:
    by_id = [{example.id: example for example in comparison.examples} for comparison in kept]
    return tuple(
        replace(
            example,
            summaries={system.key: by_id[at][example.id].summaries[key] for system, at, key in named},
            scores={system.key: _finite(by_id[at][example.id].scores.get(key, {})) for system, at, key in named},
            unsupported={},
        )
        for example in kept[0].examples
    )


def _finite(scores: dict[str, float]) -> dict[str, float]:
    return {metric: value for metric, value in scores.items() if math.isfinite(value)}


def _pick(pool: Pool, keys: Sequence[str]) -> Pool:
    """Return the pool of some systems, in its own order. Raises InputError for a key that is none."""
    known = [system.key for system in pool.systems]
    for key in keys:
        if key not in known:
            raise InputError(f"--systems {key}: no system of that key{suggest(key, known)}")
    taken = [system for system in pool.systems if not keys or system.key in keys]
    examples = tuple(
        replace(
            example,
            summaries={system.key: example.summaries[system.key] for system in taken},
            scores={system.key: example.scores[system.key] for system in taken},
        )
        for example in pool.examples
    )
    return Pool(tuple(taken), examples)


def add_people(pool: Pool) -> Pool:
    """Put the first reference among the systems."""
    examples = tuple(
        replace(example, summaries=example.summaries | {PEOPLE: example.references[0]}) for example in pool.examples
    )
    return Pool((*pool.systems, JudgedSystem(PEOPLE, PEOPLE, LABELS[PEOPLE], "")), examples)


__all__ = ["Pool", "add_people", "load_pool", "normalise"]

"""Which test dialogues are looked at, and of which systems: by id, by ROUGE-1 or at random.

Takes the examples of a comparison and gives the chosen ones with a phrase that says how they were chosen.
"""

from __future__ import annotations

import difflib
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dialora.comparison import System
from dialora.config.problems import show, suggest
from dialora.errors import ConfigError
from dialora.report.document import ReportedExample
from dialora.report.examples import find_rouge1, measure_disagreement
from dialora.report.palette import is_trained

DISAGREE, WORST, BEST, RANDOM = "disagree", "worst", "best", "random"
SORTS = (DISAGREE, WORST, BEST, RANDOM)
MAX_NEAR = 3
"""Ids that are named where one is unknown."""
MAX_UNKNOWN = 5
"""To look for the nearest takes a while where there are many."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is looked at."""

    systems: tuple[System, ...]
    """In the order of the tables."""
    examples: tuple[ReportedExample, ...]
    how: str
    """Behind "3 of 120 test dialogues": how they were chosen."""


def choose_examples(
    examples: Sequence[ReportedExample],
    systems: Sequence[System],
    *,
    n: int = 3,
    sort: str = DISAGREE,
    ids: Sequence[str] = (),
    keys: Sequence[str] = (),
    seed: int = 0,
) -> Choice:
    """Choose `n` examples, or those with `ids` in their order; equal ones keep the order of the test set.

    `keys` are the systems that are looked at, all when none is named. The first of them is whose ROUGE-1 `worst` and
    `best` go by; without one it is the mean of all trained systems, or of all where none is. Raises ConfigError.
    """
    if n < 1:
        raise ConfigError(f"n: must be 1 or more, got {show(n)}.")
    if sort not in SORTS:
        raise ConfigError(f"sort: {show(sort)} is no order{suggest(sort, SORTS)}")
    written = [system for system in systems if any(system.key in example.summaries for example in examples)]
    shown = _find_systems(written, keys)
    if ids:
        return Choice(shown, _find_examples(examples, ids), "as named")
    names = {system.key for system in shown}
    if sort == RANDOM:
        places = random.Random(seed).sample(range(len(examples)), min(n, len(examples)))
        return Choice(shown, tuple(examples[at] for at in places), f"drawn at random (seed {seed})")
    if sort == DISAGREE:
        spreads = [measure_disagreement(example, names) for example in examples]
        if all(spread is None for spread in spreads):
            return Choice(shown, tuple(examples[:n]), "the first ones: there are no two systems to disagree")
        return Choice(shown, _sort(examples, spreads, -1)[:n], "on which the systems' ROUGE-1 differs most")
    judged = _find_judged(shown, keys)
    scores = [_measure(example, judged) for example in examples]
    what = f"{'lowest' if sort == WORST else 'highest'}{' mean' * (len(judged) > 1)} ROUGE-1"
    how = f"with the {what} of {', '.join(system.label for system in judged)}"
    return Choice(shown, _sort(examples, scores, 1 if sort == WORST else -1)[:n], how)


def _sort(
    examples: Sequence[ReportedExample], values: Sequence[float | None], sign: int
) -> tuple[ReportedExample, ...]:
    order = [math.inf if value is None else sign * value for value in values]
    return tuple(examples[at] for at in sorted(range(len(examples)), key=order.__getitem__))


def _find_systems(systems: Sequence[System], keys: Sequence[str]) -> tuple[System, ...]:
    known = [system.key for system in systems]
    problems = [f"system: {show(key)} is not compared{suggest(key, known)}" for key in keys if key not in known]
    if problems:
        raise ConfigError(problems)
    return tuple(system for system in systems if not keys or system.key in keys)


def _find_judged(shown: Sequence[System], keys: Sequence[str]) -> Sequence[System]:
    """Return the systems whose mean ROUGE-1 orders the examples."""
    if keys:
        return [system for system in shown if system.key == keys[0]]
    return [system for system in shown if is_trained(system)] or shown


def _measure(example: ReportedExample, systems: Sequence[System]) -> float | None:
    """Return the systems' mean ROUGE-1 on a dialogue; None where one has none, since means of others do not compare."""
    scores = [score for system in systems if (score := find_rouge1(example, system.key)) is not None]
    return sum(scores) / len(scores) if scores and len(scores) == len(systems) else None


def _find_examples(examples: Sequence[ReportedExample], ids: Sequence[str]) -> tuple[ReportedExample, ...]:
    by_id = {example.id: example for example in examples}
    unknown = [one for one in dict.fromkeys(ids) if one not in by_id]
    problems = [f"id: {show(one)} is no test dialogue{_name_near(one, by_id)}" for one in unknown[:MAX_UNKNOWN]]
    if len(unknown) > MAX_UNKNOWN:
        problems.append(f"id: and {len(unknown) - MAX_UNKNOWN:,} more that are none.")
    if problems:
        raise ConfigError(problems)
    return tuple(by_id[one] for one in dict.fromkeys(ids))


def _name_near(unknown: str, ids: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(unknown)[:100], ids, n=MAX_NEAR, cutoff=0.0)
    return f"; the nearest: {', '.join(map(show, near))}."


__all__ = ["BEST", "DISAGREE", "RANDOM", "SORTS", "WORST", "Choice", "choose_examples"]

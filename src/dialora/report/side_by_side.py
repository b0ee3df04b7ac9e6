"""A test dialogue and what was written of it, as plain values: built once for the terminal and for notebooks.

Takes a ReportedExample and the systems that are looked at. Texts are safe to show; a renderer only decides how they
look.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dialora.comparison import METRICS, System
from dialora.data.turns import LABEL
from dialora.printable import clean_all
from dialora.report import numbers
from dialora.report.document import ReportedExample
from dialora.report.examples import find_rouge1, measure_disagreement
from dialora.report.palette import SystemStyle
from dialora.report.tables import name_metric

SHOWN_METRICS = tuple(metric for metric in METRICS if metric != "rougeLsum")
# A dialogue on one line is divided at its tags, as on the report's page.
_TURN_BREAK = re.compile(r"\r?\n|(?<=\s)(?=#Person\d+#:)")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says; "" for a line without a speaker."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a summary."""

    text: str
    is_unsupported: bool = False
    """It names what the dialogue does not."""


@dataclass(frozen=True, slots=True)
class WrittenSummary:
    """A system's summary of one dialogue."""

    label: str
    color: str
    passages: tuple[Passage, ...]
    """None of a summary without a word."""
    scores: tuple[tuple[str, str], ...]
    """Names of metrics, and the scores as text; ROUGE first."""
    unsupported: tuple[str, ...]
    is_best: bool
    """Its ROUGE-1 is the highest of several."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A dialogue and all that was written of it."""

    id: str
    topic: str
    spread: str
    """How far apart the systems are; "" for a single one."""
    turns: tuple[Turn, ...]
    references: tuple[tuple[str, str], ...]
    """(who, text)."""
    summaries: tuple[WrittenSummary, ...]


def put_side_by_side(example: ReportedExample, systems: Sequence[System], styles: dict[str, SystemStyle]) -> SideBySide:
    """Put the summaries of `systems` beside the dialogue and the references."""
    example = clean_all(example)
    written = [system for system in systems if system.key in example.summaries]
    spread = measure_disagreement(example, {system.key for system in written})
    known = [score for system in written if (score := find_rouge1(example, system.key)) is not None]
    best = max(known) if len(known) > 1 else None
    several = len(example.references) > 1
    return SideBySide(
        id=example.id,
        topic=" ".join((example.topic or "").split()),
        spread="" if spread is None else f"{100 * spread:.1f} points apart in ROUGE-1",
        turns=split_turns(example.dialogue),
        references=tuple(
            (f"Human {number}" if several else "Human", text.strip())
            for number, text in enumerate(example.references, start=1)
        ),
        summaries=tuple(
            WrittenSummary(
                label=clean_all(system.full_label),
                color=styles[system.key].color,
                passages=mark_unsupported(example.summaries[system.key], example.unsupported.get(system.key, ())),
                scores=_list_scores(example.scores.get(system.key, {})),
                unsupported=tuple(sorted(set(example.unsupported.get(system.key, ())))),
                is_best=best is not None and find_rouge1(example, system.key) == best,
            )
            for system in written
        ),
    )


def split_turns(dialogue: str) -> tuple[Turn, ...]:
    """Return a dialogue's turns; a tag stands without its signs, as in `Person1`."""
    turns = []
    for line in _TURN_BREAK.split(dialogue):
        if line.strip():
            match = LABEL.match(line)
            speaker = "" if match is None else " ".join((match[1] or match[2]).split())
            turns.append(Turn(speaker, line[match.end() if match else 0 :].strip()))
    return tuple(turns)


def mark_unsupported(text: str, names: Collection[str]) -> tuple[Passage, ...]:
    """Divide a summary where it names what the dialogue does not, as the report's page does."""
    text = text.strip()
    if not text:
        return ()
    if not names:
        return (Passage(text),)
    found = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    parts = re.split(rf"(?<![^\W_])({found})(?![^\W_])", text)
    return tuple(Passage(part, is_unsupported=at % 2 == 1) for at, part in enumerate(parts) if part)


def _list_scores(scores: dict[str, float]) -> tuple[tuple[str, str], ...]:
    """Return ROUGE-1, 2 and L, and what learned metrics say."""
    shown = [*SHOWN_METRICS, *(metric for metric in scores if metric not in METRICS)]
    return tuple((name_metric(metric), numbers.format_score(scores.get(metric))) for metric in shown)


__all__ = [
    "Passage",
    "SideBySide",
    "Turn",
    "WrittenSummary",
    "mark_unsupported",
    "put_side_by_side",
    "split_turns",
]

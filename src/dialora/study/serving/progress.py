"""How far a study is: what each rater has done, and how much they agree so far. Nothing of it goes by system.

Made of what is blind alone, so planted items count like all others; agreement is defined as in the report.
"""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dialora.records import Record
from dialora.store import names
from dialora.study.analysis.agreement import PREFERENCE, collect_given, find_alpha
from dialora.study.events import EventStore
from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.judgements import PRACTISED, Event, Judgement, collect_judgements
from dialora.study.records import PAIRWISE, RATING, Sheet

PAUSE_SECONDS = 600
"""Time between two events that counts as a pause, beyond what the later one took."""


@dataclass(frozen=True, slots=True)
class SheetProgress(Record):
    """What one rater has done."""

    sheet: int
    num_answered: int
    num_asked: int
    has_practised: bool
    last_seen: str | None
    """ISO 8601 in UTC; None before the link was opened."""
    median_seconds: float | None
    """An item, of those that are answered."""
    num_pauses: int


@dataclass(frozen=True, slots=True)
class AgreementSoFar(Record):
    """Krippendorff's alpha between raters."""

    what: str
    """`preference`, or the key of a criterion."""
    label: str
    alpha: float | None
    """None where fewer than two judged the same, or all gave one and the same answer."""
    num_items: int
    """Judged by two or more."""


@dataclass(frozen=True, slots=True)
class StudyProgress(Record):
    """How far a study is."""

    name: str
    title: str
    num_answered: int
    num_asked: int
    sheets: tuple[SheetProgress, ...]
    agreements: tuple[AgreementSoFar, ...]


def measure_study(folder: StudyFolder, ratings: str | None = None) -> StudyProgress:
    """Return how far a study is; `ratings` is the URL of its data base, where that is not its own file.

    Raises StageError where the study or its events are missing or damaged, InputError where the URL cannot be used.
    """
    study = folder.load_blind()
    # Nothing is made for a look. What is left of a file without it is for the store to refuse.
    if ratings is None and not any(folder.root.glob(f"{names.RATINGS}*")):
        return measure_progress(study, [])
    with EventStore.open(folder, ratings) as store:
        return measure_progress(study, store.load())


def measure_progress(study: BlindStudy, events: Sequence[Event]) -> StudyProgress:
    """Return how far a study is after `events`."""
    judgements = collect_judgements(study.sheets, events)
    judged, done = defaultdict(list), defaultdict(list)
    for judgement in judgements:
        judged[judgement.sheet].append(judgement)
    for event in events:
        done[event.sheet].append(event)
    sheets = tuple(_measure_sheet(sheet, judged[sheet.number], done[sheet.number]) for sheet in study.sheets)
    return StudyProgress(
        study.settings.name,
        study.settings.title,
        len(judgements),
        sum(sheet.num_asked for sheet in sheets),
        sheets,
        tuple(_measure_agreements(study, judgements)),
    )


def _measure_sheet(sheet: Sheet, judgements: Sequence[Judgement], events: Sequence[Event]) -> SheetProgress:
    seconds = [one.seconds for one in judgements if one.seconds is not None]
    # Those of a file of ratings come all at once, and with the times at which they were given.
    seen = sorted((datetime.fromisoformat(event.at), event.seconds or 0.0) for event in events)
    gaps = [(later - earlier).total_seconds() - took for (earlier, _), (later, took) in itertools.pairwise(seen)]
    return SheetProgress(
        sheet.number,
        len(judgements),
        len(sheet.entries),
        any(event.kind == PRACTISED for event in events),
        seen[-1][0].isoformat(timespec="seconds") if seen else None,
        statistics.median(seconds) if seconds else None,
        sum(gap > PAUSE_SECONDS for gap in gaps),
    )


def _measure_agreements(study: BlindStudy, judgements: Sequence[Judgement]) -> Iterable[AgreementSoFar]:
    labels = {criterion.key: criterion.label for criterion in study.settings.criteria}
    kinds = {item.kind for item in study.items.values()}
    for judged in collect_given(study.sheets, judgements, list(labels)):
        if (PAIRWISE if judged.what == PREFERENCE else RATING) in kinds:
            yield AgreementSoFar(judged.what, labels.get(judged.what, "Preference"), *find_alpha(judged))


__all__ = [
    "PAUSE_SECONDS",
    "AgreementSoFar",
    "SheetProgress",
    "StudyProgress",
    "measure_progress",
    "measure_study",
]

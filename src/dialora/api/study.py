"""Blind judgement by people: drawn, and analysed; `dialora study serve` asks them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.api.inputs import Folder, Overrides, Watch, find_path
from dialora.records import ignore_events

if TYPE_CHECKING:
    from dialora.comparison.people import StudyResult
    from dialora.study.drawing import DrawnStudy


def create_study(
    sources: str | Path | Sequence[str | Path],
    *,
    systems: Sequence[str] = (),
    include_human: bool = False,
    criteria: Folder = None,
    name: str = "study",
    title: str | None = None,
    output: Folder = None,
    secret: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
    **options: Any,
) -> DrawnStudy:
    """Draw a blind study from finished comparisons, or from tables of outputs, and return what was drawn.

    `sources` are folders of experiments or scored tables, shipped experiments' names, or files of outputs. `options`
    are those of `StudyOptions`: `num_dialogues`, `design` (pairwise, rating, both), `num_raters`, `seed`, ….
    With the `secret` in a study's key the same one is drawn once more.
    """
    from dialora.study.drawing import StudyOptions
    from dialora.study.drawing import create_study as create

    return create(
        [sources] if isinstance(sources, str | Path) else sources,
        options=StudyOptions(**options),
        systems=systems,
        include_human=include_human,
        criteria=find_path(criteria),
        name=name,
        title=title,
        output=find_path(output),
        secret=secret,
        set=set,
        observer=observer or ignore_events,
    )


def analyse_study(study: str | Path, *, ratings: str | None = None, keep_all: bool = False) -> StudyResult:
    """Return what a study's raters said, and keep it where the report of the judged systems finds it.

    `study` is a folder, or a name in `studies/`; `ratings` is the URL of its data base where that is no file of it.
    `keep_all` counts raters, too, who failed attention checks or answered too fast.
    """
    from dialora.study.analysis.analyse import analyse_study as analyse
    from dialora.study.events import EventStore
    from dialora.study.folder import find_study

    folder = find_study(str(study))
    # The study is looked at first: a data base must not be made for one that is not there.
    folder.load_blind()
    with EventStore.open(folder, ratings) as store:
        events = store.load()
    return analyse(folder, events, keep_all=keep_all)


__all__ = ["analyse_study", "create_study"]

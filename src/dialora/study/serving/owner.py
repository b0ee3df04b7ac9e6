"""The owner's page: progress, agreement and invitations; results by system only where they were asked for."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from dialora.study.serving.progress import PAUSE_SECONDS, StudyProgress

if TYPE_CHECKING:
    from jinja2 import Template

    from dialora.comparison.people import StudyResult


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A small table of the results, all text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Results:
    """What the page says by system."""

    sentences: tuple[str, ...]
    tables: tuple[ResultTable, ...] = ()


def render_owner(
    progress: StudyProgress, invite: Callable[[int], str], nonce: str, *, results: Results | None = None
) -> str:
    """Return the page; `invite` gives the address of a sheet's invitation."""
    from markupsafe import Markup

    medians = [sheet.median_seconds for sheet in progress.sheets if sheet.median_seconds is not None]
    raters = [
        (sheet, invite(sheet.sheet), round(100 * sheet.num_answered / max(1, sheet.num_asked)))
        for sheet in progress.sheets
    ]
    return _load("owner.html.j2").render(
        progress=progress,
        raters=raters,
        num_done=sum(sheet.num_answered == sheet.num_asked for sheet in progress.sheets),
        median=_format_seconds(statistics.median(medians)) if medians else "–",
        pause_minutes=PAUSE_SECONDS // 60,
        results=results,
        nonce=nonce,
        style=_read_style(),
        script=Markup(_read("owner.js")),
    )


def render_message(title: str, sentence: str, nonce: str) -> str:
    """Return a page that says one thing."""
    return _load("message.html.j2").render(title=title, sentence=sentence, nonce=nonce, style=_read_style())


def describe_results(result: StudyResult) -> Results:
    """Return what the page shows of an analysis: shares of pairs and mean ratings, with their intervals."""
    label = result.labels
    tables = []
    if result.preferences:
        rows = tuple(
            (f"{label[one.a]} over {label[one.b]}", f"{100 * one.share:.0f} %",
             f"[{100 * one.ci_low:.0f}, {100 * one.ci_high:.0f}]", f"{one.num_judgements:,}",
             "clear" if one.is_clear else "not clear")
            for one in result.preferences
        )  # fmt: skip
        tables.append(ResultTable("Preferred", ("Pair", "Share", "95 %", "Judgements", "Difference"), rows))
    if result.ratings:
        rows = tuple(
            (label[one.system], result.criteria[one.criterion], f"{one.mean:.2f}",
             f"[{one.ci_low:.2f}, {one.ci_high:.2f}]", f"{one.num_ratings:,}")
            for one in result.ratings
        )  # fmt: skip
        tables.append(ResultTable("Rated, 1 to 5", ("System", "Criterion", "Mean", "95 %", "Ratings"), rows))
    return Results(_tell_excluded(result), tuple(tables))


def _tell_excluded(result: StudyResult) -> tuple[str, ...]:
    judged = f"{result.num_judgements:,} of {result.num_asked:,} judgements, of {result.num_raters} raters who count."
    return (judged, *result.notes)


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.0f}"


def _load(name: str) -> Template:
    from dialora.report.html import load_template

    template = load_template(name, "dialora.study.serving")
    filters: dict[str, Any] = {"seconds": _format_seconds, "alpha": lambda alpha: f"{alpha:.2f}".replace("-", "−")}
    template.environment.filters.update(filters)
    return template


def _read_style() -> Any:
    from markupsafe import Markup

    from dialora.report.html import read_asset

    return Markup(f"{read_asset('report.css')}\n{_read('owner.css')}")


def _read(name: str) -> str:
    return (resources.files("dialora.study.serving") / "templates" / name).read_text(encoding="utf-8").strip()


__all__ = ["ResultTable", "Results", "describe_results", "render_message", "render_owner"]

"""The owner's page: progress, agreement and invitations; results by system only where they were asked for."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any

from dialora.study.serving.progress import PAUSE_SECONDS, StudyProgress

if TYPE_CHECKING:
    from jinja2 import Template

    from dialora.comparison.people import StudyResult
    from dialora.report.tables import Table


def render_owner(
    progress: StudyProgress, invite: Callable[[int], str], nonce: str, *, result: StudyResult | str | None = None
) -> str:
    """Return the page; `invite` gives the address of a sheet's invitation.

    `result` is what was found by system, or why there is none; None where it is not to be shown.
    """
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
        sentences=None if result is None else [result] if isinstance(result, str) else _tell(result),
        tables=[] if result is None or isinstance(result, str) else _build_tables(result),
        colors={},
        nonce=nonce,
        style=_read_style(),
        script=Markup(_read("owner.js")),
    )


def render_message(title: str, sentence: str, nonce: str) -> str:
    """Return a page that says one thing."""
    return _load("message.html.j2").render(title=title, sentence=sentence, nonce=nonce, style=_read_style())


def _tell(result: StudyResult) -> list[str]:
    from dialora.comparison.people_verdict import describe_study

    return [describe_study(result), *result.notes]


def _build_tables(result: StudyResult) -> list[Table]:
    from dialora.report.people import build_study_tables

    return build_study_tables(result)


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


__all__ = ["render_message", "render_owner"]

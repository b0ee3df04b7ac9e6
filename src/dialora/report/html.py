"""The report as one HTML file that needs nothing else: style, script, figures and dialogues are inside.

Takes a ReportDocument and its figures and gives the text. Everything from data is escaped by jinja2 or travels as JSON
that the page writes with textContent; a content security policy refuses any request and any script but the report's.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from dialora.comparison.people_verdict import describe_study
from dialora.printable import clean
from dialora.report import numbers
from dialora.report.document import ReportDocument
from dialora.report.examples import EMPTY, build_browser_json, measure_disagreement
from dialora.report.faithfulness import build_copying_table, build_faithfulness_table
from dialora.report.figures import ReportFigure, embed_svg
from dialora.report.palette import build_styles
from dialora.report.people import build_study_tables
from dialora.report.provenance import (
    build_data_facts,
    build_data_table,
    build_environment_table,
    build_notes,
    build_time_table,
    build_truncation_table,
)
from dialora.report.tables import (
    build_cost_table,
    build_improvements_table,
    build_pairs_table,
    build_parameters_table,
    build_scores_table,
    build_training_table,
    split_verdict,
)
from dialora.report.tuning import build_tuning_table

if TYPE_CHECKING:
    from jinja2 import Template


def render_html(document: ReportDocument, figures: Sequence[ReportFigure]) -> str:
    """Return `report.html`."""
    from markupsafe import Markup

    comparison = document.comparison
    script = read_asset("report.js")
    headline, rest = split_verdict(comparison)
    values: dict[str, Any] = {
        "comparison": comparison,
        "headline": headline,
        "rest": rest,
        "unbroken": Markup('<span class="unbroken">ROUGE-1</span>'),
        "colors": {key: style.color for key, style in build_styles(comparison.systems).items()},
        "parameters": build_parameters_table(comparison),
        "training": build_training_table(comparison),
        "scores": build_scores_table(comparison),
        "improvements": build_improvements_table(comparison),
        "pairs": build_pairs_table(comparison),
        "faithfulness": build_faithfulness_table(document.faithfulness),
        "copying": build_copying_table(document.faithfulness),
        "costs": build_cost_table(comparison),
        "tuning": build_tuning_table(document.searches, {system.key: system.label for system in comparison.systems}),
        "studies": [(study, describe_study(study), build_study_tables(study)) for study in document.studies],
        "figures": [(figure, Markup(embed_svg(figure))) for figure in figures],
        "num_examples": len(document.examples),
        "has_unsupported": any(any(example.unsupported.values()) for example in document.examples),
        "can_disagree": any(measure_disagreement(example) is not None for example in document.examples),
        "browser_json": Markup(build_browser_json(document.examples, comparison.systems)),
        "empty": EMPTY,
        "style": Markup(read_asset("report.css")),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "config_yaml": document.config_yaml,
        **_provenance_values(document),
    }
    return load_template("report.html.j2").render(values)


def _provenance_values(document: ReportDocument) -> dict[str, Any]:
    longest = max((seconds for seconds in document.seconds.values() if seconds is not None), default=0.0)
    return {
        "splits": build_data_table(document.data),
        "facts": build_data_facts(document.data),
        "truncation": build_truncation_table(document),
        "time": build_time_table(document),
        "shares": [
            100 * seconds / longest if longest and seconds is not None else 0 for seconds in document.seconds.values()
        ],
        "environment": build_environment_table(document),
        "notes": build_notes(document),
    }


def load_template(name: str, package: str = "dialora.report") -> Template:
    """Load one of a package's pages, which may use the report's macros; all text put into it is escaped."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("dialora.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Of the report nothing is left to clean; pages of others come as they are.
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters["count"] = numbers.format_count
    return environment.get_template(name)


def read_asset(name: str) -> str:
    """Read the pages' style or script."""
    text = (resources.files("dialora.report") / "templates" / name).read_text(encoding="utf-8")
    return text.strip()


__all__ = ["load_template", "read_asset", "render_html"]

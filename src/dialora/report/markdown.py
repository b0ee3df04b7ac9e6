"""The report as Markdown, for a repository or a pull request; figures are linked from `figures/`.

Takes a ReportDocument and its figures and gives the text. All text from data is escaped: it can end neither a table
cell nor a code fence, and carries no HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from dialora.comparison import METRICS
from dialora.comparison.people import StudyResult
from dialora.comparison.people_verdict import describe_study
from dialora.report import numbers
from dialora.report.document import ReportDocument, ReportedExample
from dialora.report.examples import EMPTY, measure_disagreement, select_disagreements
from dialora.report.faithfulness import build_copying_table, build_faithfulness_table
from dialora.report.figures import ReportFigure
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
    METRIC_NAMES,
    Cell,
    Table,
    build_cost_table,
    build_improvements_table,
    build_pairs_table,
    build_parameters_table,
    build_scores_table,
    build_training_table,
    split_verdict,
)
from dialora.report.tuning import build_tuning_table
from dialora.store import names

NUM_EXAMPLES = 5
# What would end a cell, open code, mathematics or emphasis, or turn a bracket into a link; numbers and names of
# columns stay as they are, so that the file can be searched.
_INLINE = re.compile(r"[\\`*|~$]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])")
# What would open a heading, a list or a rule.
_BLOCK = re.compile(r"^(\d*)([#+\-=.)])(?=[#+\-=]*(?:\s|$|<br>))")


def render_markdown(document: ReportDocument, figures: Sequence[ReportFigure]) -> str:
    """Return `report.md`."""
    comparison = document.comparison
    headline, rest = split_verdict(comparison)
    verdict = [f"**{escape_markdown(headline)}**", *([""] if rest else []), *(f"- {escape_markdown(s)}" for s in rest)]
    parts = [
        f"# {escape_markdown(comparison.experiment)}",
        "\n".join(f"> {line}".rstrip() for line in verdict),
        f"{numbers.format_count(comparison.num_examples)} test dialogues · "
        f"<sub>{escape_markdown(comparison.protocol)}</sub>",
    ]
    tables = [
        build_parameters_table(comparison),
        build_training_table(comparison),
        build_scores_table(comparison),
        build_improvements_table(comparison),
        build_pairs_table(comparison),
        build_faithfulness_table(document.faithfulness),
        build_copying_table(document.faithfulness),
        build_cost_table(comparison),
        build_tuning_table(document.searches, {system.key: system.label for system in comparison.systems}),
    ]
    parts += [render_table(table) for table in tables if table is not None]
    for study in document.studies:
        parts += _render_study(study)
    parts += [_render_figure(figure) for figure in figures]
    parts += _render_examples(document)
    parts += _render_provenance(document)
    return "\n\n".join(parts) + "\n"


def escape_markdown(text: str) -> str:
    """Return text that reads the same in a paragraph or a table cell; line breaks become `<br>`."""
    lines = [html.escape(line.strip(), quote=False) for line in text.strip().splitlines()]
    return _BLOCK.sub(r"\1\\\2", _INLINE.sub(r"\\\g<0>", "<br>".join(lines)))


def render_table(table: Table, *, has_title: bool = True) -> str:
    """Return a table with its title, where wanted, and its footnote."""
    is_left = [table.is_text or name in table.text_columns for name in table.columns[1:]]
    rule = ["---", *("---" if left else "---:" for left in is_left)]
    lines = [_join_row([escape_markdown(name) for name in table.columns]), _join_row(rule)]
    lines += [_join_row([_render_cell(cell) for cell in row.cells]) for row in table.rows]
    parts = [f"## {escape_markdown(table.title)}"] if has_title else []
    parts.append("\n".join(lines))
    if table.footnote:
        parts.append(f"<sub>{escape_markdown(table.footnote)}</sub>")
    return "\n\n".join(parts)


def _join_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _render_cell(cell: Cell) -> str:
    text = escape_markdown(cell.text)
    text = f"**{text}**" if cell.is_strong else text
    return "<br>".join([text, *(f"<sub>{escape_markdown(detail)}</sub>" for detail in cell.details)])


def _render_study(study: StudyResult) -> list[str]:
    lead = f"## What people judged: {escape_markdown(study.name)}\n\n{escape_markdown(describe_study(study))}"
    notes = "\n".join(f"- {escape_markdown(note)}" for note in study.notes)
    return [part for part in (lead, *map(render_table, build_study_tables(study)), notes) if part]


def _render_figure(figure: ReportFigure) -> str:
    caption = escape_markdown(figure.caption)
    place = f"{names.FIGURES}/{names.figure(figure.name)}"
    return f"## {figure.title}\n\n![{figure.title}]({place})\n\n<sub>{caption}</sub>"


def _render_examples(document: ReportDocument) -> list[str]:
    examples = select_disagreements(document.examples, NUM_EXAMPLES)
    if not examples:
        return []
    lead = f"The {len(examples)} test dialogues on which the systems' ROUGE-1 differs most"
    if len(document.comparison.systems) < 2:
        lead = f"{len(examples)} test dialogues"
    lead += f"; all are in `{names.REPORT_HTML}`."
    return ["## Side by side", lead, *(_render_example(document, example) for example in examples)]


def _render_example(document: ReportDocument, example: ReportedExample) -> str:
    spread = measure_disagreement(example)
    summary = f"<b>{html.escape(example.id)}</b>"
    if example.topic:
        summary += f" · {html.escape(example.topic)}"
    if spread is not None:
        summary += f" · apart by {100 * spread:.1f} points"
    rows = [
        ("Human" if len(example.references) == 1 else f"Human {i}", numbers.MISSING, text)
        for i, text in enumerate(example.references, start=1)
    ]
    for system in document.comparison.systems:
        if system.key in example.summaries:
            score = example.scores.get(system.key, {}).get(METRICS[0])
            rows.append((system.full_label, numbers.format_score(score), example.summaries[system.key]))
    lines = [_join_row(["Who", METRIC_NAMES[METRICS[0]], "Summary"]), _join_row(["---", "---:", "---"])]
    lines += [_join_row([escape_markdown(who), score, escape_markdown(text) or EMPTY]) for who, score, text in rows]
    dialogue = escape_markdown(example.dialogue) or EMPTY
    table = "\n".join(lines)
    return f"<details>\n<summary>{_one_line(summary)}</summary>\n\n{dialogue}\n\n{table}\n\n</details>"


def _render_provenance(document: ReportDocument) -> list[str]:
    tables = [
        build_data_table(document.data),
        build_truncation_table(document),
        build_time_table(document),
        build_environment_table(document),
    ]
    parts = [render_table(table) for table in tables if table is not None]
    facts = [f"- {escape_markdown(name)}: {_render_cell(cell)}" for name, cell in build_data_facts(document.data)]
    if facts:
        parts.append("## Source\n\n" + "\n".join(facts))
    notes = [f"- {escape_markdown(note)}" for note in build_notes(document)]
    if notes:
        parts.append("## Notes\n\n" + "\n".join(notes))
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", document.config_yaml))])
    config = f"{fence}yaml\n{document.config_yaml.rstrip()}\n{fence}"
    parts.append(f"<details>\n<summary>The experiment file</summary>\n\n{config}\n\n</details>")
    return parts


def _one_line(text: str) -> str:
    return " ".join(text.split())


__all__ = ["escape_markdown", "render_markdown", "render_table"]

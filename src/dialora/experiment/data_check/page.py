"""The data check in the terminal and as one HTML page of the report's look.

Takes a DataCheck, and for the page the data set, whose texts it shows beside the findings. What is shown is a choice
of the whole, which the JSON file beside the page holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.data.examples import DialogueDataset
from dialora.data.quality import KINDS, DataCheck
from dialora.experiment.data_check.tables import build_tables, describe_check, describe_reading
from dialora.printable import clean
from dialora.records import Example
from dialora.store import names, save_json, save_text

if TYPE_CHECKING:
    from rich.console import Console

NUM_EXCERPTS = 4
MAX_IDS = 500
"""Ids of one finding on the page."""


def print_data_check(check: DataCheck, console: Console, *, folder: Path) -> None:
    """Print what was found, each with a few ids, and where the page lies."""
    from rich.padding import Padding
    from rich.text import Text

    from dialora.report.terminal import print_table

    for table in build_tables(check).values():
        print_table(table, {}, console)
    console.print()
    for sentence in describe_check(check):
        console.print(Padding(Text(f"• {clean(sentence)}"), (0, 1)))
    console.print("\nWhat was done to the data:")
    for sentence in describe_reading(check):
        console.print(Padding(Text(f"• {clean(sentence)}"), (0, 1)))
    page, values = folder / names.DATA_CHECK_HTML, folder / names.DATA_CHECK_JSON
    console.print(clean(f"\nReport: {page}  ·  {values}"), markup=False, soft_wrap=True)


def render_data_check(check: DataCheck, dataset: DialogueDataset, folder: Path) -> None:
    """Write the page, one HTML file that needs nothing else and has no script, and the whole as JSON."""
    from markupsafe import Markup

    from dialora.report.html import load_template, read_asset

    headline, *rest = describe_check(check)
    examples = {(split, example.id): example for split in check.splits for example in getattr(dataset, split)}
    values: dict[str, Any] = {
        "check": check,
        "headline": headline,
        "rest": rest,
        "reading": describe_reading(check),
        "num_dialogues": sum(counts["examples"] for counts in check.splits.values()),
        "colors": {},
        "style": Markup(read_asset("report.css")),
        "pairs": list(_choose_pairs(check, examples)),
        "findings": list(_choose_findings(check, examples)),
        "tables": build_tables(check),
    }
    text = load_template("data_check.html.j2", "dialora.experiment.data_check").render(values)
    folder.mkdir(parents=True, exist_ok=True)
    save_json(check.to_json(), folder / names.DATA_CHECK_JSON)
    save_text(text, folder / names.DATA_CHECK_HTML, errors="replace")


def _choose_pairs(
    check: DataCheck, examples: dict[tuple[str, str], Example]
) -> Iterator[tuple[str, int, list[tuple[str, Example, Example]]]]:
    """Yield for each place its title, number of pairs, and some of them from the least similar to the most."""
    for item in check.duplicates:
        title = f"within {item.a}" if item.a == item.b else f"{item.a} – {item.b}"
        near = sorted(item.near, key=lambda pair: pair.similarity)
        if not near:
            continue
        step = max(1, (len(near) - 1) // (NUM_EXCERPTS - 1))
        shown = [
            (f"{100 * pair.similarity:.0f} % of 8-grams shared", examples[item.a, pair.a], examples[item.b, pair.b])
            for pair in near[::step][:NUM_EXCERPTS]
        ]
        yield title, len(near), shown


def _choose_findings(
    check: DataCheck, examples: dict[tuple[str, str], Example]
) -> Iterator[tuple[str, int, list[tuple[str, tuple[str, ...]]], list[tuple[str, Example]]]]:
    """Yield for each kind with findings its title, number, ids by split, and some of the examples by split."""
    for kind, title in KINDS.items():
        found = [finding for finding in check.findings if finding.kind == kind and finding.ids]
        if found:
            ids = [(finding.split, finding.ids[:MAX_IDS]) for finding in found]
            shown = [
                (finding.split, examples[finding.split, id_])
                for finding in found
                for id_ in finding.ids[:2]
                if (finding.split, id_) in examples
            ]
            yield title, sum(len(finding.ids) for finding in found), ids, shown[:NUM_EXCERPTS]


__all__ = ["print_data_check", "render_data_check"]

"""The report's tables where systems stand on several bases: each is seen within its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dialora.config import load_experiment
from dialora.report.accounting import describe_truncation
from dialora.report.examples import build_browser_json
from dialora.report.palette import build_styles
from dialora.report.paper import build_paper_table, render_latex
from dialora.report.side_by_side import put_side_by_side
from dialora.report.tables import build_improvements_table, build_parameters_table
from tests.report.test_bases_figure import build_several
from tests.report.test_report import build_comparison, build_examples

VALUES: dict[str, Any] = {"model": "a/base", "data": {"source": "bundled"}}


def test_what_is_cut_is_counted_for_every_base_and_prompt() -> None:
    methods = {
        "zero_shot": {},
        "lora": {},
        "other": {"method": "lora", "model": "b/other", "prompt": "{dialogue}"},
        "longer": {"method": "lora", "model": "b/other", "prompt": "Sum up: {dialogue}"},
    }
    config = load_experiment(VALUES | {"methods": methods, "prompt": "Now: {dialogue}"})
    cut = {"lora": 1, "other": 20, "longer": 30}
    runs: Any = [
        SimpleNamespace(key=key, name=key, seed=0, training=Path("t") if key in cut else None) for key in methods
    ]
    made = {"num_truncated": 0, "num_examples": 50, "num_cut": 0}
    data = {key: {"num_pairs": 400, "num_truncated_sources": n, "num_truncated_targets": 0} for key, n in cut.items()}
    facts = {
        key: {"training": {"data": data[key]} if key in cut else None, "generation": made | {"num_truncated": at}}
        for at, key in enumerate(methods)
    }
    rows = describe_truncation(config, {key: key for key in methods}, runs, facts)
    dialogues = {row["what"]: row["count"] for row in rows if "dialogues" in row["what"]}
    assert dialogues == {
        "training dialogues (base)": 1,
        "test dialogues (base)": 0,
        "training dialogues (other, other)": 20,
        "test dialogues (other, other)": 2,
        "training dialogues (other, longer)": 30,
        "test dialogues (other, longer)": 3,
    }
    one = load_experiment(VALUES | {"methods": {"zero_shot": {}, "lora": {}}})
    rows = describe_truncation(one, {key: key for key in methods}, runs[:2], facts)
    assert [row["what"] for row in rows][:3] == ["training dialogues", "training summaries", "test dialogues"]


def test_a_gain_is_over_the_first_system_of_its_own_base() -> None:
    comparison = build_several({"a-base": 1e6, "b-base": 1e7})
    template = comparison.comparisons[0]
    pairs = [("lora1", "zero_shot1", 0.031), ("lora1", "zero_shot0", 0.5), ("full0", "zero_shot0", 0.012)]
    items = tuple(dataclasses.replace(template, a=a, b=b, metric="rouge1", difference=value) for a, b, value in pairs)
    table = build_improvements_table(dataclasses.replace(comparison, comparisons=items))
    assert table is not None
    gains = {row.system: row.cells[1].text for row in table.rows}
    assert gains == {"full0": "+1.20", "lora0": "–", "full1": "–", "lora1": "+3.10"}
    assert "each base" in table.title
    assert "Original (0) and Original (1)" in table.footnote
    one = build_improvements_table(build_comparison())
    assert one is not None
    assert one.title == "Improvement over Original"
    alone = dataclasses.replace(comparison, systems=tuple(s for s in comparison.systems if s.method == "lora"))
    assert build_improvements_table(alone) is None


def test_several_systems_as_loaded_are_spoken_of_in_the_plural() -> None:
    table = build_parameters_table(build_several({"a-base": 1e6, "b-base": 1e7}))
    assert table is not None
    assert table.footnote.startswith("Original (0) and Original (1) are counted")


def test_a_summary_stands_with_the_base_that_wrote_it() -> None:
    comparison = build_several({"a-base": 1e6, "b-base": 1e7})
    (example,) = build_examples([system.key for system in comparison.systems], 1)
    shown = put_side_by_side(example, comparison.systems, build_styles(comparison.systems))
    labels = [summary.label for summary in shown.summaries]
    assert labels[0] == "Original (0) · a-base"
    assert labels[-1] == "PEFT (1) · b-base"
    assert "PEFT (1) · b-base" in build_browser_json([example], comparison.systems)
    one = build_comparison()
    (example,) = build_examples([system.key for system in one.systems], 1)
    shown = put_side_by_side(example, one.systems, build_styles(one.systems))
    assert [summary.label for summary in shown.summaries] == ["Original", "Instruct", "PEFT"]


def test_a_table_for_a_paper_names_the_base_and_its_size() -> None:
    comparison = build_several({"a_base": 1e6, "b_base": 1e7})
    comparison = dataclasses.replace(comparison, comparisons=())
    latex = render_latex(comparison)
    assert r"\begin{tabular}{llrrrrrrr}" in latex
    assert r"PEFT (1) & b\_base & 10,000,000 & 3,538,944 &" in latex
    table = build_paper_table(comparison)
    assert [row.cells[1].text for row in table.rows] == ["a_base"] * 3 + ["b_base"] * 3
    assert "Base" not in build_paper_table(build_comparison()).columns

"""The cost ledger: what a run cost, in the table and against its quality."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from dialora.comparison import Comparison
from dialora.records import Cost, Ledger
from dialora.report import render_report
from dialora.report.examples import build_browser_json
from dialora.report.tables import build_cost_table
from dialora.report.tradeoff import build_panels, find_front
from dialora.store import measure_weights
from tests.report.test_report import build_comparison, build_document, build_examples

COST = Cost(
    10,
    100,
    train_seconds=50,
    generate_seconds=6,
    num_summaries=500,
    num_train_tokens=20_000,
    weights_bytes=3 * 2**20,
    energy_kwh=0.0125,
)


def build_measured() -> Comparison:
    """The mock comparison with a ledger; the original was only timed while it wrote."""
    comparison = build_comparison()
    ledgers = [
        Ledger(seconds_per_1000_summaries=40.0),
        Ledger(400.0, 990 * 2**20, 41.0, 1.5),
        Ledger.from_costs([COST]),
    ]
    systems = [dataclasses.replace(s, ledger=ledger) for s, ledger in zip(comparison.systems, ledgers, strict=True)]
    return dataclasses.replace(comparison, systems=tuple(systems))


def test_rates_are_derived_from_what_was_measured_and_unknown_without_it() -> None:
    assert (COST.tokens_per_second, COST.seconds_per_1000_summaries) == (400, 12)
    bare = Cost(10, 100)
    assert (bare.tokens_per_second, bare.seconds_per_1000_summaries) == (None, None)
    assert dataclasses.replace(COST, train_seconds=0.0).tokens_per_second is None
    assert Cost(**json.loads(json.dumps(COST.to_json()))) == COST


def test_a_ledger_averages_the_runs_that_measured_a_fact() -> None:
    twice = dataclasses.replace(COST, generate_seconds=12, energy_kwh=None)
    assert Ledger.from_costs([COST, twice]) == Ledger(400, 3 * 2**20, 18, 0.0125)
    assert Ledger.from_costs([Cost(1, 2)]) == Ledger()


def test_the_weights_are_what_the_stage_saved(tmp_path: Path) -> None:
    assert measure_weights(tmp_path) is None
    (tmp_path / "adapter_model.safetensors").write_bytes(b"x" * 70)
    (tmp_path / "tokenizer.json").write_bytes(b"x" * 1000)
    assert measure_weights(tmp_path) == 70


def test_the_cost_table_has_a_column_for_every_cost_that_was_measured() -> None:
    table = build_cost_table(build_measured())
    assert table is not None
    rows = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}
    assert rows["PEFT"] == ["3,538,944", "31:20", "400", "700 MiB", "3.0 MiB", "0:12", "12.5 Wh"]
    assert rows["Original"] == ["–"] * 5 + ["0:40", "–"]
    assert rows["Instruct"][-1] == "1.50 kWh"
    bare = build_cost_table(build_comparison())
    assert bare is not None
    assert bare.columns == ("System", "Trained weights", "Training", "Peak memory")


def test_the_front_holds_what_nothing_beats() -> None:
    points = [(3.0, 0.5), (1.0, 0.2), (2.0, 0.1), (1.0, 0.3), (4.0, 0.5), (5.0, 0.6)]
    assert find_front(points) == [(1.0, 0.3), (3.0, 0.5), (5.0, 0.6)]
    assert find_front([]) == []


def test_there_is_a_panel_for_every_cost_that_was_measured(tmp_path: Path) -> None:
    panels = build_panels(build_measured())
    assert [panel.title for panel in panels] == [
        "Trainable parameters",
        "Training time",
        "Peak memory",
        "Weights on disk",
        "Time for 1,000 summaries",
        "Energy of training",
    ]
    assert [len(panel.points) for panel in panels] == [2, 2, 2, 2, 3, 2]
    assert len(build_panels(build_comparison())) == 3
    render_report(build_document(comparison=build_measured()), tmp_path)
    svg = (tmp_path / "figures" / "tradeoff.svg").read_text(encoding="utf-8")
    assert all(panel.title.lower() in svg for panel in panels)
    for name in ("report.html", "report.md"):
        assert "12.5 Wh" in (tmp_path / name).read_text(encoding="utf-8")


def test_the_browser_is_told_what_is_unsupported() -> None:
    (example,) = build_examples(["full", "lora"], 1)
    marked = dataclasses.replace(example, unsupported={"lora": ("Oslo", "$20", "Oslo"), "full": ()})
    systems = build_comparison().systems[1:]
    assert "unsupported" not in json.loads(build_browser_json([example], systems))["examples"][0]
    assert json.loads(build_browser_json([marked], systems))["examples"][0]["unsupported"] == [[], ["$20", "Oslo"]]

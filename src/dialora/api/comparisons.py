"""Comparisons of what others wrote, and a second look at finished ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dialora.api.inputs import Experiment, Folder, Overrides, Watch, find_path
from dialora.config import OutputsConfig, load_outputs_config
from dialora.records import ignore_events

if TYPE_CHECKING:
    from dialora.report.reported import ReportedComparison
    from dialora.report.selection import ExampleSelection


def score_outputs(
    table: str | Path | Sequence[str | Path] | OutputsConfig,
    *,
    set: Overrides = (),
    output: Folder = None,
    observer: Watch = None,
) -> ReportedComparison:
    """Score a table of references and system outputs, whoever made them, and report it like an experiment.

    `table` is a csv, tsv, json, jsonl or parquet file with a column or a row per system, several files (references and
    one per system, tables or texts with a summary a line), or the configuration. `set` takes `outputs.*` (which column
    is which, where the dialogues are), `scoring.*` and `name`.
    """
    from dialora import outputs

    config = load_outputs_config(table, set)
    return outputs.score_outputs(config, output=find_path(output), observer=observer or ignore_events)


def load_comparison(run: Experiment, *, set: Overrides = ()) -> ReportedComparison:
    """Load a finished comparison: `run` is the folder of an experiment or scored table, or an experiment in `runs`."""
    from dialora.report.reported import ReportedComparison, find_comparison

    return ReportedComparison.load(find_comparison(run, set))


def examples(
    run: Experiment,
    *,
    n: int = 3,
    sort: str = "disagree",
    ids: str | Sequence[str] = (),
    systems: str | Sequence[str] = (),
    seed: int = 0,
) -> ExampleSelection:
    """Show test dialogues of a finished comparison side by side; see `load_comparison` and its `examples`."""
    return load_comparison(run).examples(n, sort, ids=ids, systems=systems, seed=seed)


__all__ = ["examples", "load_comparison", "score_outputs"]

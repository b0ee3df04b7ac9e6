"""The file of all runs, `docs/benchmarks.json`: {"schema_version": 2, "runs": [run, …]}, oldest first.

A run stays as it was recorded; a new one is appended. Runs may be of other days, machines and versions, which is what
they are kept for, but not of other dialogues or sizes: those are not put beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measured.bench import BenchmarkError
from dialora.store import load_json, save_json

Run = Mapping[str, Any]
FILE = "benchmarks.json"
SCHEMA_VERSION = 2
SAME = ("benchmark", "num_layers", "quality_epochs")
"""Facts in which all runs of a file are alike, besides the dialogues' name and number."""


def load_runs(folder: Path) -> list[Run]:
    """Return the runs of a folder of pages; none where there is no file. Raises BenchmarkError on another version's."""
    path = folder / FILE
    if not path.is_file():
        return []
    found = load_json(path)
    if found.get("schema_version") != SCHEMA_VERSION:
        raise BenchmarkError(
            f"{path}: schema_version is {found.get('schema_version')}, not {SCHEMA_VERSION}; name another --output"
        )
    runs: list[Run] = found["runs"]
    return runs


def check_same(runs: Sequence[Run], facts: Run) -> None:
    """Raise BenchmarkError where a run's `facts` (SAME, data) differ from those of the recorded ones."""
    for run in runs[-1:]:
        there, here = describe_same(run), describe_same(facts)
        for name, value in there.items():
            if here[name] != value:
                raise BenchmarkError(f"{name}: the recorded runs have {value}, this one {here[name]}; name an --output")


def describe_same(run: Run) -> dict[str, Any]:
    """Return the facts in which all runs of a file are alike."""
    return {name: run[name] for name in SAME} | {f"data.{name}": run["data"][name] for name in ("name", "dialogues")}


def record_run(run: Run, folder: Path) -> list[Run]:
    """Append a run to the file, unless it is there already, and return all. Raises BenchmarkError."""
    runs = load_runs(folder)
    if run not in runs:
        check_same(runs, run)
        runs.append(run)
        save_runs(runs, folder)
    return runs


def save_runs(runs: Sequence[Run], folder: Path) -> None:
    """Write the file of all runs."""
    folder.mkdir(parents=True, exist_ok=True)
    save_json({"schema_version": SCHEMA_VERSION, "runs": list(runs)}, folder / FILE)


__all__ = ["FILE", "Run", "check_same", "load_runs", "record_run", "save_runs"]

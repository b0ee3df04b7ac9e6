"""Faithfulness kept on disk: a finished experiment is not measured again.

Takes what `measure_systems` takes, and the folder of an experiment; gives what was measured and the rows of the report.
The stage's key holds every text and dialora's own code, so another summary, reference or version measures anew.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dialora.comparison.faithfulness import Summaries, SystemFaithfulness, aggregate_systems, measure_systems
from dialora.comparison.results import Interval
from dialora.config import stable_hash
from dialora.records import Example
from dialora.scoring.faithfulness import SummaryFaithfulness, UnsupportedEntity
from dialora.store import ExperimentFolder, digest_code, load_json, names, read_key

Measured = dict[str, list[list[SummaryFaithfulness]]]
"""For each system, by key, one list per run, in the order of the examples."""


def measure_once(
    folder: ExperimentFolder,
    examples: Sequence[Example],
    summaries: Summaries,
    *,
    labels: Mapping[str, str],
    num_resamples: int,
) -> tuple[Measured, tuple[SystemFaithfulness, ...]]:
    """Measure the summaries and average them, or load what an earlier call has kept of the same in `folder`."""
    texts = [[example.id, example.dialogue, example.references] for example in examples]
    written = [[key, [list(run) for run in runs]] for key, runs in summaries.items()]
    made_by = [digest_code(), platform.python_version(), version("numpy")]
    stage = folder.faithfulness(stable_hash([made_by, texts, written, num_resamples]))
    if stage.is_complete:
        measured, rows = _load(stage.folder)
    else:
        measured, by_people = measure_systems(examples, summaries)
        rows = aggregate_systems(measured, by_people, labels=labels, num_resamples=num_resamples)
        with stage.writing() as temporary:
            _save(measured, rows, temporary)
    # Labels are not in the key: another name measures nothing anew.
    people, *others = rows
    return measured, (people, *(replace(row, label=labels[row.key]) for row in others))


def load_faithfulness(folder: ExperimentFolder) -> tuple[SystemFaithfulness, ...]:
    """Return the rows that lie in `folder`, of whatever version measured them; none where there are none."""
    root = folder.root / names.FAITHFULNESS
    stage = folder.faithfulness(read_key(root))
    return _load(stage.folder)[1] if stage.key and stage.is_complete else ()


def _save(measured: Measured, rows: Sequence[SystemFaithfulness], folder: Path) -> None:
    plain = {key: [[item.to_json() for item in run] for run in runs] for key, runs in measured.items()}
    text = json.dumps({"rows": [row.to_json() for row in rows], "measured": plain})
    (folder / names.FAITHFULNESS_FACTS).write_text(text, encoding="utf-8")


def _load(folder: Path) -> tuple[Measured, tuple[SystemFaithfulness, ...]]:
    values = load_json(folder / names.FAITHFULNESS_FACTS)
    measured = {
        key: [[_load_summary(item) for item in run] for run in runs] for key, runs in values["measured"].items()
    }
    return measured, tuple(_load_row(row) for row in values["rows"])


def _load_summary(values: dict[str, Any]) -> SummaryFaithfulness:
    entities = tuple(UnsupportedEntity(**entity) for entity in values["unsupported"])
    return SummaryFaithfulness.from_json(values | {"unsupported": entities})


def _load_row(values: dict[str, Any]) -> SystemFaithfulness:
    measures = {
        name: None if interval is None else Interval.from_json(interval)
        for name, interval in values["measures"].items()
    }
    return SystemFaithfulness.from_json(values | {"measures": measures})


__all__ = ["Measured", "load_faithfulness", "measure_once"]

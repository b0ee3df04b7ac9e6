"""The comparison and its examples kept on disk, for whoever shows or judges them later, without the data or any run.

Takes a ReportDocument, and gives back its Comparison and ReportedExamples: `comparison/` of an experiment's folder, or
of a table's, with `comparison.json` and `examples.jsonl`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.comparison import Comparison, Difference, Interval, System
from dialora.config import stable_hash
from dialora.errors import StageError
from dialora.records import Ledger
from dialora.report.document import ReportDocument, ReportedExample
from dialora.store import ExperimentFolder, load_json, load_records, names, save_json, save_records


@dataclass(frozen=True, slots=True)
class KeptComparison:
    """What was compared, and every test dialogue with its references and summaries, in the order of the test set."""

    comparison: Comparison
    examples: tuple[ReportedExample, ...]


def keep_comparison(document: ReportDocument, folder: ExperimentFolder) -> None:
    """Write the stage; one of the same comparison that lies there is left as it is."""
    comparison = document.comparison.to_json()
    stage = folder.comparison(stable_hash([comparison, [example.to_json() for example in document.examples]]))
    if stage.is_complete:
        return
    with stage.writing() as temporary:
        save_json(comparison, temporary / names.COMPARISON_FACTS)
        save_records(document.examples, temporary / names.COMPARED_EXAMPLES)


def load_comparison(root: Path) -> KeptComparison:
    """Load the comparison of a finished experiment or scored table. Raises StageError where there is none."""
    stage = ExperimentFolder(root).comparison()
    if not stage.key:
        raise StageError(
            f"{root}: holds no finished comparison; give the folder of an experiment or of a scored table "
            "(`dialora compare` and `dialora score` make one; `dialora report` adds it to one of an earlier version)."
        )
    folder = stage.require()
    examples = load_records(ReportedExample, folder / names.COMPARED_EXAMPLES)
    return KeptComparison(build_comparison(load_json(folder / names.COMPARISON_FACTS)), tuple(examples))


def build_comparison(values: dict[str, Any]) -> Comparison:
    """Build a Comparison from `to_json`'s form."""
    return Comparison.from_json(
        values
        | {
            "systems": tuple(_build_system(system) for system in values["systems"]),
            "comparisons": tuple(Difference.from_json(difference) for difference in values["comparisons"]),
        }
    )


def _build_system(values: dict[str, Any]) -> System:
    scores = {metric: Interval.from_json(interval) for metric, interval in values["scores"].items()}
    return System.from_json(values | {"scores": scores, "ledger": Ledger.from_json(values["ledger"])})


__all__ = ["KeptComparison", "build_comparison", "keep_comparison", "load_comparison"]

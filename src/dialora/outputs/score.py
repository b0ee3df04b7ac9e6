"""Other people's outputs: a table of references and summaries → the same scores, statistics and report as our own runs.

Takes an OutputsConfig, gives a Comparison; the folder then holds `results.json`, `report.md` and `report.html`. Scores
are kept as a stage, so that a second call, or one with other statistics, scores nothing again. No model is needed
unless a learned metric is asked for.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from dialora.comparison.yardsticks import load_yardsticks, make_yardsticks, plan_yardsticks
from dialora.config import OutputsConfig, stable_hash
from dialora.measuring.clock import Stopwatch
from dialora.outputs.document import build_outputs_document
from dialora.outputs.table import Outputs, load_outputs
from dialora.records import Observer, ignore_events
from dialora.report.comparison_stage import keep_comparison
from dialora.report.reported import ReportedComparison
from dialora.report.results_json import build_results
from dialora.scoring import score_summaries
from dialora.scoring.learned import LearnedMetrics, describe_scorer, require_learned
from dialora.store import RUNS, ExperimentFolder, Stage, names, own_folder, save_json, save_records, save_sealed


def score_outputs(
    config: OutputsConfig, *, output: Path | None = None, observer: Observer = ignore_events
) -> ReportedComparison:
    """Score a table of outputs, compare its systems, and write the report. Raises DialoraError."""
    from dialora.report import render_report

    tables = (config.table, *config.further)
    with own_folder(output or RUNS / config.name, tables=tables, observer=observer) as folder:
        observer({"event": "stage", "stage": "data", "run": config.name, "key": ""})
        outputs = load_outputs(config)
        for note in outputs.summary.notes:
            observer({"event": "note", "message": note})
        # In full: another file of that name, given from another place, is another table.
        table, *further = (str(Path(path).resolve()) for path in tables)
        here = config.model_copy(update={"table": table, "further": tuple(further)})
        save_sealed(here.to_yaml(), folder.config)
        scoring, yardsticks = _plan_stages(folder, config, outputs)
        about: dict[str, Any] = {"stage": "scoring", "run": config.name, "key": ""}
        learned = LearnedMetrics(
            config.scoring, lambda done, total: observer({"event": "progress", **about, "done": done, "total": total})
        )
        if not scoring.is_complete:
            observer({"event": "stage", **about})
            require_learned(config.scoring)
            _write_scores(scoring, config, outputs, learned)
        if not yardsticks.is_complete:
            about["stage"] = "yardsticks"
            observer({"event": "stage", **about})
            make_yardsticks(yardsticks, outputs.examples, config.scoring.rules, learned)
        observer({"event": "stage", "stage": "report", "run": config.name, "key": ""})
        rows = load_yardsticks(yardsticks, config.scoring)
        document = build_outputs_document(config, outputs, scoring, rows, folder=folder)
        save_json(build_results(document), folder.results)
        keep_comparison(document, folder)
        render_report(document, folder.root)
        observer({"event": "reported", "folder": str(folder.root), "document": document})
        return ReportedComparison.of(document)


def _plan_stages(folder: ExperimentFolder, config: OutputsConfig, outputs: Outputs) -> tuple[Stage, Stage]:
    """Lay out the two stages; the fingerprint holds dialogues and references."""
    scorer = describe_scorer(config.scoring)
    fingerprint = outputs.summary.fingerprint["test"]
    summaries = [one.summaries for one in outputs.systems]
    key = stable_hash(["outputs.v1", fingerprint, summaries, scorer, version("rouge_score")])
    has_dialogues = any(example.dialogue for example in outputs.examples)
    return folder.table_scores(key), plan_yardsticks(folder, f"{fingerprint}-{has_dialogues}", scorer)


def _write_scores(stage: Stage, config: OutputsConfig, outputs: Outputs, learned: LearnedMetrics) -> None:
    protocol = config.scoring.rules
    watch = Stopwatch()
    with stage.writing() as folder:
        for at, one in enumerate(outputs.systems):
            scores = score_summaries(outputs.examples, one.summaries, protocol)
            scores = learned.add_systems(scores, outputs.examples, one.summaries)
            save_records(scores, folder / names.table_scores(at))
        save_json({"score_seconds": watch.read()} | learned.take_facts(), folder / names.SCORING_FACTS)


__all__ = ["score_outputs"]

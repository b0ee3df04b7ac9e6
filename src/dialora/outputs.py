"""Other people's outputs: a table of references and summaries → the same scores, statistics and report as our own runs.

Takes an OutputsConfig, gives a Comparison; the folder then holds `results.json`, `report.md` and `report.html`. Scores
are kept as a stage, so that a second call, or one with other statistics, scores nothing again. No model is needed.
"""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dialora.assembly import build_examples, build_results, describe_protocol, describe_yardsticks, sign_scores
from dialora.comparison import Comparison, RunResult, SystemRuns, compare_systems
from dialora.config import apply_overrides, build_config, stable_hash
from dialora.data.output_columns import OutputsConfig
from dialora.data.system_outputs import Outputs, load_outputs
from dialora.faithfulness import measure_once
from dialora.launcher import Observer
from dialora.learned import LearnedMetrics, describe_learned, describe_scorer, require_learned
from dialora.protocols import PROTOCOLS
from dialora.records import Cost, ExampleScores
from dialora.report.document import ReportDocument
from dialora.runs import Stage, load_json, load_records, save_json, save_records, save_text
from dialora.scoring import score_summaries
from dialora.workspace import RUNS, own_folder
from dialora.yardsticks import load_yardsticks, make_yardsticks, plan_yardsticks


def load_outputs_config(table: str | Path, overrides: Iterable[str] | Mapping[str, Any] = ()) -> OutputsConfig:
    """Build the config of one table; overrides are those of `outputs.*`, `scoring.*` and `name`. Raises ConfigError."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(table).stem).strip("-._") or "outputs"
    values: dict[str, Any] = {"name": name, "table": str(table)}
    apply_overrides(values, overrides)
    return build_config(OutputsConfig, values)


def score_outputs(
    config: OutputsConfig, *, output: Path | None = None, observer: Observer = lambda event: None
) -> Comparison:
    """Score a table of outputs, compare its systems, and write the report. Raises DialoraError."""
    from dialora.report import render_report

    root = output or RUNS / config.name
    with own_folder(root):
        observer({"event": "stage", "stage": "data", "run": config.name, "key": ""})
        outputs = load_outputs(config)
        for note in outputs.summary.notes:
            observer({"event": "note", "message": note})
        save_text(config.to_yaml(), root / "experiment.yaml")
        scoring, yardsticks = _plan_stages(root, config, outputs)
        told: dict[str, Any] = {"stage": "scoring", "run": config.name, "key": ""}
        learned = LearnedMetrics(
            config.scoring, lambda done, total: observer({"event": "progress", **told, "done": done, "total": total})
        )
        if not scoring.is_complete:
            observer({"event": "stage", **told})
            require_learned(config.scoring)
            _write_scores(scoring, config, outputs, learned)
        if not yardsticks.is_complete:
            told["stage"] = "yardsticks"
            observer({"event": "stage", **told})
            make_yardsticks(yardsticks, outputs.examples, PROTOCOLS[config.scoring.protocol], learned)
        observer({"event": "stage", "stage": "report", "run": config.name, "key": ""})
        document = build_outputs_document(config, outputs, scoring, load_yardsticks(yardsticks, config.scoring))
        save_json(build_results(document), root / "results.json")
        render_report(document, root)
        observer({"event": "reported", "folder": str(root), "document": document})
        return document.comparison


def build_outputs_document(
    config: OutputsConfig, outputs: Outputs, scoring: Stage, yardsticks: Sequence[SystemRuns]
) -> ReportDocument:
    """Gather what the report shows of a table: no training, no costs, everything else."""
    folder = scoring.require()
    facts = load_json(folder / "scoring.json")
    scores = [load_records(ExampleScores, folder / f"scores-{at}.jsonl") for at in range(len(outputs.systems))]
    systems = [
        SystemRuns(one.key, one.method, one.label, (RunResult(0, Cost(None, None), tuple(items)),))
        for one, items in zip(outputs.systems, scores, strict=True)
    ]
    comparison = compare_systems(
        systems,
        experiment=config.name,
        protocol=sign_scores(config.scoring, outputs.examples),
        scoring=config.scoring,
        yardsticks=yardsticks,
    )
    # Without dialogues nothing can be said about what stands in them.
    has_dialogues = all(example.dialogue for example in outputs.examples)
    summaries = {one.key: [one.summaries] for one in outputs.systems} if has_dialogues else {}
    measured, rows = measure_once(
        scoring.folder.parent,
        outputs.examples if has_dialogues else (),
        summaries,
        labels={one.key: one.label for one in outputs.systems},
        num_resamples=config.scoring.num_resamples,
    )
    return ReportDocument(
        comparison=comparison,
        curves=(),
        examples=tuple(
            build_examples(
                outputs.examples,
                {one.key: one.summaries for one in outputs.systems},
                {one.key: items for one, items in zip(outputs.systems, scores, strict=True)},
                measured,
                references=config.scoring.references,
            )
        ),
        data=outputs.summary.to_json(),
        truncation=(),
        seconds={"score": facts["score_seconds"]},
        environment=_describe_environment(config),
        config_yaml=config.to_yaml(),
        notes=(
            *describe_protocol(config.scoring),
            *describe_learned(config.scoring, [facts]),
            *describe_yardsticks(yardsticks, outputs.examples),
            *_describe_empty(outputs),
        ),
        faithfulness=rows if has_dialogues else (),
    )


def _plan_stages(root: Path, config: OutputsConfig, outputs: Outputs) -> tuple[Stage, Stage]:
    """Lay out the two stages; the fingerprint holds dialogues and references."""
    scorer = describe_scorer(config.scoring)
    fingerprint = outputs.summary.fingerprint["test"]
    summaries = [one.summaries for one in outputs.systems]
    key = stable_hash(["outputs.v1", fingerprint, summaries, scorer, version("rouge_score")])
    has_dialogues = any(example.dialogue for example in outputs.examples)
    return Stage(root / "scoring", key), plan_yardsticks(root, f"{fingerprint}-{has_dialogues}", scorer)


def _write_scores(stage: Stage, config: OutputsConfig, outputs: Outputs, learned: LearnedMetrics) -> None:
    protocol = PROTOCOLS[config.scoring.protocol]
    started = time.perf_counter()
    with stage.writing() as folder:
        for at, one in enumerate(outputs.systems):
            scores = score_summaries(outputs.examples, one.summaries, protocol)
            scores = learned.add_systems(scores, outputs.examples, one.summaries)
            save_records(scores, folder / f"scores-{at}.jsonl")
        seconds = time.perf_counter() - started
        save_json({"score_seconds": seconds} | learned.take_facts(), folder / "scoring.json")


def _describe_empty(outputs: Outputs) -> list[str]:
    counts = [(one.label, sum(not summary for summary in one.summaries)) for one in outputs.systems]
    return [f"{label} wrote nothing for {count:,} dialogues; these score 0." for label, count in counts if count]


def _describe_environment(config: OutputsConfig) -> dict[str, str]:
    """Return the versions that scores depend on; what made the summaries is not known."""
    found = {"python": platform.python_version()}
    names = ["dialora", "rouge_score", "numpy", *(("torch", "transformers") if config.scoring.learned else ())]
    return found | {name: version(name) for name in names}


__all__ = ["build_outputs_document", "load_outputs_config", "score_outputs"]

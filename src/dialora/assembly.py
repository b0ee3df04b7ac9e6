"""From finished stages to the report: gathers what lies on disk into one ReportDocument, and `results.json`.

Reads costs, losses, predictions and scores of every run; computes the comparison and the faithfulness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dialora.comparison import RunResult, SystemRuns, aggregate_references, compare_systems
from dialora.config import ExperimentConfig, ScoringConfig
from dialora.data.examples import DialogueDataset
from dialora.faithfulness import SummaryFaithfulness, measure_once
from dialora.learned import describe_learned, sign_learned
from dialora.protocols import PROTOCOLS
from dialora.records import Cost, Example, ExampleScores, Prediction
from dialora.report.document import LossCurve, ReportDocument, ReportedExample
from dialora.report.tuning import build_tuning_notes
from dialora.runs import Run, load_json, load_records, measure_weights
from dialora.tuning import SearchOutcome


def build_document(
    config: ExperimentConfig,
    dataset: DialogueDataset,
    runs: Sequence[Run],
    yardsticks: Sequence[SystemRuns] = (),
    searches: Sequence[SearchOutcome] = (),
    *,
    root: Path,
) -> ReportDocument:
    """Gather everything the report shows from complete stages; what is measured of the summaries is kept in `root`."""
    labels = build_labels(config)
    facts = {run.name: _load_facts(run) for run in runs}
    systems = [
        SystemRuns(key, method.name, labels[key], tuple(_load_result(run) for run in runs if run.key == key))
        for key, method in config.methods.items()
    ]
    comparison = compare_systems(
        systems,
        experiment=config.name,
        protocol=sign_scores(config.scoring, dataset.test),
        scoring=config.scoring,
        comparable_costs=_is_one_machine(facts),
        yardsticks=yardsticks,
    )
    measured, faithfulness = measure_once(
        root,
        dataset.test,
        _load_summaries(config, runs),
        labels=labels,
        num_resamples=config.scoring.num_resamples,
    )
    return ReportDocument(
        comparison=comparison,
        curves=tuple(_build_curve(labels[run.key], run, facts[run.name]) for run in runs if run.training is not None),
        examples=tuple(_load_examples(config, dataset, runs, measured)),
        data=dataset.summary.to_json(),
        truncation=tuple(_describe_truncation(config, labels, runs, facts)),
        seconds=_describe_searches(labels, searches) | _describe_seconds(labels, runs, facts),
        environment=facts[runs[-1].name]["generation"]["environment"],
        config_yaml=config.to_yaml(),
        notes=(
            *describe_protocol(config.scoring),
            *describe_learned(config.scoring, [fact["scoring"] for fact in facts.values()]),
            *describe_yardsticks(yardsticks, dataset.test),
            *_describe_notes(labels, runs, facts),
            *build_tuning_notes(searches, labels),
        ),
        searches=tuple(searches),
        faithfulness=faithfulness,
    )


def build_results(document: ReportDocument) -> dict[str, Any]:
    """Return `results.json`: the comparison, and where it comes from."""
    values = document.comparison.to_json()
    first = {name: values.pop(name) for name in ("schema_version", "experiment", "protocol")}
    origin = {
        "data": document.data["fingerprint"],
        "also_in_train": document.data.get("also_in_train"),
        "environment": document.environment,
        "notes": document.notes,
        "tuning": [search.to_json() for search in document.searches],
        "faithfulness": [row.to_json() for row in document.faithfulness],
    }
    return first | values | origin


def sign_scores(scoring: ScoringConfig, examples: Sequence[Example]) -> str:
    """Return the signature that these examples' scores carry."""
    rouge = PROTOCOLS[scoring.protocol].sign(
        references=scoring.references,
        num_examples=len(examples),
        num_references=sum(len(example.references) for example in examples),
    )
    return rouge + sign_learned(scoring)


def describe_protocol(scoring: ScoringConfig) -> list[str]:
    """Say whose numbers these may stand beside."""
    return [f"Protocol {scoring.protocol}: these scores may stand beside {PROTOCOLS[scoring.protocol].stands_beside}."]


def describe_yardsticks(yardsticks: Sequence[SystemRuns], examples: Sequence[Example]) -> list[str]:
    """Say how the yardsticks came about, or why one is missing."""
    notes = []
    shown = {item.key for item in yardsticks}
    if "human" in shown:
        notes.append(
            "Human: each reference is scored as a summary against the others of its dialogue, one fewer than a system "
            "has, and the mean is taken."
        )
    single = sum(len(example.references) == 1 for example in examples)
    if 0 < single < len(examples):
        notes.append(f"No human row: {single:,} of {len(examples):,} test dialogues have one reference only.")
    if "lead-2" in shown:
        notes.append("First two turns, longest two turns: cut from the dialogue with their speakers, nothing written.")
    return notes


def build_labels(config: ExperimentConfig) -> dict[str, str]:
    """Return each system's name in the tables: the notebook's row names, told apart by key where one repeats."""
    kinds = [method.label for method in config.methods.values()]
    return {
        key: method.label if key == method.name and kinds.count(method.label) == 1 else f"{method.label} ({key})"
        for key, method in config.methods.items()
    }


def _load_result(run: Run) -> RunResult:
    generation = load_json(run.generation.require() / "generation.json")
    if run.training is None:
        cost = Cost(generation["trainable_params"], generation["total_params"])
    else:
        cost = Cost(**load_json(run.training.require() / "training.json")["cost"])
    scores = load_records(ExampleScores, run.scoring.require() / "scores.jsonl")
    cost = replace(
        cost,
        generate_seconds=generation["generate_seconds"],
        num_summaries=generation["num_examples"],
        weights_bytes=None if run.training is None else measure_weights(run.training.folder),
    )
    return RunResult(run.seed, cost, tuple(scores))


def _load_summaries(config: ExperimentConfig, runs: Sequence[Run]) -> dict[str, list[list[str]]]:
    """Return what each system wrote, one list per run."""
    return {
        key: [
            [prediction.summary for prediction in load_records(Prediction, run.generation.folder / "predictions.jsonl")]
            for run in runs
            if run.key == key
        ]
        for key in config.methods
    }


def _load_facts(run: Run) -> dict[str, Any]:
    return {
        "training": None if run.training is None else load_json(run.training.folder / "training.json"),
        "generation": load_json(run.generation.folder / "generation.json"),
        "scoring": load_json(run.scoring.folder / "scoring.json"),
    }


def _build_curve(label: str, run: Run, facts: dict[str, Any]) -> LossCurve:
    result = facts["training"]["result"]
    return LossCurve(
        label=label if run.seed == 0 else f"{label}, seed {run.seed}",
        train=tuple(result["losses"]),
        validation=tuple((step, loss) for step, loss in result["validation"]),
    )


def _load_examples(
    config: ExperimentConfig,
    dataset: DialogueDataset,
    runs: Sequence[Run],
    measured: Mapping[str, Sequence[Sequence[SummaryFaithfulness]]],
) -> list[ReportedExample]:
    """Put side by side what every system wrote of each dialogue; with several seeds, what the first one wrote."""
    first = {run.key: run for run in reversed(runs)}
    summaries = {}
    scores = {}
    for key in config.methods:
        predictions = load_records(Prediction, first[key].generation.folder / "predictions.jsonl")
        summaries[key] = [prediction.summary for prediction in predictions]
        scores[key] = load_records(ExampleScores, first[key].scoring.folder / "scores.jsonl")
    return build_examples(dataset.test, summaries, scores, measured, references=config.scoring.references)


def build_examples(
    examples: Sequence[Example],
    summaries: Mapping[str, Sequence[str]],
    scores: Mapping[str, Sequence[ExampleScores]],
    measured: Mapping[str, Sequence[Sequence[SummaryFaithfulness]]],
    *,
    references: str,
) -> list[ReportedExample]:
    """Put side by side what every system, by key, wrote of each example; of `measured`, the first run is shown."""
    return [
        ReportedExample(
            id=example.id,
            dialogue=example.dialogue,
            topic=example.topic,
            references=example.references,
            summaries={key: texts[at] for key, texts in summaries.items()},
            scores={
                key: {metric: aggregate_references(values, references) for metric, values in items[at].scores.items()}
                for key, items in scores.items()
            },
            unsupported={key: tuple(item.text for item in runs[0][at].unsupported) for key, runs in measured.items()},
        )
        for at, example in enumerate(examples)
    ]


def _describe_truncation(
    config: ExperimentConfig, labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    trained = [facts[run.name]["training"]["data"] for run in runs if run.training is not None]
    source, target = config.data.max_source_length, config.data.max_target_length
    if trained:
        total = trained[0]["num_pairs"]
        for what, limit, name in (
            ("training dialogues", source, "num_truncated_sources"),
            ("training summaries", target, "num_truncated_targets"),
        ):
            rows.append({"what": what, "limit": limit, "count": trained[0][name], "total": total})
    test = facts[runs[0].name]["generation"]
    rows.append(
        {"what": "test dialogues", "limit": source, "count": test["num_truncated"], "total": test["num_examples"]}
    )
    for run in runs:
        made = facts[run.name]["generation"]
        what = f"summaries by {labels[run.key]}" + (f", seed {run.seed}" if run.seed else "")
        limit = config.decoding.max_new_tokens
        rows.append({"what": what, "limit": limit, "count": made["num_cut"], "total": made["num_examples"]})
    return rows


def _describe_searches(labels: dict[str, str], searches: Sequence[SearchOutcome]) -> dict[str, float]:
    """Return how long each search took; of an interrupted trial only the optimizer steps are known."""
    return {
        f"{labels[search.key]}: search for the learning rate": sum(
            trial.train_seconds if trial.wall_seconds is None else trial.wall_seconds for trial in search.trials
        )
        for search in searches
    }


def _describe_seconds(labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for run in runs:
        name = labels[run.key] + (f", seed {run.seed}" if run.seed else "")
        training = facts[run.name]["training"]
        if training is not None:
            steps = training["result"]["train_seconds"]
            seconds[f"{name}: tokenize"] = training["tokenize_seconds"]
            seconds[f"{name}: training steps"] = steps
            if training["wall_seconds"] is not None:
                rest = training["wall_seconds"] - training["tokenize_seconds"] - steps
                seconds[f"{name}: validation and checkpoints"] = max(0.0, rest)
        if facts[run.name]["generation"]["generate_seconds"] is not None:
            seconds[f"{name}: generate"] = facts[run.name]["generation"]["generate_seconds"]
        seconds[f"{name}: score"] = facts[run.name]["scoring"]["score_seconds"]
    return seconds


def _describe_notes(labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]) -> list[str]:
    notes = []
    if not _is_one_machine(facts):
        notes.append("The runs were made on different hardware: their times and memory cannot be compared.")
    for run in runs:
        made, trained = facts[run.name]["generation"], facts[run.name]["training"]
        if made["num_empty"]:
            notes.append(f"{labels[run.key]} wrote nothing for {made['num_empty']} dialogues; these score 0.")
        if made["generate_seconds"] is None:
            notes.append(f"{labels[run.key]}: generation was interrupted and resumed, so its time is not known.")
        if trained and trained["result"]["stopped_early"]:
            notes.append(f"{labels[run.key]} stopped early after {trained['result']['num_steps']} steps.")
    shares = [facts[run.name]["training"]["padding_share"] for run in runs if run.training is not None]
    if shares:
        notes.append(f"{np.mean(shares):.1%} of the positions in training batches were padding.")
        precision = {facts[run.name]["training"]["result"]["precision"] for run in runs if run.training is not None}
        notes.append(f"Training multiplied in {', '.join(sorted(precision))}.")
    notes.append(f"Summaries were written in {_describe_engines(labels, runs, facts)}.")
    return notes


def _describe_engines(labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]) -> str:
    """Say in which precision, and by which engine, each system's summaries were made."""
    engines: dict[str, list[str]] = {}
    for run in runs:
        made = facts[run.name]["generation"]
        # Experiments finished before there was a choice had torch in fp32.
        engine = f"{made.get('precision', 'fp32')} ({made.get('engine', 'torch')})"
        if labels[run.key] not in engines.setdefault(engine, []):
            engines[engine].append(labels[run.key])
    if len(engines) == 1:
        return next(iter(engines))
    return "; ".join(f"{engine}: {', '.join(names)}" for engine, names in engines.items())


def _is_one_machine(facts: dict[str, Any]) -> bool:
    """Whether every run was made with the same processor, GPU and number of threads."""
    found = [
        stage["environment"] for fact in facts.values() for stage in (fact["training"], fact["generation"]) if stage
    ]
    return len({tuple(env.get(name) for name in ("processor", "gpu", "threads")) for env in found}) == 1


__all__ = [
    "build_document",
    "build_examples",
    "build_labels",
    "build_results",
    "describe_protocol",
    "describe_yardsticks",
    "sign_scores",
]

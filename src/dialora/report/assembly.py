"""From finished stages to the report: gathers what lies on disk into one ReportDocument.

Reads costs, losses, predictions and scores of every run; computes the comparison and the faithfulness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dialora.comparison import Comparison, RunResult, SystemRuns, aggregate_references, compare_systems
from dialora.comparison.faithfulness_stage import measure_once
from dialora.comparison.people_stage import KeptStudies, load_studies
from dialora.comparison.people_verdict import describe_studies
from dialora.config import ExperimentConfig
from dialora.data.examples import DialogueDataset
from dialora.records import Cost, Example, ExampleScores, Prediction
from dialora.report.accounting import describe_searches, describe_seconds, describe_tokens, describe_truncation
from dialora.report.document import LossCurve, ReportDocument, ReportedExample
from dialora.report.environments import is_one_environment, merge_environments
from dialora.report.known_data import describe_known_data
from dialora.report.labels import build_labels, name_bases
from dialora.report.notes import (
    describe_letters,
    describe_prompts,
    describe_protocol,
    describe_runs,
    describe_yardsticks,
    sign_scores,
)
from dialora.report.tables import split_verdict
from dialora.report.tuning import build_tuning_notes
from dialora.scoring.faithfulness import SummaryFaithfulness
from dialora.scoring.learned import describe_learned
from dialora.store import ExperimentFolder, Run, load_json, load_records, measure_weights, names
from dialora.tuning.rules import SearchOutcome


def build_document(
    config: ExperimentConfig,
    dataset: DialogueDataset,
    runs: Sequence[Run],
    yardsticks: Sequence[SystemRuns] = (),
    searches: Sequence[SearchOutcome] = (),
    *,
    folder: ExperimentFolder,
) -> ReportDocument:
    """Gather all that the report shows from complete stages; what is measured of the summaries is kept in `folder`."""
    labels, bases = build_labels(config), name_bases(config) or {}
    facts = {run.name: _load_facts(run) for run in runs}
    systems = [
        SystemRuns(
            key,
            method.name,
            labels[key],
            tuple(_load_result(run, facts[run.name]) for run in runs if run.key == key),
            bases.get(key),
        )
        for key, method in config.methods.items()
    ]
    comparison = compare_systems(
        systems,
        experiment=config.name,
        protocol=sign_scores(config.scoring, dataset.test),
        scoring=config.scoring,
        comparable_costs=is_one_environment(facts),
        yardsticks=yardsticks,
    )
    # What bounds the headline stands right behind it: of a long verdict the terminal shows the beginning.
    headline, rest = split_verdict(comparison)
    verdict = " ".join([headline, *describe_prompts(config, labels), *rest])
    comparison = replace(comparison, verdict=verdict)
    summaries = _load_summaries(config, runs)
    measured, faithfulness = measure_once(
        folder,
        dataset.test,
        summaries,
        labels=labels,
        num_resamples=config.scoring.num_resamples,
    )
    examples = tuple(_load_examples(config, dataset, runs, measured))
    studies = find_studies(folder, examples)
    return ReportDocument(
        comparison=add_people(comparison, studies),
        curves=tuple(_build_curve(labels[run.key], run, facts[run.name]) for run in runs if run.training is not None),
        examples=examples,
        data=dataset.summary.to_json(),
        truncation=tuple(describe_truncation(config, labels, runs, facts)),
        seconds=describe_tokens(folder, runs)
        | describe_searches(labels, searches)
        | describe_seconds(labels, runs, facts),
        environment=merge_environments(labels, runs, facts),
        config_yaml=config.to_yaml(),
        notes=(
            *describe_protocol(config.scoring),
            *describe_letters(config.scoring, _list_texts(dataset, summaries)),
            *describe_learned(config.scoring, [fact["scoring"] for fact in facts.values()]),
            *describe_yardsticks(yardsticks, dataset.test),
            *describe_runs(labels, runs, facts),
            *describe_known_data(config),
            *build_tuning_notes(searches, labels),
            *studies.notes,
        ),
        searches=tuple(searches),
        faithfulness=faithfulness,
        studies=studies.results,
    )


def _load_result(run: Run, facts: dict[str, Any]) -> RunResult:
    generation = facts["generation"]
    if run.training is None:
        cost = Cost(generation["trainable_params"], generation["total_params"])
    else:
        cost = Cost(**facts["training"]["cost"])
    scores = load_records(ExampleScores, run.scoring.require() / names.SCORES)
    cost = replace(
        cost,
        generate_seconds=generation["generate_seconds"],
        num_summaries=generation["num_examples"],
        converting_seconds=generation.get("converting_seconds"),
        weights_bytes=None if run.training is None else measure_weights(run.training.folder),
    )
    return RunResult(run.seed, cost, tuple(scores))


def _load_summaries(config: ExperimentConfig, runs: Sequence[Run]) -> dict[str, list[list[str]]]:
    """Return what each system wrote, one list per run."""
    return {
        key: [
            [
                prediction.summary
                for prediction in load_records(Prediction, run.generation.require() / names.PREDICTIONS)
            ]
            for run in runs
            if run.key == key
        ]
        for key in config.methods
    }


def _list_texts(dataset: DialogueDataset, summaries: Mapping[str, Sequence[Sequence[str]]]) -> Iterator[str]:
    """Give all that ROUGE reads."""
    for example in dataset.test:
        yield from example.references
    for texts in (texts for lists in summaries.values() for texts in lists):
        yield from texts


def _load_facts(run: Run) -> dict[str, Any]:
    training = None if run.training is None else run.training.require(reads_weights=False)
    return {
        "training": None if training is None else load_json(training / names.TRAINING_FACTS),
        "generation": load_json(run.generation.require() / names.GENERATION_FACTS),
        "scoring": load_json(run.scoring.require() / names.SCORING_FACTS),
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
        predictions = load_records(Prediction, first[key].generation.require() / names.PREDICTIONS)
        summaries[key] = [prediction.summary for prediction in predictions]
        scores[key] = load_records(ExampleScores, first[key].scoring.require() / names.SCORES)
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


def find_studies(folder: ExperimentFolder, examples: Sequence[ReportedExample]) -> KeptStudies:
    """Find what people judged of these summaries."""
    summaries: dict[str, dict[str, str]] = {}
    for example in examples:
        for key, text in example.summaries.items():
            summaries.setdefault(key, {})[example.id] = text
    return load_studies(folder, summaries)


def add_people(comparison: Comparison, studies: KeptStudies) -> Comparison:
    """Return the comparison whose verdict says what people preferred, too."""
    sentences = describe_studies(studies.results)
    return replace(comparison, verdict=" ".join([comparison.verdict, *sentences])) if sentences else comparison


__all__ = ["add_people", "build_document", "build_examples", "find_studies"]

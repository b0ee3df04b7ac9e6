"""From a scored table to the report's document: no training, no costs, everything else."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from dialora.comparison import RunResult, SystemRuns, compare_systems
from dialora.comparison.faithfulness_stage import measure_once
from dialora.config import OutputsConfig
from dialora.outputs.table import Outputs
from dialora.records import Cost, ExampleScores
from dialora.report.assembly import add_people, build_examples, find_studies
from dialora.report.document import ReportDocument
from dialora.report.notes import describe_letters, describe_protocol, describe_yardsticks, sign_scores
from dialora.scoring.learned import describe_learned
from dialora.store import ExperimentFolder, Stage, load_json, load_records, names


def build_outputs_document(
    config: OutputsConfig,
    outputs: Outputs,
    scoring: Stage,
    yardsticks: Sequence[SystemRuns],
    *,
    folder: ExperimentFolder,
) -> ReportDocument:
    """Gather what the report shows of a table; what is measured of the summaries is kept in `folder`."""
    scored = scoring.require()
    facts = load_json(scored / names.SCORING_FACTS)
    scores = [load_records(ExampleScores, scored / names.table_scores(at)) for at in range(len(outputs.systems))]
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
        folder,
        outputs.examples if has_dialogues else (),
        summaries,
        labels={one.key: one.label for one in outputs.systems},
        num_resamples=config.scoring.num_resamples,
    )
    examples = build_examples(
        outputs.examples,
        {one.key: one.summaries for one in outputs.systems},
        {one.key: items for one, items in zip(outputs.systems, scores, strict=True)},
        measured,
        references=config.scoring.references,
    )
    studies = find_studies(folder, examples)
    return ReportDocument(
        comparison=add_people(comparison, studies),
        curves=(),
        examples=tuple(examples),
        data=outputs.summary.to_json(),
        truncation=(),
        seconds={"score": facts["score_seconds"]},
        environment=_describe_environment(config),
        config_yaml=config.to_yaml(),
        notes=(
            *describe_protocol(config.scoring),
            *describe_letters(config.scoring, _list_texts(outputs)),
            *describe_learned(config.scoring, [facts]),
            *describe_yardsticks(yardsticks, outputs.examples),
            *_describe_empty(outputs),
            *studies.notes,
        ),
        faithfulness=rows if has_dialogues else (),
        studies=studies.results,
    )


def _list_texts(outputs: Outputs) -> Iterator[str]:
    """Give all that ROUGE reads."""
    for example in outputs.examples:
        yield from example.references
    for system in outputs.systems:
        yield from system.summaries


def _describe_empty(outputs: Outputs) -> list[str]:
    counts = [(one.label, sum(not summary for summary in one.summaries)) for one in outputs.systems]
    return [f"{label} wrote nothing for {count:,} dialogues; these score 0." for label, count in counts if count]


def _describe_environment(config: OutputsConfig) -> dict[str, str]:
    """Return the versions that scores depend on; what made the summaries is not known."""
    found = {"python": platform.python_version()}
    libraries = ["dialora", "rouge_score", "numpy", *(("torch", "transformers") if config.scoring.learned else ())]
    return found | {name: version(name) for name in libraries}


__all__ = ["build_outputs_document"]

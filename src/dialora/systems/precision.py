"""What a lower precision costs: the same system's summaries of its test dialogues, side by side, scored and timed.

Takes a System and the precision its configuration asks for. The summaries in fp32 are the experiment's own where it
made them so. Differences are paired over dialogues, with the intervals of `comparison.statistics`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dialora.comparison import METRICS, aggregate_references
from dialora.comparison.draws import Counts
from dialora.comparison.statistics import bootstrap_interval
from dialora.data.tokens import tokenize_sources
from dialora.errors import ConfigError, StageError
from dialora.experiment.plan import plan_runs
from dialora.records import Example, Observer, Prediction, Record, ignore_events
from dialora.scoring import score_predictions
from dialora.store import Stage, load_json, load_records, names, read_run
from dialora.systems.kinds.runs import find_config
from dialora.systems.kinds.system import RunSystem, System


@dataclass(frozen=True, slots=True)
class PrecisionCost(Record):
    """What one precision changes against fp32. Scores are fractions."""

    system: str
    engine: str
    precision: str
    num_dialogues: int
    num_equal: int
    """Dialogues with the same summary as in fp32."""
    scores: dict[str, float]
    scores_fp32: dict[str, float]
    differences: dict[str, tuple[float, float, float]]
    """For each metric: this precision minus fp32, and its 95 % interval."""
    generate_seconds: float
    generate_seconds_fp32: float | None
    """None where it is not known: the experiment's generation was interrupted."""


def measure_precision(system: System, *, observer: Observer = ignore_events) -> PrecisionCost:
    """Summarize the experiment's test dialogues as `generation` says and compare with fp32. Raises DialoraError."""
    if not isinstance(system, RunSystem):
        raise ConfigError(
            f"{system.name}: is no run; precisions are compared on the test dialogues of a run's experiment."
        )
    config = system.config
    examples = load_test_examples(system)
    predictions, seconds, engine = _write(system, examples, observer)
    reference, reference_seconds = _load_fp32(system)
    if reference is None or [p.id for p in reference] != [e.id for e in examples]:
        generation = config.generation.model_copy(update={"engine": "auto", "precision": "fp32"})
        plain = replace(system, config=config.model_copy(update={"generation": generation}))
        reference, reference_seconds, _ = _write(plain, examples, observer)
    compared = compare_scores(system, examples, predictions, reference)
    return PrecisionCost(
        system=system.name,
        engine=engine,
        precision=config.generation.precision,
        num_dialogues=len(examples),
        num_equal=sum(a.summary == b.summary for a, b in zip(predictions, reference, strict=True)),
        scores=compared.scores,
        scores_fp32=compared.scores_reference,
        differences=compared.differences,
        generate_seconds=seconds,
        generate_seconds_fp32=reference_seconds,
    )


@dataclass(frozen=True, slots=True)
class ScoresCompared:
    """ROUGE of two sets of summaries of the same dialogues, as fractions by metric."""

    scores: dict[str, float]
    scores_reference: dict[str, float]
    differences: dict[str, tuple[float, float, float]]
    """The first minus the reference, and its 95 % interval, paired over dialogues."""


def compare_scores(
    system: System, examples: list[Example], predictions: list[Prediction], reference: list[Prediction]
) -> ScoresCompared:
    """Score two sets of summaries of `examples` as the system's experiment does, and compare them."""
    values, values_reference = (_score(system, examples, made) for made in (predictions, reference))
    draws = Counts(len(examples), system.config.scoring.num_resamples, seed=0)
    changes = {metric: values[metric] - values_reference[metric] for metric in METRICS}
    return ScoresCompared(
        scores={metric: float(values[metric].mean()) for metric in METRICS},
        scores_reference={metric: float(values_reference[metric].mean()) for metric in METRICS},
        differences={
            metric: (float(change.mean()), *bootstrap_interval(change, draws)) for metric, change in changes.items()
        },
    )


def load_test_examples(system: RunSystem) -> list[Example]:
    """Return the test dialogues of a run's experiment. Raises StageError where the run lies without them."""
    experiment = read_run(system.folder).experiment
    if not experiment.has_data:
        raise StageError(
            f"{experiment.root}: holds no data; it takes the test dialogues of the run's experiment to compare on."
        )
    return experiment.load_examples("test")


def _write(system: System, examples: list[Example], observer: Observer) -> tuple[list[Prediction], float, str]:
    from dialora.generation import write_predictions

    config = system.config
    about = {"event": "progress", "stage": "generation", "run": system.name, "key": system.key}
    sources = tokenize_sources(
        [example.dialogue for example in examples],
        system.tokenizer,
        prompt=system.prompt,
        max_length=config.data.max_source_length,
    )
    engine = system.open_engine(
        [source.input_ids for source in sources], lambda message: observer({"event": "warning", "message": message})
    )
    made = write_predictions(
        engine,
        system.tokenizer,
        examples,
        sources,
        config.decoding,
        on_progress=lambda done, total: observer({**about, "done": done, "total": total}),
    )
    return made.predictions, made.seconds, engine.name


def _load_fp32(system: RunSystem) -> tuple[list[Prediction] | None, float | None]:
    """Return the experiment's own summaries and their seconds, if it made them in fp32 with this decoding."""
    from dialora.config import load_experiment

    run = read_run(system.folder)
    own = load_experiment(find_config(run))
    try:
        fingerprint = run.experiment.load_data_summary()["fingerprint"]
        planned = next(one for one in plan_runs(own, run.experiment.root, fingerprint) if one.key == system.key)
        # What lies there may be of an earlier decoding or of other dialogues: its key says what it was made from.
        made = Stage(run.folder / names.GENERATION, planned.generation.key)
        if not made.is_complete or own.decoding != system.config.decoding:
            return None, None
        facts: dict[str, Any] = load_json(run.generation_facts)
        if facts.get("precision", "fp32") != "fp32":
            return None, None
        return load_records(Prediction, run.predictions), facts["generate_seconds"]
    except (OSError, ValueError, KeyError, StageError):
        return None, None


def _score(system: System, examples: list[Example], predictions: list[Prediction]) -> dict[str, Any]:
    scoring = system.config.scoring
    scores = score_predictions(examples, predictions, scoring.rules)
    return {
        metric: np.array([aggregate_references(each.scores[metric], scoring.references) for each in scores])
        for metric in METRICS
    }


__all__ = ["PrecisionCost", "ScoresCompared", "compare_scores", "load_test_examples", "measure_precision"]

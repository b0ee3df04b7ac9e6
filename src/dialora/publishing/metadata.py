"""What the hub reads of a published system: the card's metadata with its model-index, and `.eval_results`.

Pure: takes RunFacts, gives plain values. Scores are fractions in [0, 1], of these very weights, with the interval over
dialogues beside them. Formats: https://github.com/huggingface/hub-docs, modelcard.md and eval_results.yaml.
"""

from __future__ import annotations

import re
from typing import Any

from dialora.comparison import Interval
from dialora.printable import clean
from dialora.publishing.choices import Choices
from dialora.publishing.run_facts import RunFacts
from dialora.report.licences import find_works
from dialora.report.origins import Origin, find_data_origin
from dialora.report.tables import METRIC_NAMES, name_metric

DIGITS = 4
TASK = "summarization"


def build_metadata(facts: RunFacts, choices: Choices) -> dict[str, Any]:
    """Return the card's metadata as plain values."""
    from huggingface_hub import ModelCardData

    data, base = find_data_origin(facts.config), choices.find_base_id(facts.config)
    language = find_works(facts.config)[0].language
    own = f"{facts.comparison.experiment}-{facts.key}"
    card: Any = ModelCardData(
        language=None if language is None else [language],
        license=choices.licence,
        library_name="peft" if facts.is_adapter else "transformers",
        pipeline_tag=TASK,
        tags=["dialora", "dialogue-summarization", facts.system.method],
        base_model=base,
        datasets=[data.hub_id] if data.hub_id is not None else None,
        metrics=["rouge"],
        model_name=name_slug(choices.repo.partition("/")[2] if choices.repo else own),
        eval_results=_build_results(facts, data),
        # The hub's own word for what this is of its base.
        base_model_relation=None if base is None else "adapter" if facts.is_adapter else "finetune",
    )
    values: dict[str, Any] = card.to_dict()
    return values


def _build_results(facts: RunFacts, data: Origin) -> list[Any]:
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=TASK,
            task_name="Dialogue summarization",
            dataset_type=data.hub_id or name_slug(data.name),
            dataset_name=clean_line(data.name),
            dataset_config=facts.config.data.name if data.hub_id else None,
            dataset_split="test",
            dataset_revision=data.revision,
            metric_type="rouge" if metric in METRIC_NAMES else name_slug(metric),
            metric_name=clean_line(name_metric(metric)),
            metric_value=round(facts.find_own_mean(metric), DIGITS),
            # Of several seeds the interval is that of their mean, which no weights have.
            metric_args=None if len(facts.system.seeds) > 1 else _write_bounds(interval),
        )
        for metric, interval in facts.system.scores.items()
    ]


def _write_bounds(interval: Interval) -> dict[str, float]:
    return {"ci_low": round(interval.ci_low, DIGITS), "ci_high": round(interval.ci_high, DIGITS)}


def build_eval_results(facts: RunFacts) -> dict[str, list[dict[str, Any]]]:
    """Return the files of `.eval_results`, by name, as plain values; none where the data is not on the hub.

    The hub shows them where the data set is a benchmark there; a task is one metric of it.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    data = find_data_origin(facts.config)
    if data.hub_id is None:
        return {}
    entries = [
        EvalResultEntry(
            dataset_id=data.hub_id,
            task_id=name_slug(metric),
            value=round(facts.find_own_mean(metric), DIGITS),
            dataset_revision=data.revision,
            notes=clean_line(f"{facts.comparison.num_examples} dialogues; {facts.comparison.protocol}"),
        )
        for metric in facts.system.scores
    ]
    return {f"{name_slug(data.hub_id)}.yaml": eval_result_entries_to_yaml(entries)}


def clean_line(text: str) -> str:
    """Return a text on one line, safe to show."""
    return clean(" ".join(text.split()))


def name_slug(text: str) -> str:
    """Return a text as a name of letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[:96] or "data"


__all__ = ["build_eval_results", "build_metadata", "clean_line", "name_slug"]

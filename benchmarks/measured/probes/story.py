"""One system of the story: trained by the notebook's recipe, by ours, or not at all; decoded and scored by dialora."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.compared import ours
from dialora.config import ExperimentConfig, load_experiment
from dialora.records import Example
from dialora.store import load_records

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def story(spec: dict[str, Any]) -> dict[str, Any]:
    """Train on the bundled dialogues and summarize the test split, greedily, the same for everyone.

    `spec`: folder (of the model), who (zero_shot, ours, notebook), method, train and test (paths), and for the
    notebook learning_rate, masks_labels, passes_attention_mask, max_steps. ROUGE comes per dialogue, the mean over
    its references.
    """
    config = load_experiment("bundled", {"model": spec["folder"]})
    examples = load_records(Example, Path(spec["train"]))
    with TemporaryDirectory() as work:
        model, tokenizer, facts = _SIDES[spec["who"]](spec, config, examples, Path(work))
    summaries = _summarize(model, tokenizer, load_records(Example, Path(spec["test"])), config)
    return facts | summaries


def _train_ours(
    spec: dict[str, Any], config: ExperimentConfig, examples: list[Example], work: Path
) -> tuple[Any, Any, dict[str, Any]]:
    values = {key: value for key, value in ours.TRAINING.items() if key in type(config.training).model_fields}
    config = config.model_copy(update={"training": config.training.model_copy(update=values)})
    model, tokenizer = ours.load_trainable(config, spec["method"])
    steps = ours.train(model, tokenizer, examples, config, method=spec["method"], work=work)
    chosen: Any = config.methods[spec["method"]]
    facts = _facts(steps.ends[-1] - steps.started, len(steps.ends), list(steps.losses), chosen.learning_rate)
    return model, tokenizer, facts


def _train_notebook(
    spec: dict[str, Any], config: ExperimentConfig, examples: list[Example], work: Path
) -> tuple[Any, Any, dict[str, Any]]:
    from benchmarks.compared import notebook

    recipe = notebook.Recipe(
        spec["method"],
        spec["learning_rate"],
        masks_labels=spec["masks_labels"],
        passes_attention_mask=spec["passes_attention_mask"],
        max_steps=spec["max_steps"],
        max_length=spec.get("max_length", 512),
    )
    model, tokenizer = notebook.load(Path(spec["folder"]), recipe.method, recipe.lora)
    pairs = [(example.dialogue, reference) for example in examples for reference in example.references]
    clock = notebook.train(model, tokenizer, pairs, recipe, work=work)
    facts = _facts(clock.ends[-1] - clock.started, len(clock.ends), clock.losses, recipe.learning_rate)
    return model, tokenizer, facts


def _leave(
    spec: dict[str, Any], config: ExperimentConfig, examples: list[Example], work: Path
) -> tuple[Any, Any, dict[str, Any]]:
    from dialora.models.loading import load_base_model, load_tokenizer

    return load_base_model(config), load_tokenizer(config), _facts(0.0, 0, [], None)


def _facts(seconds: float, num_steps: int, losses: list[float], learning_rate: float | None) -> dict[str, Any]:
    return {"seconds": seconds, "steps": num_steps, "losses": losses, "learning_rate": learning_rate}


def _summarize(model: Any, tokenizer: Any, examples: list[Example], config: ExperimentConfig) -> dict[str, Any]:
    from dialora.data.tokens import tokenize_sources
    from dialora.generation import generate
    from dialora.scoring import score_predictions

    sources = tokenize_sources(
        [example.dialogue for example in examples],
        tokenizer,
        prompt=config.prompt,
        max_length=config.data.max_source_length,
    )
    predictions = generate(model, tokenizer, examples, sources, config.decoding)
    scores = score_predictions(examples, predictions)
    values = {metric: [sum(s.scores[metric]) / len(s.scores[metric]) for s in scores] for metric in METRICS}
    return {
        "scores": values,
        "new_tokens": sum(prediction.num_new_tokens for prediction in predictions) / len(predictions),
        "first_summary": predictions[0].summary,
    }


_SIDES = {"ours": _train_ours, "notebook": _train_notebook, "zero_shot": _leave}

__all__ = ["story"]

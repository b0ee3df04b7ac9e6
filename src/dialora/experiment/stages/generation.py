"""The stage of generation: the summaries of a run, which goes on where it was stopped."""

from __future__ import annotations

import threading
from typing import Any

from dialora.config import ExperimentConfig
from dialora.experiment.events import Events
from dialora.experiment.job import RunJob
from dialora.measuring.clock import Stopwatch
from dialora.measuring.environment import describe_environment
from dialora.models.bases import build_prompt
from dialora.store import PartialLog, Run, Stage, names, save_json, save_records


def generate(job: RunJob, tokenizer: Any, events: Events, stop: threading.Event) -> None:
    """Generate, and write the generation stage: predictions in the order of the test split."""
    from dialora.data.tokens import tokenize_sources
    from dialora.generation import open_engine, read_converting_seconds, write_predictions
    from dialora.models.adapters import load_system
    from dialora.models.counting import count_parameters
    from dialora.models.device import find_device

    config, run = job.config, job.place
    # From disk also right after training: what is scored is what was saved.
    folder = None if run.training is None else run.training.folder
    model = load_system(config, config.methods[run.key], folder).to(find_device(config.training))
    examples = job.folder.load_examples("test")
    sources = tokenize_sources(
        [example.dialogue for example in examples],
        tokenizer,
        prompt=build_prompt(config, tokenizer),
        max_length=config.data.max_source_length,
    )
    log = PartialLog(run.work / names.PARTIAL, run.generation.key)
    parameters = count_parameters(model)
    environment = describe_environment()  # before CTranslate2, which sets the number of threads for torch too
    watch, converted = Stopwatch(), _find_converted(config, run)
    engine = open_engine(
        config.generation,
        config.decoding,
        model,
        tokenizer,
        stage=converted,
        sources=[source.input_ids for source in sources],
        on_warning=lambda message: events.send("warning", message=f"{run.name}: {message}"),
    )
    prepare_seconds = watch.read()
    made = write_predictions(
        engine,
        tokenizer,
        examples,
        sources,
        config.decoding,
        log=log,
        on_progress=lambda done, total: events.progress("generation", done, total),
        should_stop=stop.is_set,
    )
    facts = {
        "generate_seconds": made.seconds,
        "prepare_seconds": prepare_seconds,
        "converting_seconds": read_converting_seconds(converted) if engine.name == "ctranslate2" else None,
        "engine": engine.name,
        "precision": engine.precision,
        "num_examples": len(examples),
        "num_truncated": sum(p.truncated for p in made.predictions),
        "num_cut": sum(p.num_new_tokens >= config.decoding.max_new_tokens for p in made.predictions),
        "num_empty": sum(not p.summary for p in made.predictions),
        "trainable_params": parameters.trainable,
        "total_params": parameters.total,
        "environment": environment,
    }
    with run.generation.writing() as folder:
        save_records(made.predictions, folder / names.PREDICTIONS)
        save_json(facts, folder / names.GENERATION_FACTS)
    run.tidy()


def _find_converted(config: ExperimentConfig, run: Run) -> Stage:
    """Return where the system lies converted: kept beside the run by an earlier use, or for this generation alone."""
    from dialora.generation import converted_stage, identify_system

    system = identify_system(config, None if run.training is None else run.training.key)
    kept, own = (
        converted_stage(folder, system=system, precision=config.generation.precision)
        for folder in (run.folder, run.work)
    )
    return kept if kept.is_complete else own


__all__ = ["generate"]

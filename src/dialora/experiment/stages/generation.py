"""The stage of generation: the summaries of a run, which goes on where it was stopped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dialora.config import ExperimentConfig
from dialora.experiment.events import Events
from dialora.experiment.job import GENERATION, RunJob
from dialora.experiment.peers import Peers
from dialora.measuring.clock import Stopwatch
from dialora.measuring.environment import describe_environment
from dialora.models.bases import build_prompt
from dialora.models.device import uses_cuda
from dialora.store import Run, SharedLog, Stage, names, save_json, save_records

if TYPE_CHECKING:
    from torch import nn

    from dialora.data.tokens import TokenizedSource
    from dialora.records import Example
    from dialora.training import Group


def generate(job: RunJob, tokenizer: Any, events: Events, stop: threading.Event, group: Group, peers: Peers) -> None:
    """Generate, and write the generation stage: predictions in the order of the test split.

    Where torch writes, the other processes of the group write their shares. CTranslate2 has all cores as it is.
    """
    from dialora.generation import Team, open_engine, read_converting_seconds, write_predictions, writes_in_torch
    from dialora.models.counting import count_parameters
    from dialora.models.device import find_device
    from dialora.training import ALONE

    config, run = job.config, job.place
    if writes_in_torch(config.generation, on_gpu=uses_cuda(config.training)):
        peers.call(GENERATION)  # now, so that they load the system while this process does
        group.meet(find_device(config.training))
    else:
        peers.dismiss()
        group = ALONE
    model, examples, sources = _load(job, tokenizer)
    parameters = count_parameters(model)
    # Before CTranslate2, which sets the number of threads for torch too.
    environment = describe_environment() | group.describe()

    def should_stop() -> bool:
        peers.check()
        return stop.is_set()

    with group.beside_others():
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
            log=_open_log(run, group),
            team=Team(group.rank, group.size, peers.wait),
            on_progress=lambda done, total: events.progress("generation", done, total),
            should_stop=should_stop,
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


def follow_generation(job: RunJob, group: Group) -> None:
    """Write the share of another process of a job's group than the first, in torch. Raises DialoraError."""
    from dialora.generation import Team, TorchEngine, write_share
    from dialora.models.device import find_device
    from dialora.models.loading import load_tokenizer

    group.meet(find_device(job.config.training))
    tokenizer = load_tokenizer(job.config)
    model, _, sources = _load(job, tokenizer)
    decoding = job.config.decoding
    engine = TorchEngine(model, tokenizer, decoding, precision=job.config.generation.precision)
    team, log = Team(group.rank, group.size), _open_log(job.place, group)
    with group.beside_others():
        write_share(engine, [source.input_ids for source in sources], decoding, log=log, team=team)


def _load(job: RunJob, tokenizer: Any) -> tuple[nn.Module, list[Example], list[TokenizedSource]]:
    """Return the system as it was saved, and what it is to summarize."""
    from dialora.data.tokens import tokenize_sources
    from dialora.models.adapters import load_system
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
    return model, examples, sources


def _open_log(run: Run, group: Group) -> SharedLog:
    return SharedLog(run.work / names.PARTIAL, run.generation.key, group.rank)


def _find_converted(config: ExperimentConfig, run: Run) -> Stage:
    """Return where the system lies converted: kept beside the run by an earlier use, or for this generation alone."""
    from dialora.generation import converted_stage, identify_system

    system = identify_system(config, None if run.training is None else run.training.key)
    kept, own = (
        converted_stage(folder, system=system, precision=config.generation.precision)
        for folder in (run.folder, run.work)
    )
    return kept if kept.is_complete else own


__all__ = ["follow_generation", "generate"]

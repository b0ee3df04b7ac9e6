"""The stages that need a model, as a worker does them: train and generate a run, make a trial of a search.

Takes a job; writes the stages that it is about. torch and transformers are loaded here and not before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from dialora.config import ExperimentConfig
from dialora.errors import Interrupted
from dialora.experiment.events import Events
from dialora.experiment.job import GENERATION, Job, OtherJob, RunJob, TokensJob, TrialJob
from dialora.measuring.clock import Stopwatch
from dialora.measuring.environment import describe_environment
from dialora.models.bases import build_prompt
from dialora.models.checkpoint import name_base
from dialora.models.network import forbid_network
from dialora.records import Cost, Example
from dialora.store import PartialLog, Run, Stage, names, save_json, save_records

if TYPE_CHECKING:
    from dialora.training import Group


def load_libraries(job: Job) -> None:
    """Import what such jobs need, and compute nothing: threads that computing starts would be lost in a fork."""
    if isinstance(job, OtherJob):
        job.load_libraries()
        return
    import peft  # noqa: F401
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, T5ForConditionalGeneration, T5Tokenizer  # noqa: F401

    import dialora.generation
    import dialora.models.adapters
    import dialora.models.counting
    import dialora.training
    import dialora.tuning.trial  # noqa: F401


def do_job(job: Job, events: Events, stop: threading.Event, group: Group) -> None:
    """Do what is missing of a job, as the first process of `group`. Raises DialoraError."""
    if isinstance(job, OtherJob):
        job.do(events, stop)
        return
    from dialora.models.loading import load_tokenizer

    tokenizer = load_tokenizer(job.config)
    if isinstance(job, TokensJob):
        _tokenize(job, tokenizer, events, stop)
        return
    if isinstance(job, TrialJob):
        if not job.place.result.is_complete:
            _make_trial(job, tokenizer, events, stop, group)
        return
    if not job.place.is_trained:
        _train(job, tokenizer, events, stop, group)
    if job.until == GENERATION and not job.place.generation.is_complete:
        _generate(job, tokenizer, events, stop)


def follow_job(job: Job, group: Group) -> None:
    """Train as another process of a job's group: the first one does everything else. Raises DialoraError."""
    from dialora.data.tokens import load_tokens
    from dialora.models.loading import load_tokenizer
    from dialora.training import train

    assert isinstance(job, RunJob | TrialJob)
    assert job.tokens is not None
    forbid_network(job.config)
    place, method = job.place, cast(Any, job.config.methods[job.place.key])
    model, splits = _build_model(job), load_tokens(job.tokens)
    train(
        model,
        splits["train"],
        splits["validation"],
        job.config.training,
        key=place.key,
        learning_rate=method.learning_rate,
        method=method,
        seed=place.seed,
        pad_id=load_tokenizer(job.config).pad_token_id,
        work=place.work,
        pause_after=job.search.first_rung if isinstance(job, TrialJob) and job.until_first_rung else None,
        group=group,
    )


def _build_model(job: RunJob | TrialJob) -> Any:
    """Load the base and put the job's method on it, as its seed draws the new weights."""
    from transformers import set_seed

    from dialora.models.adapters import apply_method
    from dialora.models.loading import load_base_model

    set_seed(job.place.seed)
    return apply_method(load_base_model(job.config), job.config.methods[job.place.key], key=job.place.key)


def _train(job: RunJob, tokenizer: Any, events: Events, stop: threading.Event, group: Group) -> None:
    """Train, and write the training stage: the system, its losses, its cost."""
    from dialora.data.tokens import describe_pairs, load_tokens, padding_share, plan_batches
    from dialora.experiment.trained_card import render_trained_card
    from dialora.measuring.energy import metered
    from dialora.models.adapters import save_system
    from dialora.models.counting import count_parameters
    from dialora.models.families import family_of
    from dialora.training import train

    config, run = job.config, job.place
    method: Any = config.methods[run.key]
    watch = Stopwatch()
    assert job.tokens is not None
    model, splits = _build_model(job), load_tokens(job.tokens)
    load_seconds = watch.read()
    watch.reset()
    parameters = count_parameters(model)
    with metered() as energy:
        result = train(
            model,
            splits["train"],
            splits["validation"],
            config.training,
            key=run.key,
            run_name=run.name,
            learning_rate=method.learning_rate,
            method=method,
            seed=run.seed,
            pad_id=tokenizer.pad_token_id,
            work=run.work,
            on_progress=lambda step, total, loss: events.progress("training", step, total, loss=loss),
            on_encoding=lambda done, total: events.progress("encoding", done, total),
            should_stop=stop.is_set,
            group=group,
        )
    lengths = family_of(model).build_collator(tokenizer.pad_token_id).measure(splits["train"])
    batches = plan_batches(lengths, config.training, seed=run.seed)
    # Early stopping leaves the last batches of the plan out.
    used = batches[: result.num_steps * config.training.gradient_accumulation_steps]
    facts = {
        "cost": Cost(
            trainable_params=parameters.trainable,
            total_params=parameters.total,
            train_seconds=result.train_seconds,
            peak_memory_bytes=result.peak_memory_bytes,
            num_steps=result.num_steps,
            num_train_tokens=sum(sum(lengths[i]) for batch in used for i in batch),
            # Of a resumed run only the last part was metered.
            energy_kwh=None if result.was_resumed else energy.kwh,
            encoding_seconds=result.encoding_seconds,
            loading_memory_bytes=result.loading_memory_bytes,
        ).to_json(),
        "result": result.to_json(),
        "data": describe_pairs(splits["train"]),
        "padding_share": padding_share(lengths, batches),
        "rows_per_step": sum(map(len, used)) / max(1, result.num_steps),
        "load_seconds": load_seconds,
        "wall_seconds": None if result.was_resumed else watch.read(),
        "environment": describe_environment() | group.describe(config.training),
    }
    assert run.training is not None
    with run.training.writing() as folder:
        base, revision = name_base(config)
        card = render_trained_card(
            config,
            run.key,
            build_prompt(config, tokenizer),
            family_of(model).describe_special(model, tokenizer),
            is_adapter=hasattr(model, "peft_config"),
            seed=run.seed,
        )
        save_system(model, tokenizer, folder, base=base, revision=revision, card=card)
        save_json(facts, folder / names.TRAINING_FACTS)
    run.tidy()


def _make_trial(job: TrialJob, tokenizer: Any, events: Events, stop: threading.Event, group: Group) -> None:
    """Make a trial of a search for a learning rate, or its part before the first halving, and write its stage."""
    from dialora.data.tokens import load_tokens
    from dialora.tuning.trial import make_trial

    model = _build_model(job)
    make_trial(
        job.search,
        job.others,
        job.config,
        job.place,
        model,
        tokenizer,
        load_tokens(job.tokens),
        validation=lambda: job.folder.load_examples("validation"),
        on_progress=lambda step, total, loss: events.progress("training", step, total, loss=loss),
        on_encoding=lambda done, total: events.progress("encoding", done, total),
        should_stop=stop.is_set,
        until_first_rung=job.until_first_rung,
        group=group,
    )


def _tokenize(job: TokensJob, tokenizer: Any, events: Events, stop: threading.Event) -> None:
    """Tokenize the training and validation splits, some examples at a time, and write the stage."""
    from dialora.data.tokens import TOKENIZED_AT_ONCE, TrainingPair, pack_pairs, save_tokens, tokenize_pairs

    data, watch, prompt = job.config.data, Stopwatch(), build_prompt(job.config, tokenizer)
    examples = {split: job.folder.load_examples(split) for split in ("train", "validation")}
    total, done = sum(map(len, examples.values())), 0

    def tokenize(items: list[Example]) -> Iterator[list[TrainingPair]]:
        nonlocal done
        for start in range(0, len(items), TOKENIZED_AT_ONCE):
            if stop.is_set():
                raise Interrupted(f"stopped after the tokens of {done} of {total} dialogues.")
            part = items[start : start + TOKENIZED_AT_ONCE]
            yield tokenize_pairs(
                part,
                tokenizer,
                prompt=prompt,
                max_source_length=data.max_source_length,
                max_target_length=data.max_target_length,
            )
            done += len(part)
            events.progress("tokens", done, total)

    splits = {split: pack_pairs(tokenize(items)) for split, items in examples.items()}
    save_tokens(job.tokens, splits, seconds=watch.read())


def _generate(job: RunJob, tokenizer: Any, events: Events, stop: threading.Event) -> None:
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


__all__ = ["do_job", "load_libraries"]

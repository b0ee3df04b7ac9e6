"""The stages that train: a run, and a trial of a search, in one process or several."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dialora.experiment.events import Events
from dialora.experiment.job import RunJob, TrialJob
from dialora.measuring.clock import Stopwatch
from dialora.measuring.environment import describe_environment
from dialora.models.bases import build_prompt
from dialora.models.checkpoint import name_base
from dialora.records import Cost
from dialora.store import names, save_json

if TYPE_CHECKING:
    from dialora.training import Group, TrainingResult


def train_run(job: RunJob, tokenizer: Any, events: Events, stop: threading.Event, group: Group) -> None:
    """Train, and write the training stage: the system, its losses, its cost."""
    from dialora.data.tokens import describe_pairs, load_tokens, padding_share, plan_batches
    from dialora.experiment.trained_card import render_trained_card
    from dialora.measuring.energy import metered
    from dialora.models.adapters import save_system
    from dialora.models.counting import count_parameters
    from dialora.models.families import family_of

    config, run = job.config, job.place
    watch = Stopwatch()
    assert job.tokens is not None
    model, splits = _build_model(job), load_tokens(job.tokens)
    load_seconds = watch.read()
    watch.reset()
    parameters = count_parameters(model)
    with metered() as energy:
        result = _train_model(
            job,
            model,
            splits,
            group,
            run_name=run.name,
            pad_id=tokenizer.pad_token_id,
            on_progress=lambda step, total, loss: events.progress("training", step, total, loss=loss),
            on_encoding=lambda done, total: events.progress("encoding", done, total),
            should_stop=stop.is_set,
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
        "environment": describe_environment()
        | group.describe()
        | ({"fsdp": "true"} if config.training.fsdp and group.size > 1 else {}),
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


def make_trial_of(job: TrialJob, tokenizer: Any, events: Events, stop: threading.Event, group: Group) -> None:
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


def follow_training(job: RunJob | TrialJob, group: Group) -> None:
    """Train as another process of a job's group: the first one does everything else. Raises DialoraError."""
    from dialora.data.tokens import load_tokens
    from dialora.models.loading import load_tokenizer

    assert job.tokens is not None
    is_part = isinstance(job, TrialJob) and job.until_first_rung
    _train_model(
        job,
        _build_model(job),
        load_tokens(job.tokens),
        group,
        pad_id=load_tokenizer(job.config).pad_token_id,
        pause_after=job.search.first_rung if isinstance(job, TrialJob) and is_part else None,
    )


def _train_model(job: RunJob | TrialJob, model: Any, splits: Any, group: Group, **options: Any) -> TrainingResult:
    """Train a job's model on its tokens; all processes of its group do so alike, but for the `options` of `train`."""
    from dialora.training import train

    place = job.place
    method: Any = job.config.methods[place.key]
    return train(
        model,
        splits["train"],
        splits["validation"],
        job.config.training,
        key=place.key,
        learning_rate=method.learning_rate,
        method=method,
        seed=place.seed,
        work=place.work,
        group=group,
        **options,
    )


def _build_model(job: RunJob | TrialJob) -> Any:
    """Load the base and put the job's method on it, as its seed draws the new weights."""
    from transformers import set_seed

    from dialora.models.adapters import apply_method
    from dialora.models.loading import load_base_model

    set_seed(job.place.seed)
    return apply_method(load_base_model(job.config), job.config.methods[job.place.key], key=job.place.key)


__all__ = ["follow_training", "make_trial_of", "train_run"]

"""The stages that need a model, as a worker does them: each writes what a job is about, where it is missing.

    tokens.py      the splits, tokenized
    training.py    a run's weights, or a trial of a search; in several processes, where there are some
    generation.py  a run's summaries; in several processes, where there are some and torch writes

torch and transformers are loaded here and not before.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dialora.experiment.events import Events
from dialora.experiment.job import GENERATION, TRAINING, Job, OtherJob, RunJob, TokensJob, TrialJob
from dialora.experiment.peers import Peers
from dialora.experiment.stages.generation import follow_generation, generate
from dialora.experiment.stages.tokens import tokenize_splits
from dialora.experiment.stages.training import follow_training, make_trial_of, train_run
from dialora.models.network import forbid_network
from dialora.store import disk_errors_explained

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


def do_job(job: Job, events: Events, stop: threading.Event, group: Group, peers: Peers) -> None:
    """Do what is missing of a job, as the first process of `group`, the others of which wait for a call.

    Raises DialoraError.
    """
    if isinstance(job, OtherJob):
        job.do(events, stop)
        return
    from dialora.models.loading import load_tokenizer

    tokenizer = load_tokenizer(job.config)
    match job:
        case TokensJob():
            tokenize_splits(job, tokenizer, events, stop)
        case TrialJob():
            if not job.place.result.is_complete:
                peers.call(TRAINING)
                make_trial_of(job, tokenizer, events, stop, group)
        case RunJob():
            if not job.place.is_trained:
                peers.call(TRAINING)
                train_run(job, tokenizer, events, stop, group)
            if job.until == GENERATION and not job.place.generation.is_complete:
                generate(job, tokenizer, events, stop, group, peers)


def follow_job(job: Job, group: Group, stage: str) -> bool:
    """Do a stage as another process of a job's group; return whether there may be more to do. Raises DialoraError."""
    assert isinstance(job, RunJob | TrialJob)
    forbid_network(job.config)
    with disk_errors_explained(job.place.folder):
        if stage == TRAINING:
            follow_training(job, group)
            return isinstance(job, RunJob) and job.until == GENERATION
        assert isinstance(job, RunJob)
        follow_generation(job, group)
        return False


__all__ = ["do_job", "follow_job", "load_libraries"]

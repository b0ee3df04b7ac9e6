"""The stage of tokens: the training and validation splits, tokenized once for all runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from dialora.errors import Interrupted
from dialora.experiment.events import Events
from dialora.experiment.job import TokensJob
from dialora.measuring.clock import Stopwatch
from dialora.models.bases import build_prompt
from dialora.records import Example


def tokenize_splits(job: TokensJob, tokenizer: Any, events: Events, stop: threading.Event) -> None:
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


__all__ = ["tokenize_splits"]

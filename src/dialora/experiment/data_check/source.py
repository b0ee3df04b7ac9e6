"""A source checked before anything is trained on it: read, tokenized, looked through, and whether ROUGE can read it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from dialora.config import ExperimentConfig
from dialora.data.examples import DialogueDataset, build_dataset
from dialora.data.quality import DataCheck, check_data
from dialora.data.reading.formats import find_stem
from dialora.data.sources import load_rows
from dialora.data.tokens import count_source_tokens, count_target_tokens
from dialora.store import RUNS, names


def check_source(config: ExperimentConfig) -> tuple[DataCheck, DialogueDataset]:
    """Check the data of an experiment with the tokenizer of its base model. Raises DataError, ModelError."""
    from dialora.models.bases import build_prompt, settle
    from dialora.models.loading import load_tokenizer
    from dialora.report.notes import describe_letters

    rows = load_rows(config.data)
    dataset = build_dataset(rows, config.data)
    tokenizer = load_tokenizer(config)
    config = settle(config)
    prompt = build_prompt(config, tokenizer)
    check = check_data(
        rows,
        dataset,
        source=config.data.source,
        tokenizer=config.model,
        limits=(config.data.max_source_length, config.data.max_target_length),
        count_source_tokens=partial(count_source_tokens, tokenizer=tokenizer, prompt=prompt),
        count_target_tokens=partial(count_target_tokens, tokenizer=tokenizer, prompt=prompt),
        special_tokens=tokenizer.all_special_tokens,
    )
    references = (text for split in check.splits for example in getattr(dataset, split) for text in example.references)
    return replace(check, notes=(*check.notes, *describe_letters(config.scoring, references))), dataset


def find_folder(source: str) -> Path:
    """Return where the check of a source is written when nothing else is said."""
    return RUNS / names.DATA_CHECKS / (find_stem(Path(os.path.abspath(os.path.expanduser(source)))) or "data")


__all__ = ["check_source", "find_folder"]

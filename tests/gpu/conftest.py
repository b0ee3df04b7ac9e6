"""Fixtures of the tests that need a GPU: a few dialogues for the bundled base, and a skip where there is no GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import TrainingPair, tokenize_pairs, tokenize_sources
from dialora.models.loading import load_tokenizer

METHODS: dict[str, Any] = {
    "full": {"learning_rate": 1e-4},
    "lora": {"r": 8, "learning_rate": 1e-3},
    "lora_decoder": {"r": 8, "learning_rate": 1e-3},
}


@pytest.fixture(scope="session")
def device() -> str:
    """The GPU; a test that takes it is skipped where torch sees none."""
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU, or tests were not asked for it: `make gpu`")
    return "cuda"


@pytest.fixture(scope="session")
def config() -> ExperimentConfig:
    """The bundled base with a few methods and short texts."""
    values = {
        "name": "gpu",
        "model": "bundled",
        "data": {
            "source": "bundled",
            "max_train_examples": 24,
            "max_validation_examples": 6,
            "max_test_examples": 8,
            "max_source_length": 192,
            "max_target_length": 48,
        },
        "methods": METHODS,
        "training": {"num_train_epochs": 1, "per_device_train_batch_size": 4, "num_evaluations": 2},
        "decoding": {"max_new_tokens": 24},
        "scoring": {"num_resamples": 500},
    }
    return load_experiment(values)


@pytest.fixture(scope="session")
def splits(config: ExperimentConfig) -> dict[str, list[TrainingPair]]:
    """Training and validation dialogues as token ids."""
    dataset, tokenizer, data = load_dataset(config.data), load_tokenizer(config), config.data
    lengths = {"max_source_length": data.max_source_length, "max_target_length": data.max_target_length}
    return {
        name: list(tokenize_pairs(getattr(dataset, name), tokenizer, prompt=config.prompt, **lengths))
        for name in ("train", "validation")
    }


@pytest.fixture(scope="session")
def sources(config: ExperimentConfig) -> list[list[int]]:
    """Test dialogues as token ids."""
    dialogues = [example.dialogue for example in load_dataset(config.data).test]
    length = config.data.max_source_length
    tokenized = tokenize_sources(dialogues, load_tokenizer(config), prompt=config.prompt, max_length=length)
    return [source.input_ids for source in tokenized]

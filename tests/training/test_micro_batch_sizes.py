"""How large a micro-batch is, by a model's kind and width: a step's memory and seconds on a processor hang on it."""

from typing import Any

import pytest
from transformers import LlamaConfig, T5Config

from dialora.training.lean.micro_batches import find_micro_batch_tokens


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        (LlamaConfig(hidden_size=576), 2_048),
        (T5Config(d_model=768), 1_024),
        (LlamaConfig(hidden_size=1_152), 1_024),
        (T5Config(d_model=1_536), 512),
        (T5Config(d_model=2 * 1024 * 768), 1),
    ],
    ids=["SmolLM2-135M", "T5 base", "a causal model twice as wide", "a T5 twice as wide", "wider than a micro-batch"],
)
def test_a_micro_batch_has_fewer_tokens_the_wider_the_model(config: Any, tokens: int) -> None:
    assert find_micro_batch_tokens(config) == tokens

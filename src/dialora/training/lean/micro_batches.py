"""A batch split into micro-batches that go through the model one after the other.

Their gradients add up to the batch's, so the step is the same; but activations, which for LoRA are most of the memory,
are there for one of them at a time, and each is padded to its own longest row alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dialora.data.tokens import IGNORED_LABEL, round_up

MICRO_BATCH_NUMBERS = 1024 * 768
"""A micro-batch's padded source and target tokens times the model's width; one long row may have more. Enough that
products of matrices are as fast as they get on a processor."""
CAUSAL_NUMBERS = 2048 * 576
"""The same of a causal model, whose products are smaller at the same number of tokens (SmolLM2's width is 576)."""
Inputs = Mapping[str, Any]
"""What a model is trained on, perhaps with `encoder_outputs`: every tensor has the batch first, then positions."""


def find_micro_batch_tokens(config: Any) -> int:
    """Return how many padded tokens a micro-batch of a model with this config may have."""
    numbers = MICRO_BATCH_NUMBERS if config.is_encoder_decoder else CAUSAL_NUMBERS
    return max(1, numbers // int(config.hidden_size))


def split_batch(inputs: Inputs, max_tokens: int | None) -> list[dict[str, Any]]:
    """Return the batch in parts of like numbers of rows and at most `max_tokens` tokens, or of one row each.

    Rows are sorted by the source's length, so that each part needs little padding. A batch whose first positions have
    no label is a causal model's: its labels stand beside its tokens. Without a limit it is one part; an empty one none.
    """
    if max_tokens is None or not inputs:
        return [dict(inputs)] if inputs else []
    labels, num_rows = inputs["labels"], len(inputs["labels"])
    # A causal model's labels stand where its tokens do, and its first token is predicted from nothing.
    is_causal = bool((labels[:, 0] == IGNORED_LABEL).all())
    source, target = inputs["input_ids"].shape[1], 0 if is_causal else labels.shape[1]
    number = min(num_rows, -(-num_rows * (source + target) // max_tokens))
    if number == 1:
        return [dict(inputs)]
    lengths = inputs["attention_mask"].sum(dim=1)
    order = lengths.argsort(descending=True, stable=True)
    parts = []
    for rows in order.tensor_split(number):
        source = round_up(int(lengths[rows].max()))
        target = source if is_causal else round_up(int((labels[rows] != IGNORED_LABEL).sum(dim=1).max()))
        part = {key: inputs[key][rows, :source] for key in ("input_ids", "attention_mask")}
        part["labels"] = labels[rows, :target]
        if "encoder_outputs" in inputs:
            part["encoder_outputs"] = tuple(states[rows, :source] for states in inputs["encoder_outputs"])
        parts.append(part)
    return parts


__all__ = ["find_micro_batch_tokens", "split_batch"]

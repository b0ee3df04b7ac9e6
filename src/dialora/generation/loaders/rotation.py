"""Rotation of queries and keys (RoPE) as CTranslate2 has it, from a model's own frequencies.

Where a config scales them (linear, llama3), each frequency's factor is read off the model: CTranslate2's llama3 knows
the constants of Llama 3.1 alone. Its `Su` takes a factor for every frequency, and does nothing else where the lengths
that it asks for are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def describe_rotation(config: Any, body: Any) -> dict[str, Any]:
    """Return the options of a specification of a model, whose `body` has its frequencies; none without rotation."""
    from ctranslate2.specs.attention_spec import RotaryScalingType

    if not hasattr(config, "rope_parameters"):
        return {}
    (rope, frequencies), *_ = _list_layers(config, body)
    scaled = {
        "rotary_scaling_type": RotaryScalingType.Su,
        "original_max_position_embeddings": config.max_position_embeddings,
        "max_position_embeddings": config.max_position_embeddings,
    }
    return {
        "rotary_dim": 2 * len(frequencies),
        "rotary_interleave": False,
        "rotary_base": rope["rope_theta"],
        **(scaled if _is_scaled(config, body) else {}),
    }


def set_rotation(layers: Sequence[Any], config: Any, body: Any) -> None:
    """Set what differs from layer to layer in their specifications: the base, and the factors."""
    import numpy as np

    if not hasattr(config, "rope_parameters"):
        return
    for layer, (rope, frequencies) in zip(layers, _list_layers(config, body), strict=True):
        into, base = layer.self_attention, float(rope["rope_theta"])
        into.rotary_base = np.dtype("float32").type(base)
        if _is_scaled(config, body):
            # (D_head / 2), in double precision until they are divided.
            steps = torch.arange(len(frequencies), dtype=torch.float64) / len(frequencies)
            into.rotary_scaling_long_factor = (base**-steps / frequencies.double()).float()
            into.rotary_scaling_short_factor = into.rotary_scaling_long_factor


def _is_scaled(config: Any, body: Any) -> bool:
    return any(rope["rope_type"] != "default" for rope, _ in _list_layers(config, body))


def _list_layers(config: Any, body: Any) -> list[tuple[dict[str, Any], Tensor]]:
    """Return each layer's parameters and frequencies; Gemma 3 has them by the type of a layer."""
    rope, rotary = config.rope_parameters, body.rotary_emb
    if "rope_type" in rope:
        return [(rope, rotary.inv_freq)] * config.num_hidden_layers
    return [(rope[kind], getattr(rotary, f"{kind}_inv_freq")) for kind in config.layer_types]


__all__ = ["describe_rotation", "set_rotation"]

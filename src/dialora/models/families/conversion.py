"""What a base's config.json may ask for that CTranslate2 has not: known before anything is trained or loaded."""

from __future__ import annotations

from typing import Any

ACTIVATIONS = frozenset({"gelu", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "quick_gelu", "relu"})
ACTIVATIONS |= {"silu", "swish"}
"""Those that CTranslate2 has, by transformers' names."""
ACTIVATION_KEYS = ("dense_act_fn", "activation_function", "hidden_activation", "hidden_act")
"""What config classes call a model's activation."""
ROTATIONS = frozenset({"default", "linear", "llama3"})
"""Ways of scaling rotary positions that are the same for texts of every length."""


def find_activation(config: Any) -> tuple[str, str]:
    """Return the key of a config's activation, and its name."""
    return next((key, str(getattr(config, key))) for key in ACTIVATION_KEYS if hasattr(config, key))


def require_activation(config: Any) -> None:
    """Raise ValueError for an activation that CTranslate2 lacks."""
    key, name = find_activation(config)
    if name not in ACTIVATIONS:
        raise ValueError(f"it has no activation {name} ({key} of the base's config.json)")


def require_rotation(config: Any) -> None:
    """Raise ValueError for rotary positions that are scaled in a way that CTranslate2 lacks."""
    rope = getattr(config, "rope_parameters", None) or {"rope_type": "default"}
    for one in [rope] if "rope_type" in rope else rope.values():
        if one["rope_type"] not in ROTATIONS:
            raise ValueError(f"it has no rotary positions of type {one['rope_type']} (rope_type of the config.json)")


def refuse_keys(config: Any, keys: tuple[str, ...]) -> None:
    """Raise ValueError for a config that sets one of these keys, which CTranslate2 knows nothing of."""
    for key in keys:
        if getattr(config, key, None):
            raise ValueError(f"it has no {key} (of the base's config.json)")


__all__ = ["ACTIVATIONS", "find_activation", "refuse_keys", "require_activation", "require_rotation"]

"""Keys of a config.json that say how a model is to be loaded and not what it is: code to run, kernels to download, a
quantization. They are refused for every kind of model. Never imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REFUSED = {
    "auto_map": "names code that would have to run",
    "custom_pipelines": "names code that would have to run",
    "attn_implementation": "names kernels that may be downloaded and run",
    "_attn_implementation": "names kernels that may be downloaded and run",
    "kernel_config": "names kernels that may be downloaded and run",
    "quantization_config": "says that the weights are quantized, and dialora starts from plain ones",
    "compression_config": "says that the weights are compressed, and dialora starts from plain ones",
    "pruned_heads": "takes heads out of the model, and dialora starts from whole ones",
}
"""Keys that would change how a model is loaded, and what each does."""


def refuse_steering(values: Mapping[str, Any]) -> None:
    """Raise ValueError for a config.json that says how a model is to be loaded and not what it is."""
    for key, meaning in REFUSED.items():
        if values.get(key) not in (None, {}, [], ""):
            raise ValueError(f"config.json: {key} {meaning}; give a model without it")


__all__ = ["refuse_steering"]

"""Keys of a config.json that say how a model is to be loaded and not what it is: code to run, kernels to download, a
quantization. They are refused for every kind of model; code alone is left out where transformers has what it stands
for, as of Phi-3, which is older than its class there. Never imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dialora.models.files import list_names, show

CODE = "auto_map"
REFUSED = {
    "custom_pipelines": "names code that would have to run",
    "attn_implementation": "names kernels that may be downloaded and run",
    "_attn_implementation": "names kernels that may be downloaded and run",
    "kernel_config": "names kernels that may be downloaded and run",
    **dict.fromkeys(
        ("quantization_config", "quantization", "compression_config"),
        "says that the weights are quantized, and dialora starts from plain ones; give the model that they were made "
        "from (without AWQ, GPTQ, FP8, bnb-4bit or the like in its name), and method qlora for a base in 4 bits",
    ),
    "pruned_heads": "takes heads out of the model, and dialora starts from whole ones",
}
"""Keys that would change how a model is loaded, and what each does."""


def refuse_steering(values: Mapping[str, Any]) -> None:
    """Raise ValueError for a config.json that says how a model is to be loaded and not what it is."""
    for key, meaning in REFUSED.items():
        if values.get(key) not in (None, {}, [], ""):
            advice = "" if ";" in meaning else "; give a model without it"
            raise ValueError(f"config.json: {key} {meaning}{advice}")
    if strange := [name for name in list_code(values) if name not in _list_classes()]:
        raise ValueError(
            f"config.json: {CODE} names code that would have to run ({list_names(strange)}), and transformers has no "
            f"class of that name; give a model without it"
        )


def list_code(values: Mapping[str, Any]) -> list[str]:
    """Return the classes that a config.json has code for, by name. It is never run."""
    named = values.get(CODE) or {}
    if not isinstance(named, Mapping):
        raise ValueError(f"config.json: {CODE} is {show(repr(named), 40)}, which says nothing; give a model without it")
    # A tokenizer is loaded without what is said of it here.
    paths = (path for role, path in named.items() if role != "AutoTokenizer")
    return sorted({str(path).rpartition(".")[2] for path in paths})


@lru_cache
def _list_classes() -> frozenset[str]:
    import transformers

    return frozenset(dir(transformers))


__all__ = ["list_code", "refuse_steering"]

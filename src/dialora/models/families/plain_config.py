"""A config.json of any kind of model but T5: only the keys that its transformers config class has itself, each bounded.

What steers loading is refused before (`models.steering`); what the class inherits (types, labels, outputs) is left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from math import isfinite
from types import NoneType
from typing import Any, get_args

from dialora.models.files import show

SIZES = {
    "vocab_size": 2**21,
    **dict.fromkeys(("hidden_size", "n_embd", "d_model"), 2**15),
    **dict.fromkeys(("intermediate_size", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim"), 2**18),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "encoder_layers", "decoder_layers"), 256),
    **dict.fromkeys(("num_attention_heads", "num_key_value_heads", "n_head"), 2**10),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2**10),
    "head_dim": 2**11,
    **dict.fromkeys(("max_position_embeddings", "n_positions", "original_max_position_embeddings"), 2**24),
}
"""Whole numbers from 1 on, and the largest of each: above every model that fits a machine."""
OLDER: tuple[str, ...] = (
    "rope_theta",
    "rope_scaling",
    "rope_local_base_freq",
    "partial_rotary_factor",
    "rotary_pct",
    "rotary_emb_base",
)
OLDER += (
    "sliding_window_pattern",
    "forced_bos_token_id",
    "scale_embedding",
    "normalize_before",
    "add_final_layer_norm",
)
"""Keys that classes still read, or generation does, without naming them."""
IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "forced_bos_token_id")
MAX_LIST = 4_096
MAX_NUMBER = 2**40


def read_plain_config(values: Mapping[str, Any], *, writers: tuple[str, ...], **parts: Any) -> Any:
    """Return the transformers config of a config.json's values.

    `writers` are how the names of architectures end that have an output head; `parts` are configs of parts that have
    been read already. Raises ValueError, which names the key.
    """
    from transformers import AutoConfig

    kind = type(AutoConfig.for_model(str(values["model_type"])))
    _require_writer(values, writers)
    own = dict(_list_own_keys(kind))
    # -1 stands for no token in some, and would be the last piece.
    values = {key: None if key in IDS and value == -1 else value for key, value in values.items()}
    # Null is a value where the class has it: Mistral's `sliding_window: null` is no window, and not 4,096 tokens.
    nullable = {key for key, annotation in own.items() if key not in SIZES and NoneType in get_args(annotation)}
    kept = {
        key: value
        for key, value in values.items()
        if (key in own or key in OLDER) and key not in parts and (value is not None or key in nullable)
    }
    if problems := list(_find_problems(kept)):
        raise ValueError(f"config.json: {'; '.join(problems[:3])}")
    try:
        return kind(**kept, **parts)
    except Exception as error:  # what a config class raises of values of another type has no type in common
        raise ValueError(f"config.json: {show(' '.join(str(error).split()), 200)}") from error


def is_token(value: Any) -> bool:
    """Whether a config names one token; -1 stands for none in some."""
    return _is_whole(value) and value >= 0


def _list_own_keys(kind: type) -> Iterator[tuple[str, Any]]:
    """Give the keys of a config class and those between it and what all have in common, each with its annotation."""
    from transformers import PretrainedConfig

    for each in kind.__mro__[: kind.__mro__.index(PretrainedConfig)]:
        yield from ((key, kinds) for key, kinds in inspect.get_annotations(each).items() if not key.startswith("_"))


def _require_writer(values: Mapping[str, Any], writers: tuple[str, ...]) -> None:
    architectures = values.get("architectures") if writers else None
    named = [str(name) for name in architectures] if isinstance(architectures, list) else []
    if named and not any(name.endswith((*writers, "Model")) for name in named):
        raise ValueError(f"it is a {show(named[0])}, which writes nothing; give a model that ends with {writers[0]}")


def _find_problems(values: Mapping[str, Any]) -> Iterator[str]:
    for key, largest in SIZES.items():
        if key in values and not (_is_whole(values[key]) and 1 <= values[key] <= largest):
            yield f"{key} is {_write(values[key])}, not a whole number from 1 to {largest:,}"
    size = values.get("vocab_size")
    if size is None:
        yield "vocab_size is missing"
    for key in IDS:
        ids = [] if values.get(key) is None else values[key]
        for one in ids if isinstance(ids, list) else [ids]:
            if not (_is_whole(one) and _is_whole(size) and 0 <= one < size):
                yield f"{key} is {_write(ids)}, not the id of one of vocab_size pieces"
    for key, value in values.items():
        if not _is_plain(value):
            yield f"{key} is {_write(value)}, which no model of this kind has"


def _is_plain(value: Any) -> bool:
    """Whether a value is a text, a flag, a finite number of a usual size, or a few of these."""
    if isinstance(value, Mapping):
        return len(value) <= MAX_LIST and all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return len(value) <= MAX_LIST and all(map(_is_plain, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return isfinite(value) and abs(value) <= MAX_NUMBER
    return value is None or isinstance(value, bool | str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _write(value: Any) -> str:
    return show(repr(value), 40)


__all__ = ["is_token", "read_plain_config"]

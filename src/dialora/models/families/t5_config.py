"""A T5's config.json: its values checked, and only what describes the layout taken from them. Never imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from dialora.models.files import show

LAYOUT = {
    "vocab_size": 2**21,
    "d_model": 2**14,
    "d_kv": 2**10,
    "d_ff": 2**18,
    "num_layers": 128,
    "num_decoder_layers": 128,
    "num_heads": 2**9,
    "relative_attention_num_buckets": 2**12,
    "relative_attention_max_distance": 2**20,
    "local_radius": 2**12,
    "global_block_size": 2**10,
}
"""Whole numbers from 1 on, and the largest of each: far above every T5, far below what stalls a machine. The last two
are LongT5's."""
ATTENTION, ATTENTIONS = "encoder_attention_type", ("local", "transient-global")
FRACTIONS = ("dropout_rate", "classifier_dropout", "layer_norm_epsilon")
FACTOR, MAX_FACTOR = "initializer_factor", 1_000
ACTIVATIONS, GATED = ("feed_forward_proj", "dense_act_fn"), "gated-"
DISTANCES = {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128}
"""What T5Config takes where a file does not say it."""
MIN_BUCKETS = 4
"""Half of them for each direction, and half of those for one distance each."""
FLAGS = ("is_encoder_decoder", "is_gated_act", "scale_decoder_outputs", "tie_word_embeddings", "use_cache")
IDS = ("pad_token_id", "eos_token_id", "decoder_start_token_id")


def read_layout_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a T5's config.json says of the model, as `T5Config` takes it. Raises ValueError for any other."""
    _require_decoder(values)
    # Nothing but null says what leaving a key out says.
    values = {key: value for key, value in values.items() if value is not None}
    if problems := list(_find_problems(values)):
        raise ValueError(f"config.json: {'; '.join(problems[:3])}")
    known = (*LAYOUT, *FLAGS, *IDS, *ACTIVATIONS, ATTENTION)
    # A zero may be written as a whole number, which T5Config does not take.
    fractions = {key: float(values[key]) for key in (*FRACTIONS, FACTOR) if key in values}
    return {key: values[key] for key in known if key in values} | fractions


def _require_decoder(values: Mapping[str, Any]) -> None:
    architectures = values.get("architectures")
    named = [str(name) for name in architectures] if isinstance(architectures, list) else []
    if values.get("is_encoder_decoder") is False or (named and all("Encoder" in name for name in named)):
        raise ValueError("it is an encoder alone, which writes nothing; give a T5 with its decoder")


def _find_problems(values: Mapping[str, Any]) -> Iterator[str]:
    for key, largest in LAYOUT.items():
        if key in values and not (_is_whole(values[key]) and 1 <= values[key] <= largest):
            yield f"{key} is {_write(values[key])}, not a whole number from 1 to {largest:,}"
    for key in FRACTIONS:
        if key in values and not (_is_number(values[key]) and 0 <= values[key] < 1):
            yield f"{key} is {_write(values[key])}, not a number from 0 to below 1"
    if not (_is_number(factor := values.get(FACTOR, 1.0)) and 0 <= factor < MAX_FACTOR):
        yield f"{FACTOR} is {_write(factor)}, not a number from 0 to below {MAX_FACTOR:,}"
    for key in FLAGS:
        if key in values and not isinstance(values[key], bool):
            yield f"{key} is {_write(values[key])}, neither true nor false"
    if values.get(ATTENTION, ATTENTIONS[0]) not in ATTENTIONS:
        yield f"{ATTENTION} is {_write(values[ATTENTION])}, neither of {' and '.join(ATTENTIONS)}"
    yield from _find_wrong_ids(values)
    yield from _find_wrong_activation(values)
    yield from _find_wrong_distances(values)
    if values.get("scale_decoder_outputs") is True and values.get("tie_word_embeddings") is False:
        yield "scale_decoder_outputs is true and tie_word_embeddings false: one of them is wrong, both mean one thing"


def _find_wrong_ids(values: Mapping[str, Any]) -> Iterator[str]:
    size = values.get("vocab_size", 32128)
    for key in IDS:
        if key in values and not (_is_whole(values[key]) and _is_whole(size) and 0 <= values[key] < size):
            yield f"{key} is {_write(values[key])}, not the id of one of vocab_size pieces"
    if "decoder_start_token_id" not in values:
        yield "decoder_start_token_id is missing, with which summaries begin; T5's is that of padding, 0"


def _find_wrong_activation(values: Mapping[str, Any]) -> Iterator[str]:
    from transformers.activations import ACT2FN

    for key in ACTIVATIONS:
        name = values.get(key, "relu")
        plain = name.removeprefix(GATED) if isinstance(name, str) and key == ACTIVATIONS[0] else name
        if not isinstance(plain, str) or plain not in ACT2FN:
            yield f"{key} is {_write(name)}, which is no activation; T5's are relu and gated-gelu"
            return
    # Where a file says it in other words too, transformers goes by those.
    if (said := values.get(ACTIVATIONS[0])) is not None:
        plain = "gelu_new" if said == "gated-gelu" else said.removeprefix(GATED)
        meant = {ACTIVATIONS[1]: plain, "is_gated_act": said.startswith(GATED)}
        for key, value in meant.items():
            if values.get(key, value) != value:
                yield (
                    f"{key} is {_write(values[key])}, and feed_forward_proj {said} means {_write(value)}: they must "
                    f"agree; leave {key} out if feed_forward_proj is right"
                )


def _find_wrong_distances(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has no place for the distance between two words: T5 divides by what is beyond half of its buckets."""
    buckets, farthest = (values.get(key, default) for key, default in DISTANCES.items())
    if not (_is_whole(buckets) and _is_whole(farthest)):
        return
    if buckets < MIN_BUCKETS:
        yield f"relative_attention_num_buckets is {buckets}, fewer than {MIN_BUCKETS}; T5's are 32"
    elif farthest <= buckets // 2:
        yield (
            f"relative_attention_max_distance is {farthest}, and relative_attention_num_buckets {buckets} needs more "
            f"than {buckets // 2}; T5's are 128 and 32"
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and isfinite(value))


def _write(value: Any) -> str:
    return show(repr(value), 40)


__all__ = ["read_layout_values"]

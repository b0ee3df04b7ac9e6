"""What the arithmetic alone would take: the machine's measured rate of matrix products against the model's need.

Only matrix products are counted, two operations for each multiply-add. Frozen weights need no gradient: LoRA's
backward pass is one product per weight matrix where full fine-tuning's is two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from dialora.records import Example
from dialora.store import load_records


class Need(NamedTuple):
    """Operations of one forward pass: of products with weights, of products between activations (attention)."""

    weights: float
    attention: float


def count_operations(config: Any, source: int, target: int) -> Need:
    """Count one dialogue's forward pass. `config` is a T5Config; `source` and `target` are tokens without padding."""
    width, inner = config.d_model, config.num_heads * config.d_kv
    attention = 4 * width * inner
    feed_forward = (3 if config.is_gated_act else 2) * width * config.d_ff
    encoder = config.num_layers * source * (attention + feed_forward)
    per_target = 2 * attention - 2 * width * inner + feed_forward  # the source's keys and values are counted below
    decoder = config.num_decoder_layers * (target * per_target + source * 2 * width * inner)
    head = target * width * config.vocab_size
    between = config.num_layers * 2 * source * source * inner
    between += config.num_decoder_layers * 2 * target * (target + source) * inner
    return Need(2.0 * (encoder + decoder + head), 2.0 * between)


def count_training(need: Need, method: str) -> float:
    """Return the operations of forward and backward; the adapters themselves are below a percent and left out."""
    return need.weights * (3 if method == "full" else 2) + need.attention * 3


def measure_rate(shapes: Sequence[tuple[int, int, int]], dtype: Any, *, seconds: float = 1.5) -> float:
    """Return operations per second of (M, K, N) products run one after the other; the median of many rounds.

    The faster of torch's own way and oneDNN's, which differ in fp32 and on AMD's processors most.
    """
    import torch

    pairs = [(torch.randn(m, k, dtype=dtype), torch.randn(n, k, dtype=dtype)) for m, k, n in shapes]
    ways: list[list[tuple[Any, Any]]] = [pairs]
    backends: Any = torch.backends
    if dtype == torch.float32 and backends.mkldnn.is_available():
        ways.append([(left.to_mkldnn(), right.to_mkldnn()) for left, right in pairs])
    work = sum(2 * m * k * n for m, k, n in shapes)
    return work / min(_time_products(operands, seconds) for operands in ways)


def layer_shapes(rows: int, width: int, inner: int, wide: int) -> list[tuple[int, int, int]]:
    """Return the products of a layer for `rows` tokens: queries, keys, values and output, then the feed-forward part.

    `inner` is the width of all heads together, `wide` that of the gated feed-forward part.
    """
    return [(rows, width, inner)] * 3 + [(rows, inner, width)] + [(rows, width, wide)] * 2 + [(rows, wide, width)]


def measure_rates(shapes: Sequence[tuple[int, int, int]]) -> dict[str, float]:
    """Return operations per second of the products in bf16 and fp32."""
    import torch

    return {"bf16": measure_rate(shapes, torch.bfloat16), "fp32": measure_rate(shapes, torch.float32)}


def _time_products(pairs: Sequence[tuple[Any, Any]], seconds: float) -> float:
    import torch

    rounds: list[float] = []
    ends = time.perf_counter() + seconds
    with torch.inference_mode():
        while len(rounds) < 4 or time.perf_counter() < ends:
            started = time.perf_counter()
            for left, right in pairs:
                torch.nn.functional.linear(left, right)
            rounds.append(time.perf_counter() - started)
    return median(rounds[1:])


def floor(spec: dict[str, Any]) -> dict[str, Any]:
    """Measure the rates and return the seconds per dialogue they allow.

    `spec`: folder (of the model), sample (path), rows: tokens in a batch. The shapes are a layer's.
    """
    from transformers import T5Config

    from benchmarks.compared import ours
    from dialora.models.loading import load_tokenizer

    config = T5Config.from_pretrained(spec["folder"])
    experiment = ours.load_config(Path(spec["folder"]))
    examples = load_records(Example, Path(spec["sample"]))
    pairs = ours.tokenize(examples, load_tokenizer(experiment), experiment)
    rows, width, inner, wide = spec["rows"], config.d_model, config.num_heads * config.d_kv, config.d_ff
    rates = measure_rates(layer_shapes(rows, width, inner, wide))
    needs = [count_operations(config, *pair.lengths) for pair in pairs]
    operations = {
        method: sum(count_training(need, method) for need in needs) / len(needs) for method in ("lora", "full")
    }
    return {
        "rows": rows,
        "operations_per_second": rates,
        "operations_per_dialogue": operations,
        "source_tokens": sum(pair.lengths[0] for pair in pairs) / len(pairs),
        "target_tokens": sum(pair.lengths[1] for pair in pairs) / len(pairs),
        "seconds_per_dialogue": {
            f"{method}_{name}": operations[method] / rate for method in operations for name, rate in rates.items()
        },
    }


__all__ = ["Need", "count_operations", "count_training", "floor", "layer_shapes", "measure_rate", "measure_rates"]

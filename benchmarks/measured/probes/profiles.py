"""Where the time of a training step and of generation goes, from `torch.profiler`.

Times are each operation's own, without what it calls, summed over threads and grouped by what the operation is for.
Normalisation in T5 is made of single operations; those that only it uses are counted for it, its multiplications are
among the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.compared import ours
from dialora.records import Example
from dialora.store import load_records

GROUPS = (
    ("optimizer", r"adam|Optimizer|_foreach|clip_grad"),
    ("matrix products", r"aten::(mm|addmm|linear|_addmm_activation)\b|mkldnn|onednn"),
    (
        "attention",
        r"scaled_dot_product|flash_attention|aten::(_?safe_?softmax|_?softmax|bmm|baddbmm)|_softmax_backward|_Attention",
    ),
    ("dropout", r"[Dd]ropout|bernoulli|philox|rand|aten::ge_"),
    (
        "normalisation",
        r"aten::(pow|mean|rsqrt|layer_norm|native_layer_norm|_?fused_rms_norm|rms_norm|linalg_vector_norm|addcmul)"
        r"|PowBackward|Rsqrt|_RMSNorm",
    ),
    ("activation", r"gelu|relu|tanh"),
    ("loss", r"log_softmax|nll_loss|cross_entropy|_CrossEntropy|logsumexp|aten::exp"),
    ("products and sums of single numbers", r"aten::(mul|add|sub|div|sum)_?\b"),
    ("type conversion and copies", r"aten::(copy_|_to_copy|to|contiguous|clone|cat)\b"),
    ("fused by the compiler", r"^graph_\d|inductor|cpp_fused|triton"),
)
"""Group → pattern of the operations' names; the first that matches. All else is `rest`."""

REST = "rest"


def group_operation(name: str) -> str:
    """Return the group of an operation by its name."""
    # Log-softmax is the loss's and would match attention's softmax.
    loss = dict(GROUPS)["loss"]
    if re.search(loss, name):
        return "loss"
    return next((group for group, pattern in GROUPS if re.search(pattern, name)), REST)


def share_groups(events: Iterable[Any]) -> dict[str, float]:
    """Return each group's share of the operations' own time, the largest first."""
    totals: dict[str, float] = {}
    for event in events:
        group = group_operation(event.key)
        totals[group] = totals.get(group, 0.0) + event.self_cpu_time_total
    whole = sum(totals.values()) or 1.0
    return dict(sorted(((group, value / whole) for group, value in totals.items()), key=lambda item: -item[1]))


def profile_training(spec: dict[str, Any]) -> dict[str, Any]:
    """Profile our LoRA steps after the first epoch. `spec`: folder (of the model), method, sample (path)."""
    from torch.profiler import ProfilerActivity, profile

    examples = load_records(Example, Path(spec["sample"]))
    config = ours.load_config(Path(spec["folder"]), num_train_epochs=2.0)
    model, tokenizer = ours.load_trainable(config, spec["method"])
    profiler = profile(activities=[ProfilerActivity.CPU])
    steps_per_epoch = ours.count_first_epoch(examples, tokenizer, config)

    def on_step(step: int) -> None:
        if step == steps_per_epoch:
            profiler.start()

    with TemporaryDirectory() as work:
        ours.train(model, tokenizer, examples, config, method=spec["method"], work=Path(work), on_step=on_step)
    profiler.stop()
    return _describe(profiler)


def profile_generation(spec: dict[str, Any]) -> dict[str, Any]:
    """Profile batched generation with torch. `spec`: folder (of the model), sample (path), new_tokens."""
    from torch.profiler import ProfilerActivity, profile

    examples = load_records(Example, Path(spec["sample"]))
    with TemporaryDirectory() as work:
        generator = ours.Generator(Path(spec["folder"]), "torch", max_new_tokens=spec["new_tokens"], work=Path(work))
        generator.generate(examples[:2])
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            generator.generate(examples)
    return _describe(profiler)


def _describe(profiler: Any) -> dict[str, Any]:
    events = list(profiler.key_averages())
    largest = sorted(events, key=lambda event: event.self_cpu_time_total, reverse=True)[:12]
    whole = sum(event.self_cpu_time_total for event in events) or 1.0
    return {
        "groups": share_groups(events),
        "largest": {event.key: event.self_cpu_time_total / whole for event in largest},
        "seconds": whole / 1e6,
    }


__all__ = ["GROUPS", "REST", "group_operation", "profile_generation", "profile_training", "share_groups"]

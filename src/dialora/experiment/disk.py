"""How much disk an experiment still needs: what it keeps of every run, and what one training or conversion holds.

Takes a config, its parameter counts and the runs that are there; gives bytes. A run is a process of its own and one
follows the other, so of what is held for a time the largest counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialora.config import ExperimentConfig
from dialora.methods import Method
from dialora.models.bases import load_family
from dialora.records import ParameterCount
from dialora.store import Run
from dialora.tuning.rules import PLACES

FP32 = 4
CHECKPOINT = 3
"""A checkpoint holds each trained weight and its optimizer's two moments."""


def estimate_disk(
    config: ExperimentConfig,
    counts: Mapping[str, ParameterCount],
    *,
    num_source_tokens: int,
    runs: Sequence[Run] | None = None,
) -> int:
    """Return the bytes that what is still to be made of an experiment takes at most; `counts` are by method.

    `num_source_tokens` are those of the training dialogues. `runs` are None while a search is not finished.
    """
    kept = working = 0
    if config.generation.engine != "torch":
        working = FP32 * max(count.total for count in counts.values())
    made = {(run.key, run.seed) for run in runs or () if run.is_trained}
    for key, method in config.methods.items():
        missing = [seed for seed in config.seeds if (key, seed) not in made]
        if not method.trains or not missing:
            continue
        count = counts[key]
        kept += FP32 * (count.trainable if method.is_peft else count.total) * len(missing)
        own = config.for_method(key)
        held = _measure_cache(own, method, key, num_source_tokens)
        held += FP32 * count.trainable if config.training.early_stopping_patience is not None else 0
        checkpoint = CHECKPOINT * FP32 * count.trainable
        # A new checkpoint is written before the last one goes.
        training = 2 * checkpoint + held + _measure_spilled(own, method, key)
        working = max(working, training + _count_waiting(config, runs) * (checkpoint + held))
    return kept + working


def _count_waiting(config: ExperimentConfig, runs: Sequence[Run] | None) -> int:
    """Return how many trials of a search wait at the first halving, each with its work folder."""
    if runs is not None or config.tuning is None or not config.tuning.halving:
        return 0
    return min(config.tuning.trials, 1 + len(PLACES))


def _measure_cache(config: ExperimentConfig, method: Method, key: str, num_tokens: int) -> int:
    """Return the bytes of the encoder's states, where they are computed once."""
    from dialora.models.adapters import apply_method
    from dialora.models.device import resolve_precision
    from dialora.models.loading import build_meta_model
    from dialora.training.encoder_cache import trains_decoder_alone

    if not config.training.cache_encoder or not load_family(config).has_encoder_cache:
        return 0
    base = build_meta_model(config)
    width = int(base.config.d_model)
    if not trains_decoder_alone(apply_method(base, method, key=key)):
        return 0
    return num_tokens * width * (2 if resolve_precision(config.training) == "bf16" else FP32)


def _measure_spilled(config: ExperimentConfig, method: Method, key: str) -> int:
    """Return the bytes of frozen weights that lie on disk while others train, at most."""
    from dialora.models.adapters import apply_method
    from dialora.models.device import resolve_precision
    from dialora.models.loading import build_meta_model
    from dialora.training.lean.frozen import list_frozen_matrices

    if not (config.training.lean and load_family(config).is_lean) or resolve_precision(config.training) != "bf16":
        return 0
    model = apply_method(build_meta_model(config), method, key=key)
    return FP32 * sum(parameter.numel() for parameter in list_frozen_matrices(model))


__all__ = ["estimate_disk"]

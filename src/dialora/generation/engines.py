"""Which engine writes: decided here and nowhere else.

`auto` takes CTranslate2 on a processor where it is installed, the system can be converted, and the search ends alike:
greedy, or beams with `early_stopping` and without a ban on repeats. It then has to write the same tokens as torch for
the first dialogues, or torch goes on alone, with a warning. All other systems, decodings and machines have torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from dialora.config import DecodingConfig, GenerationConfig
from dialora.errors import GenerationError
from dialora.generation.convert import QUANTIZATION, convert_system, find_version
from dialora.generation.engine import Engine
from dialora.generation.parity import Parity, check_parity
from dialora.generation.torch_engine import TorchEngine
from dialora.models.adapters import is_mergeable
from dialora.store import Stage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NUM_CHECKED = 8
"""Sources that a converted system and torch must write the same for before anything else is written."""


def open_engine(
    generation: GenerationConfig,
    decoding: DecodingConfig,
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    *,
    stage: Stage,
    sources: Sequence[Sequence[int]],
    on_warning: Callable[[str], None] = lambda message: None,
) -> Engine:
    """Return the engine for a system, converted into `stage` and checked against torch where that is needed.

    `sources` are token ids of what is to be written, of which the first few are the check's. Raises GenerationError
    when the engine or precision asked for cannot be had.
    """
    precision = generation.precision
    reason = explain_torch(generation, decoding, model)
    if reason is not None and generation.engine == "ctranslate2":
        raise GenerationError(f"generation.engine: ctranslate2 cannot be used here: {reason}; use auto or torch.")
    if (reason is not None or generation.engine == "torch") and precision == "int8":
        raise GenerationError(
            f"generation.precision: int8 needs ctranslate2, and {reason or 'generation.engine is torch'}; use bf16 or "
            f"fp32."
        )
    reference = TorchEngine(model, tokenizer, decoding, precision=precision)
    if reason is not None or generation.engine == "torch":
        return reference
    from dialora.generation.ctranslate2_engine import CTranslate2Engine

    folder = convert_system(model, tokenizer, stage, precision=precision)
    engine = CTranslate2Engine(folder, decoding, precision=precision, threads=torch.get_num_threads())
    if precision != "fp32":
        return engine
    checked = list(dict.fromkeys(tuple(ids) for ids in sources))[:NUM_CHECKED]
    parity = check_parity(engine, reference, checked, decoding)
    if parity.is_exact or generation.engine == "ctranslate2":
        if not parity.is_exact:
            on_warning(f"ctranslate2 and torch differ: {_describe(parity)}; generation.engine asked for ctranslate2.")
        return engine
    on_warning(f"ctranslate2 and torch differ: {_describe(parity)}; torch is used.")
    return reference


def explain_torch(generation: GenerationConfig, decoding: DecodingConfig, model: nn.Module) -> str | None:
    """Return why CTranslate2 is not for this system, machine or decoding; None where it is."""
    if find_version() is None:
        return "it is not installed (pip install ctranslate2)"
    if next(model.parameters()).device.type != "cpu" and generation.engine == "auto" and generation.precision != "int8":
        return "the model is on a GPU, where torch is fast"
    if not is_mergeable(model):
        return "the adapter does not merge into the base model"
    if generation.engine == "auto" and generation.precision == "fp32" and decoding.num_beams > 1:
        if not decoding.early_stopping:
            return "its beam search ends as with decoding.early_stopping: true, which is not set"
        if decoding.no_repeat_ngram_size:
            return "it weighs beams otherwise where decoding.no_repeat_ngram_size forbids a token"
    if not _is_supported(generation.precision):
        return f"it has no {generation.precision} on this processor"
    return None


def _is_supported(precision: str) -> bool:
    import ctranslate2

    return QUANTIZATION[precision] in ctranslate2.get_supported_compute_types("cpu")


def _describe(parity: Parity) -> str:
    text = f"{parity.num_equal} of {parity.num_sources} summaries have the same tokens"
    difference = parity.largest_score_difference
    return text if difference is None else f"{text}, the largest difference of scores is {difference:.2g}"


__all__ = ["NUM_CHECKED", "explain_torch", "open_engine"]

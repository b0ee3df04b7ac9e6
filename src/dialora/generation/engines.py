"""Which engine writes: decided here and nowhere else.

`auto` takes CTranslate2 on a processor where it is installed, the system can be converted, and the search ends alike:
greedy, or beams with `early_stopping` and without a ban on repeats. It then has to write the same tokens as torch for
the first dialogues, or torch goes on alone, with a warning. All other systems, decodings and machines have torch.

Asked for by name, or for int8, CTranslate2 computes on the model's GPU where it can use it, else on the processor, with
a warning. The model then leaves the GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dialora.config import DecodingConfig, GenerationConfig
from dialora.errors import GenerationError
from dialora.generation.convert import QUANTIZATION, convert_system, find_version
from dialora.generation.engine import Engine
from dialora.generation.parity import Parity, check_parity
from dialora.generation.torch_engine import TorchEngine
from dialora.models.adapters import is_mergeable
from dialora.models.families import family_of
from dialora.models.loading import join_lines
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
    max_source_length: int | None = None,
    on_warning: Callable[[str], None] = lambda message: None,
) -> Engine:
    """Return the engine for a system, converted into `stage` and checked against torch where that is needed.

    `sources` are token ids of what is to be written, of which the first few are the check's. `max_source_length` is how
    long any source may be that the engine is given later, where these are not all. Raises GenerationError when the
    engine or precision asked for cannot be had.
    """
    precision = generation.precision
    num_tokens = (max_source_length or max(map(len, sources), default=0)) + decoding.max_new_tokens
    base = family_of(model).explain_conversion(model.config, num_tokens)
    reason = explain_torch(generation, decoding, model) or base
    if reason is not None and generation.engine == "ctranslate2":
        raise GenerationError(f"generation.engine: ctranslate2 cannot be used here: {reason}; use auto or torch.")
    if (reason is not None or generation.engine == "torch") and precision == "int8":
        raise GenerationError(
            f"generation.precision: int8 needs ctranslate2, and {reason or 'generation.engine is torch'}; use bf16 or "
            f"fp32."
        )
    reference = TorchEngine(model, tokenizer, decoding, precision=precision)
    if reason is not None or generation.engine == "torch":
        if reason is not None and reason == base and generation.engine == "auto":
            on_warning(f"ctranslate2 cannot write here: {reason}; torch is used.")
        return reference
    folder = convert_system(model, tokenizer, stage, precision=precision)
    checked = list(dict.fromkeys(tuple(ids) for ids in sources))[:NUM_CHECKED]
    engine = _open_converted(folder, decoding, precision, checked[:1], on_gpu=_is_on_gpu(model), on_warning=on_warning)
    parity = check_parity(engine, reference, checked, decoding) if precision == "fp32" else None
    if parity is not None and not parity.is_exact:
        if generation.engine != "ctranslate2":
            on_warning(f"ctranslate2 and torch differ: {_describe(parity)}; torch is used.")
            return reference
        on_warning(f"ctranslate2 and torch differ: {_describe(parity)}; generation.engine asked for ctranslate2.")
    if _is_on_gpu(model):
        # What is written from now on is written without it.
        model.to("cpu")
        torch.cuda.empty_cache()
    return engine


def _open_converted(
    folder: Path,
    decoding: DecodingConfig,
    precision: str,
    sample: Sequence[Sequence[int]],
    *,
    on_gpu: bool,
    on_warning: Callable[[str], None],
) -> Engine:
    """Return CTranslate2, on the GPU where the model is on one and `sample` is written there."""
    from dialora.generation.ctranslate2_engine import CTranslate2Engine

    build = partial(CTranslate2Engine, folder, decoding, precision=precision, threads=torch.get_num_threads())
    if not on_gpu:
        return build()
    reason = f"it finds none that computes in {precision}"
    if "cuda" in _list_devices(precision, on_gpu=True):
        try:
            engine = build(device="cuda")
            # CUDA's libraries are looked for when they are first needed, not when a model is loaded.
            with engine:
                list(engine.write([sample] if sample else []))
            return engine
        except GenerationError as error:
            reason = join_lines(error.__cause__ or error)
    on_warning(f"ctranslate2 cannot use the GPU ({reason}); it writes on the processor.")
    return build()


def open_converted(folder: Path, decoding: DecodingConfig, *, facts: Mapping[str, Any]) -> Engine:
    """Return CTranslate2 for a folder that is converted already, on the processor, in the precision it was made in.

    `facts` are what `convert` writes down of a system. Raises GenerationError.
    """
    from dialora.generation.ctranslate2_engine import CTranslate2Engine

    if find_version() is None:
        raise GenerationError(f"{folder}: needs CTranslate2, which is not installed (pip install ctranslate2).")
    precision = facts.get("precision", "fp32")
    return CTranslate2Engine(folder, decoding, precision=precision, threads=torch.get_num_threads(), facts=facts)


def explain_torch(generation: GenerationConfig, decoding: DecodingConfig, model: nn.Module) -> str | None:
    """Return why CTranslate2 is not for this adapter, machine or decoding; None where it is."""
    if find_version() is None:
        return "it is not installed (pip install ctranslate2)"
    if generation.engine == "auto" and writes_in_torch(generation, on_gpu=_is_on_gpu(model)):
        return "the model is on a GPU, where torch is fast"
    if not is_mergeable(model):
        return "the adapter does not merge into the base model"
    if generation.engine == "auto" and generation.precision == "fp32" and decoding.num_beams > 1:
        if not decoding.early_stopping:
            return "its beam search ends as with decoding.early_stopping: true, which is not set"
        if decoding.no_repeat_ngram_size:
            return "it weighs beams otherwise where decoding.no_repeat_ngram_size forbids a token"
    if not _list_devices(generation.precision, on_gpu=_is_on_gpu(model)):
        return f"it has no {generation.precision} on this processor"
    return None


def writes_in_torch(generation: GenerationConfig, *, on_gpu: bool) -> bool:
    """Whether torch writes whatever the system: it is asked for, or fast where the model is."""
    return generation.engine == "torch" or (generation.engine == "auto" and on_gpu and generation.precision != "int8")


def _list_devices(precision: str, *, on_gpu: bool) -> list[str]:
    """Return where CTranslate2 computes in this precision, the GPU only if it is asked for."""
    import ctranslate2

    devices = ["cuda", "cpu"] if on_gpu and ctranslate2.get_cuda_device_count() else ["cpu"]
    return [device for device in devices if QUANTIZATION[precision] in ctranslate2.get_supported_compute_types(device)]


def _is_on_gpu(model: nn.Module) -> bool:
    return next(model.parameters()).device.type != "cpu"


def _describe(parity: Parity) -> str:
    text = f"{parity.num_equal} of {parity.num_sources} summaries have the same tokens"
    difference = parity.largest_score_difference
    return text if difference is None else f"{text}, the largest difference of scores is {difference:.2g}"


__all__ = ["NUM_CHECKED", "explain_torch", "open_converted", "open_engine", "writes_in_torch"]

"""Load the base model, put a method on it, count its parameters, merge and restore.

FLAN-T5 has two separate matrices for embedding and output (`tie_word_embeddings: false`). transformers 5 turns that
key into `scale_decoder_outputs`, claims to tie always, and would overwrite `lm_head` at the next `tie_weights()`.
Here the head is taken out of the tie for good, and every saved config says `false`, which transformers 4 and 5 and
other readers understand alike.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dialora.checkpoint import resolve_model
from dialora.config import ExperimentConfig
from dialora.errors import ModelError
from dialora.methods import Method
from dialora.methods.decomposed import convert_to_lora, initial_adapter
from dialora.methods.tuners import UNMERGEABLE

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODEL_TYPES = ("t5",)


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """Parameters of a system; tied matrices count once."""

    trainable: int
    total: int

    @property
    def percent(self) -> float:
        """Trainable parameters as a percentage of all."""
        return 100 * self.trainable / self.total


def load_base_config(config: ExperimentConfig) -> Any:
    """Load and check the base model's configuration, without weights. Raises ModelError."""
    from transformers import AutoConfig

    source = resolve_model(config.model)
    with loading_explained(config.model):
        base = AutoConfig.from_pretrained(source, revision=config.model_revision)
    if base.model_type not in MODEL_TYPES:
        raise ModelError(
            f"model: {config.model} is a {base.model_type!r} model; dialora adapts T5 (model_type "
            f"{', '.join(MODEL_TYPES)}): T5, T5 v1.1, FLAN-T5."
        )
    return base


def load_tokenizer(config: ExperimentConfig) -> PreTrainedTokenizerBase:
    """Load the base model's tokenizer. Raises ModelError."""
    from transformers import AutoTokenizer

    with loading_explained(config.model):
        return AutoTokenizer.from_pretrained(resolve_model(config.model), revision=config.model_revision)


def load_base_model(config: ExperimentConfig) -> PreTrainedModel:
    """Load the base model in fp32, its output head apart from its embedding where the checkpoint has both.

    Raises ModelError.
    """
    from transformers import AutoModelForSeq2SeqLM

    base = load_base_config(config)
    with loading_explained(config.model):
        model = AutoModelForSeq2SeqLM.from_pretrained(
            resolve_model(config.model), revision=config.model_revision, config=base, dtype=torch.float32
        )
    return _aligned(_with_own_head(model))


def build_meta_model(config: ExperimentConfig) -> PreTrainedModel:
    """Build the base model's layout on the meta device: no weights are read, no memory is taken."""
    from transformers import AutoModelForSeq2SeqLM

    base = load_base_config(config)
    with torch.device("meta"):
        model = AutoModelForSeq2SeqLM.from_config(base)
    model.name_or_path = config.model
    return _with_own_head(model)


def load_system(config: ExperimentConfig, method: Method, folder: Path | None) -> nn.Module:
    """Load a trained system from its folder (a PEFT adapter, or a whole model); None gives the base model."""
    if folder is None:
        return load_base_model(config)
    if (folder / "adapter_config.json").is_file():
        return load_adapter(method.prepare_base(load_base_model(config)), folder)
    return load_base_model(config.model_copy(update={"model": str(folder), "model_revision": None}))


def load_adapter(model: PreTrainedModel, folder: Path, *, is_trainable: bool = False) -> nn.Module:
    """Put a saved PEFT adapter on a base model; a `.bin` adapter is read without running what it pickles.

    Raises ModelError when it is unreadable or was made for another shape of model.
    """
    from peft import PeftModel

    try:
        with _peft_warnings_ignored():
            return PeftModel.from_pretrained(model, folder, is_trainable=is_trainable)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"adapter {folder}: cannot be put on {model.name_or_path}: {_one_line(error)}") from error


def apply_method(model: PreTrainedModel, method: Method, *, key: str) -> nn.Module:
    """Return the model with the method's weights on it, only those trainable. Raises ConfigError."""
    with _peft_warnings_ignored():
        return method.apply(model if model.device.type == "meta" else method.prepare_base(model), key=key)


def count_methods(config: ExperimentConfig) -> dict[str, ParameterCount]:
    """Count the parameters of every method of the experiment, by key, from the base model's config alone."""
    return {key: count_method(config, method, key=key) for key, method in config.methods.items()}


def count_method(config: ExperimentConfig, method: Method, *, key: str) -> ParameterCount:
    """Count the parameters of one method from the base model's config alone. Raises ConfigError, ModelError."""
    return count_parameters(apply_method(build_meta_model(config), method, key=key))


def count_parameters(model: nn.Module) -> ParameterCount:
    """Count trainable and all parameters; a matrix used in two places counts once."""
    parameters = list(model.parameters())
    return ParameterCount(
        trainable=sum(p.numel() for p in parameters if p.requires_grad), total=sum(_numel(p) for p in parameters)
    )


def _numel(parameter: nn.Parameter) -> int:
    is_packed = type(parameter).__name__ == "Params4bit" and parameter.dtype == torch.uint8  # two numbers in a byte
    return parameter.numel() * (2 if is_packed else 1)


@contextmanager
def merged(model: nn.Module) -> Iterator[nn.Module]:
    """Merge an adapter into the base weights for the time of the block, then restore them bit for bit.

    Subtracting the update again would leave rounding errors, so the merged matrices are kept aside.
    A model without a mergeable adapter is left as it is: one of vectors before the input, or on a quantized base.
    """
    layers = _adapter_layers(model)
    if not layers or not is_mergeable(model):
        yield model
        return
    kept = [[p.detach().clone() for p in layer.base_layer.parameters()] for layer in layers]  # type: ignore[union-attr]
    model.merge_adapter()  # type: ignore[operator]
    try:
        yield model
    finally:
        with _peft_warnings_ignored():
            model.unmerge_adapter()  # type: ignore[operator]
        with torch.no_grad():
            for layer, weights in zip(layers, kept, strict=True):
                for parameter, weight in zip(layer.base_layer.parameters(), weights, strict=True):  # type: ignore[union-attr]
                    parameter.copy_(weight)


def is_mergeable(model: nn.Module) -> bool:
    """Whether the system can be had as a model of the base's layout: it is one, or its adapter merges into it."""
    if not hasattr(model, "peft_config"):
        return all(parameter.is_floating_point() for parameter in model.parameters())
    layers = _adapter_layers(model)
    kinds = {config.peft_type.value for config in model.peft_config.values()}  # type: ignore[operator]
    base = (parameter for layer in layers for parameter in layer.base_layer.parameters())  # type: ignore[union-attr]
    return bool(layers) and not kinds & UNMERGEABLE and all(parameter.is_floating_point() for parameter in base)


def _adapter_layers(model: nn.Module) -> list[nn.Module]:
    return [m for m in model.modules() if hasattr(m, "merge") and hasattr(m, "base_layer")]


def save_system(model: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path, *, base: str) -> None:
    """Save an adapter as a PEFT folder or a whole model as a transformers folder, in safetensors.

    An adapter that changed base weights when it was made is saved as one for the unchanged base. `base` is what
    `adapter_config.json` names as its base model.
    """
    from peft import PeftModel

    if isinstance(model, PeftModel):
        for adapter in model.peft_config.values():
            adapter.base_model_name_or_path = base
        with _peft_warnings_ignored():
            # "auto" would ask the hub whether the vocabulary was resized.
            model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
        if (initial := initial_adapter(model)) is not None:
            convert_to_lora(folder, initial)
        model.get_base_model().generation_config.save_pretrained(folder)
    else:
        model.save_pretrained(folder)  # type: ignore[operator]
        export_tie(model, folder)
    tokenizer.save_pretrained(folder)


def export_tie(model: nn.Module, folder: Path) -> None:
    """Write into a saved config whether output head and embedding are one matrix, as transformers 4 reads it."""
    path = folder / "config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["tie_word_embeddings"] = bool(model.config.scale_decoder_outputs)  # type: ignore[union-attr]
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _with_own_head(model: PreTrainedModel) -> PreTrainedModel:
    """Take `lm_head` out of the tie of a checkpoint that keeps it apart (T5 v1.1 and FLAN-T5)."""
    if model.config.scale_decoder_outputs:
        return model
    model._tied_weights_keys = {k: v for k, v in model._tied_weights_keys.items() if k != "lm_head.weight"}
    model.all_tied_weights_keys.pop("lm_head.weight", None)
    if model.lm_head.weight is model.shared.weight:
        model.lm_head.weight = nn.Parameter(model.shared.weight.detach().clone())
    return model


def _aligned(model: PreTrainedModel) -> PreTrainedModel:
    """Move the weights from the mapped file to memory of their own.

    In the file a matrix begins wherever the header before it ends, and matrix kernels round differently for another
    alignment: the same weights from another file would give another summary where two words are nearly tied.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()
    return model


PEFT_CHATTER = (
    # PEFT 0.21 takes the config's word that an untied head is tied; a head that is tied is refused by the method.
    "Model has `tie_word_embeddings=True`",
    "`is_gradient_checkpointing`",  # a property that transformers 5 renamed
    # BOFT would build a CUDA extension; it works without.
    "Failed to load the CUDA extension",
    "Setting boft_n_butterfly_factor to 1",
    "Unsupported layer type",  # LN tuning: T5's own layer norm is no torch.nn.LayerNorm
    # AdaLoRA may leave a layer no rank, and PEFT looks for its ranks under LoRA's names.
    r"Adapter 'default': \d+ LoRA tensor\(s\) have invalid shape",
    "The following rank_pattern keys did not match",
    # Where merging is not exact, `merged` keeps the weights and puts them back.
    "Unmerge result can be inaccurate",
    "Detected that the base layer has no bias term",
)
"""How warnings begin that tell users nothing."""


@contextmanager
def _peft_warnings_ignored() -> Iterator[None]:
    """Keep back what users can do nothing about."""
    with warnings.catch_warnings():
        for message in PEFT_CHATTER:
            warnings.filterwarnings("ignore", message=message)
        yield


@contextmanager
def loading_explained(name: str, *, key: str = "model") -> Iterator[None]:
    """Turn what loading raises for a missing or broken checkpoint into one line, and keep what it prints quiet.

    What it prints is bars, and a warning that the head of an untied checkpoint will not be tied, as it should not.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(f"{key}: {name} cannot be loaded: {_one_line(error)}") from error
    finally:
        logging.set_verbosity(verbosity)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "…"


__all__ = [
    "MODEL_TYPES",
    "ParameterCount",
    "apply_method",
    "build_meta_model",
    "count_method",
    "count_methods",
    "count_parameters",
    "export_tie",
    "is_mergeable",
    "load_adapter",
    "load_base_config",
    "load_base_model",
    "load_system",
    "load_tokenizer",
    "loading_explained",
    "merged",
    "save_system",
]

"""Put a method or a saved adapter on a base model, merge it and restore it bit for bit, save the system."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dialora.config import ExperimentConfig
from dialora.errors import ConfigError, ModelError
from dialora.methods import Method
from dialora.methods.decomposed import convert_to_lora, initial_adapter
from dialora.methods.tuners import UNMERGEABLE
from dialora.models.adapter_folder import explain_shapes, read_adapter_headers, require_whole
from dialora.models.adapter_settings import SETTINGS
from dialora.models.checkpoint import find_other_base
from dialora.models.families import family_of
from dialora.models.loading import join_lines, load_base_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

GIVE_BASE = "give load_model that base: method= is the entry that has it, or set={'model': ...}"
"""What to do about an adapter of another base."""
CARD = "README.md"
"""What the hub shows of a model or adapter."""


def load_system(config: ExperimentConfig, method: Method, folder: Path | None) -> nn.Module:
    """Load a trained system from its folder (a PEFT adapter, or a whole model); None gives the base model."""
    if folder is None:
        return load_base_model(config)
    if (folder / SETTINGS).is_file():
        base = load_base_model(config)
        return load_adapter(method.prepare_base(base, family_of(base).describe_parts(base)), folder)
    return load_base_model(config.model_copy(update={"model": str(folder), "model_revision": None}))


def load_adapter(
    model: PreTrainedModel, folder: Path, *, is_trainable: bool = False, advice: str = GIVE_BASE
) -> nn.Module:
    """Put a saved PEFT adapter on a base model; a `.bin` adapter is read without running what it pickles.

    `advice` is what to do where it names another base and does not fit.

    Raises ModelError, which names the keys, when it is unreadable, applies in part or not at all, or was made for
    another shape of model.
    """
    from peft import PeftModel

    try:
        headers = read_adapter_headers(folder)
        with peft_warnings_ignored():
            adapted = PeftModel.from_pretrained(model, folder, is_trainable=is_trainable)
        require_whole(adapted, headers)
        return adapted
    # An adapter's settings are whatever its file says, and PEFT takes them as they are: anything may come of it.
    except Exception as error:
        reason = explain_shapes(str(error)) or join_lines(error)
        if not isinstance(error, OSError | ValueError | RuntimeError | ImportError):
            reason = f"PEFT can make nothing of its {SETTINGS} and weights ({type(error).__name__}: {reason})"
        if (other := find_other_base(folder / SETTINGS, model.name_or_path)) is not None:
            reason = f"{reason.rstrip('.')}. It names {other} as its base; {advice}"
        raise ModelError(f"adapter {folder}: cannot be put on {model.name_or_path}: {reason}") from error


def apply_method(model: PreTrainedModel, method: Method, *, key: str) -> nn.Module:
    """Return the model with the method's weights on it, only those trainable. Raises ConfigError."""
    base = family_of(model).describe_parts(model)
    with peft_warnings_ignored():
        prepared = model if model.device.type == "meta" else method.prepare_base(model, base)
        try:
            return method.apply(prepared, base, key=key)
        except ConfigError:
            raise
        except (ValueError, TypeError, NotImplementedError) as error:
            raise ConfigError(
                f"methods.{key}: PEFT cannot put {method.name} on {model.name_or_path}: {join_lines(error)}"
            ) from error


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
        with peft_warnings_ignored():
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


def has_virtual_tokens(model: nn.Module) -> bool:
    """Whether trained vectors stand before what the model reads (prompt tuning, P-tuning)."""
    adapters = getattr(model, "peft_config", {}).values()
    return any(one.is_prompt_learning and one.peft_type.value != "PREFIX_TUNING" for one in adapters)


def _adapter_layers(model: nn.Module) -> list[nn.Module]:
    return [m for m in model.modules() if hasattr(m, "merge") and hasattr(m, "base_layer")]


def save_system(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    base: str,
    revision: str | None = None,
    card: str | None = None,
) -> None:
    """Save an adapter as a PEFT folder or a whole model as a transformers folder, in safetensors.

    An adapter that changed base weights when it was made is saved as one for the unchanged base. `base` and its
    `revision` are what `adapter_config.json` names as its base model (`name_base`), and `card` is the README.md, which
    is missing without one. Where summaries learned another end than the base's own, that of a chat template,
    generation_config.json says so: plain `generate` stops there too.
    """
    from peft import PeftModel

    _name_stops(model, tokenizer)
    if isinstance(model, PeftModel):
        for adapter in model.peft_config.values():
            adapter.base_model_name_or_path, adapter.revision = base, revision
        with peft_warnings_ignored():
            # "auto" would ask the hub whether the vocabulary was resized.
            model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
        if (initial := initial_adapter(model)) is not None:
            convert_to_lora(folder, initial)
        model.get_base_model().generation_config.save_pretrained(folder)
    else:
        model.save_pretrained(folder)  # type: ignore[operator]
        family_of(model).export(model, folder)
    tokenizer.save_pretrained(folder)
    # PEFT's own card is a form that nobody filled in, with the path that the base was loaded from.
    (folder / CARD).unlink(missing_ok=True)
    if card is not None:
        (folder / CARD).write_text(card, encoding="utf-8", newline="\n")


def save_description(model: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save all of a system but its weights, as transformers reads it: config, how summaries end, and the tokenizer."""
    _name_stops(model, tokenizer)
    owner: Any = getattr(model, "get_base_model", lambda: model)()
    owner.config.save_pretrained(folder)
    family_of(owner).export(owner, folder)
    owner.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _name_stops(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> None:
    """Let a model's generation config end with all that a summary ends with; the base's own is said already."""
    owner: Any = getattr(model, "get_base_model", lambda: model)()
    stops, said = family_of(owner).list_stops(owner, tokenizer), owner.generation_config.eos_token_id
    if set(stops) != set(said if isinstance(said, list) else [said]):
        owner.generation_config.eos_token_id = list(stops)


HARMLESS_WARNINGS = (
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
    "Found missing adapter keys",  # an error here, which names them
    # Of virtual tokens before a causal model's source: rows are written without padding, whose positions are right.
    "Position ids are not supported for parameter efficient tuning",
    # Where merging is not exact, `merged` keeps the weights and puts them back.
    "Unmerge result can be inaccurate",
    # Of a head that was never tied; whether it is stands in the saved config (`Family.export`).
    "Input and output embeddings are no longer tied after merging",
    "Detected that the base layer has no bias term",
)
"""How warnings begin that tell users nothing."""


@contextmanager
def peft_warnings_ignored() -> Iterator[None]:
    """Keep back what users can do nothing about."""
    with warnings.catch_warnings():
        for message in HARMLESS_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        yield


__all__ = [
    "GIVE_BASE",
    "apply_method",
    "has_virtual_tokens",
    "is_mergeable",
    "load_adapter",
    "load_system",
    "merged",
    "peft_warnings_ignored",
    "save_description",
    "save_system",
]

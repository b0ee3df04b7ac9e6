"""LoRA that begins with a part of each target matrix, and leaves the rest to the frozen base.

The base on the machine that trains is therefore not the base that users have. What is saved is a plain LoRA adapter
of twice the rank, which on the untouched base is the same model: W + (B·A − B₀·A₀).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dialora.config.method import LearningRate
from dialora.errors import ConfigError
from dialora.methods.low_rank import LoRA
from dialora.methods.targets import list_linear, matches

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts


class _Decomposed(LoRA):
    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, with a copy of the matrices it begins with beside it."""
        targets = self.find_targets(model, base, key=key)
        modules = dict(model.named_modules())
        for name in list_linear(model):
            shape = tuple(modules[name].weight.shape)
            if matches(name, targets) and self.r > min(shape):
                raise ConfigError(f"methods.{key}.r: {self.r} is more than the {min(shape)} ranks of {name} {shape}.")
        if model.device.type == "meta":  # nothing to decompose; the shapes are LoRA's
            return self.wrap(model, base, key=key)
        adapted = super().apply(model, base, key=key)
        keep_initial_adapter(adapted)
        return adapted


class PiSSA(_Decomposed):
    """PiSSA: LoRA that begins with the largest singular values and vectors of each target matrix."""

    name = "pissa"
    label = "PiSSA"
    paper = "https://arxiv.org/abs/2404.02948"
    learning_rate_range = (2e-5, 2e-3)
    learning_rate_source = "below LoRA's, for its curvature is larger (arXiv 2602.04998); none is published for T5"
    peft_options: ClassVar[dict[str, Any]] = {"init_lora_weights": "pissa"}

    learning_rate: LearningRate = 2e-4


class OLoRA(_Decomposed):
    """OLoRA: LoRA that begins with the first columns and rows of each target matrix's QR decomposition."""

    name = "olora"
    label = "OLoRA"
    paper = "https://arxiv.org/abs/2406.01775"
    learning_rate_range = (2e-5, 2e-3)
    learning_rate_source = "as PiSSA; none is published for T5"
    peft_options: ClassVar[dict[str, Any]] = {"init_lora_weights": "olora"}

    learning_rate: LearningRate = 2e-4

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, which decomposes no matrix that holds its inputs first."""
        if base.is_transposed:
            raise ConfigError(f"methods.{key}: PEFT's OLoRA does not work on {model.name_or_path}'s layers; use pissa.")
        return super().apply(model, base, key=key)


def keep_initial_adapter(model: nn.Module) -> None:
    """Keep a copy of the adapter's weights on the model, for `convert_to_lora`."""
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    vars(model)["initial_adapter"] = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def initial_adapter(model: nn.Module) -> dict[str, Tensor] | None:
    """Return what `keep_initial_adapter` kept, or None when the method changes no base weight."""
    return vars(model).get("initial_adapter")


def convert_to_lora(folder: Path, initial: dict[str, Tensor]) -> None:
    """Turn the adapter saved in `folder` into a plain LoRA of twice the rank for the untouched base.

    B·A − B₀·A₀ = [B, −B₀]·[A; A₀], as in PEFT's own conversion (`LoraModel.subtract_mutated_init`), which loads a
    second adapter for it and may ask the hub about the base. Shapes: A (r, inputs), B (outputs, r).
    """
    import torch
    from peft import PeftConfig
    from safetensors.torch import load_file, save_file

    path = folder / "adapter_model.safetensors"
    trained = load_file(path)
    doubled = {
        name: torch.cat([tensor, initial[name]], dim=0)
        if ".lora_A." in name
        else torch.cat([tensor, -initial[name]], dim=1)
        for name, tensor in trained.items()
    }
    save_file(doubled, path, metadata={"format": "pt"})
    config: Any = PeftConfig.from_pretrained(folder)
    config.init_lora_weights = True
    config.r *= 2
    # The scale lora_alpha / r stays.
    config.lora_alpha *= 2
    config.save_pretrained(folder)


__all__ = ["OLoRA", "PiSSA", "convert_to_lora", "initial_adapter", "keep_initial_adapter"]

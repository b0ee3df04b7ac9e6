"""AdaLoRA: ranks go where they matter while training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from dialora.config.method import LearningRate, Method
from dialora.methods.targets import ALL_LINEAR, Targets, resolve_targets

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts

_ADAPTER = "default"
_IMPORTANCE = ("ipt", "exp_avg_ipt", "exp_avg_unc")
_UNTIL_TRAINING_BEGINS = 1_000_000


class AdaLoRA(Method):
    """AdaLoRA: an update like a singular value decomposition, whose least important parts are dropped step by step.

    Training begins with rank init_r everywhere and ends with target_r on average. The training loss contains a
    penalty that keeps the singular vectors orthogonal; the validation loss does not.
    """

    name = "adalora"
    label = "AdaLoRA"
    paper = "https://arxiv.org/abs/2303.10512"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (1e-4, 1e-2)
    learning_rate_source = "PEFT's sequence-to-sequence example for AdaLoRA; the paper's lie at 5e-4 to 2e-3"

    learning_rate: LearningRate = 1e-3
    init_r: Annotated[int, Field(ge=1, description="rank at the beginning; the paper's is 1.5 times target_r")] = 12
    target_r: Annotated[int, Field(ge=1, description="average rank at the end")] = 8
    lora_alpha: Annotated[float, Field(gt=0, description="the update is scaled by lora_alpha / init_r")] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1, description="dropout before the update")] = 0.05
    orth_reg_weight: Annotated[float, Field(ge=0, description="weight of the penalty; PEFT's default")] = 0.5
    initial_share: Annotated[float, Field(ge=0, lt=1, description="of the steps, before ranks are dropped")] = 0.1
    final_share: Annotated[float, Field(ge=0, lt=1, description="of the steps, after the last rank is dropped")] = 0.3
    target_modules: Targets = ALL_LINEAR

    @model_validator(mode="after")
    def _leaves_room(self) -> AdaLoRA:
        if self.target_r > self.init_r:
            raise ValueError(f"target_r {self.target_r} is more than init_r {self.init_r}; ranks are only dropped")
        if self.initial_share + self.final_share >= 1:
            raise ValueError("initial_share and final_share leave no step for dropping ranks")
        return self

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT; the schedule is set when training begins."""
        from peft import AdaLoraConfig, get_peft_model

        config = AdaLoraConfig(
            task_type=base.task_type,
            init_r=self.init_r,
            target_r=self.target_r,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            orth_reg_weight=self.orth_reg_weight,
            target_modules=resolve_targets(model, self.target_modules, base, key=key),
            total_step=_UNTIL_TRAINING_BEGINS,
            fan_in_fan_out=base.is_transposed,
        )
        adapted = get_peft_model(model, config)
        for name, parameter in adapted.named_parameters():
            if ".ranknum." in name:  # a constant, which PEFT lets require a gradient on the meta device
                parameter.requires_grad_(False)
        return adapted

    def begin_training(self, model: nn.Module, *, num_steps: int) -> None:
        """Set when ranks begin and cease to be dropped."""
        config = _config(model)
        config.total_step = num_steps
        config.tinit = int(self.initial_share * num_steps)
        config.tfinal = int(self.final_share * num_steps)

    def after_step(self, model: nn.Module, *, step: int) -> None:
        """Weigh each part of the update by weight and gradient, and drop what the schedule asks for."""
        _tuner(model).update_and_allocate(step)

    @contextmanager
    def validating(self, model: nn.Module) -> Iterator[None]:
        """Leave the penalty out of the loss."""
        config = _config(model)
        kept, config.orth_reg_weight = config.orth_reg_weight, 0.0
        try:
            yield
        finally:
            config.orth_reg_weight = kept

    def training_state(self, model: nn.Module) -> dict[str, Tensor]:
        """Return the smoothed importances, and which ranks are kept."""
        import torch

        allocator = _tuner(model).rankallocator
        state = {f"{kind}/{name}": t for kind in _IMPORTANCE for name, t in getattr(allocator, kind).items()}
        kept = _config(model).rank_pattern or {}
        return state | {f"kept/{name}": torch.tensor(mask) for name, mask in kept.items()}

    def load_training_state(self, model: nn.Module, state: dict[str, Tensor]) -> None:
        """Put the importances and the kept ranks back."""
        allocator = _tuner(model).rankallocator
        device = next(model.parameters()).device
        found: dict[str, dict[str, Any]] = {kind: {} for kind in (*_IMPORTANCE, "kept")}
        for key, tensor in state.items():
            kind, _, name = key.partition("/")
            found[kind][name] = tensor.tolist() if kind == "kept" else tensor.to(device)
        for kind in _IMPORTANCE:
            setattr(allocator, kind, found[kind])
        _config(model).rank_pattern = found["kept"] or None


def _tuner(model: Any) -> Any:
    return model.base_model


def _config(model: Any) -> Any:
    return model.peft_config[_ADAPTER]


__all__ = ["AdaLoRA"]

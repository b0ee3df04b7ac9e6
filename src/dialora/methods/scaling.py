"""Methods that train one number per feature: scales of activations, and of norms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from dialora.config.method import LearningRate, Method
from dialora.methods.low_rank import AS_LORA
from dialora.methods.targets import require_targets

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts, ModuleNames


class IA3(Method):
    """(IA)³: keys, values and the feed-forward's inner activations are scaled by trained vectors."""

    name = "ia3"
    label = "IA3"
    paper = "https://arxiv.org/abs/2205.05638"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (3e-4, 3e-2)
    learning_rate_source = "T-Few, which is (IA)³ on T5 (arXiv 2205.05638, section 3.5)"

    learning_rate: LearningRate = 3e-3
    target_modules: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, description="linear layers that are scaled, the feed-forward's included"),
    ] = None
    feedforward_modules: Annotated[
        tuple[str, ...] | None, Field(description="those of them whose inputs are scaled and not their outputs")
    ] = None

    @model_validator(mode="after")
    def _names_targets(self) -> IA3:
        if self.target_modules is None or self.feedforward_modules is None:
            return self
        if missing := set(self.feedforward_modules) - set(self.target_modules):
            raise ValueError(f"feedforward_modules: {', '.join(sorted(missing))} must stand in target_modules too")
        return self

    def name_targets(self, names: ModuleNames) -> Self:
        """Return the method with keys, values and the feed-forward's last layer named as the base calls them."""
        targets = names.scaled if self.target_modules is None else self.target_modules
        inputs = self.feedforward_modules
        if inputs is None:
            inputs = tuple(name for name in names.scaled_inputs if name in targets)
        return self.model_copy(update={"target_modules": targets, "feedforward_modules": inputs})

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import IA3Config, get_peft_model

        named = self.name_targets(base)
        targets, inputs = named.target_modules or (), named.feedforward_modules or ()
        require_targets(model, targets, base, key=key)
        config = IA3Config(
            task_type=base.task_type,
            target_modules=list(targets),
            feedforward_modules=list(inputs),
            fan_in_fan_out=base.is_transposed,
        )
        return get_peft_model(model, config)


class LNTuning(Method):
    """LN tuning: only the scales of the layer norms are trained."""

    name = "ln_tuning"
    label = "LN tuning"
    paper = "https://arxiv.org/abs/2312.11420"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (1e-4, 1e-2)
    learning_rate_source = AS_LORA
    learning_rate_follows_full = True

    learning_rate: LearningRate = 1e-3

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, all but copies of its norms frozen."""
        from peft import LNTuningConfig, get_peft_model

        config = LNTuningConfig(task_type=base.task_type, target_modules=list(base.norms))
        return get_peft_model(model, config)


__all__ = ["IA3", "LNTuning"]

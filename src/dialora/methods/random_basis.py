"""Updates in a fixed random basis that all layers share; only coefficients are trained.

The basis is saved with the adapter, so it does not depend on a random generator staying the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dialora.config.method import LearningRate, Method
from dialora.methods.low_rank import AS_LORA
from dialora.methods.targets import OpenTargets, resolve_targets

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts


class VeRA(Method):
    """VeRA: two random thin matrices shared by all targets, scaled by two trained vectors for each target."""

    name = "vera"
    label = "VeRA"
    paper = "https://arxiv.org/abs/2310.11454"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (5e-4, 5e-2)
    learning_rate_source = "PEFT's sequence-to-sequence example for VeRA (5e-3 to 1e-2 on mT0)"

    learning_rate: LearningRate = 5e-3
    r: Annotated[int, Field(ge=1, description="rank of the shared matrices")] = 256
    vera_dropout: Annotated[float, Field(ge=0, lt=1, description="dropout before the first matrix")] = 0.05
    d_initial: Annotated[float, Field(gt=0, description="the scales of the ranks at the beginning")] = 0.1
    target_modules: OpenTargets = None

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import VeraConfig, get_peft_model

        config = VeraConfig(
            task_type=base.task_type,
            r=self.r,
            vera_dropout=self.vera_dropout,
            d_initial=self.d_initial,
            fan_in_fan_out=base.is_transposed,
            target_modules=resolve_targets(model, self.target_modules, base, key=key),
        )
        return get_peft_model(model, config)


class RandLoRA(Method):
    """RandLoRA: a sum of many random low-rank products with trained scales, which together have full rank."""

    name = "randlora"
    label = "RandLoRA"
    paper = "https://arxiv.org/abs/2502.00987"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (1e-4, 1e-2)
    learning_rate_source = AS_LORA
    learning_rate_follows_full = True

    learning_rate: LearningRate = 1e-3
    r: Annotated[int, Field(ge=1, description="rank of each product; more of it trains fewer weights")] = 32
    randlora_alpha: Annotated[int, Field(gt=0, description="scaled by randlora_alpha / r; the paper's is 20 r")] = 640
    randlora_dropout: Annotated[float, Field(ge=0, lt=1, description="dropout before the update")] = 0.05
    target_modules: OpenTargets = None

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import RandLoraConfig, get_peft_model

        config = RandLoraConfig(
            task_type=base.task_type,
            r=self.r,
            randlora_alpha=self.randlora_alpha,
            randlora_dropout=self.randlora_dropout,
            fan_in_fan_out=base.is_transposed,
            target_modules=resolve_targets(model, self.target_modules, base, key=key),
        )
        return get_peft_model(model, config)


__all__ = ["RandLoRA", "VeRA"]

"""LoRA and its relatives: a trained product of two thin matrices beside each frozen target matrix.

Each relative differs from LoRA in one thing and shares its defaults (rank 32 on q and v), so that comparing them
compares that one thing. Parameters per target: r · (inputs + outputs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from dialora.config.method import LearningRate, Method
from dialora.methods.targets import ALL_LINEAR, OpenTargets, Targets, list_linear, matches, resolve_targets

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts

LORA_RATE = "about ten times full fine-tuning's (arXiv 2602.04998)"
AS_LORA = "as LoRA; none is published for T5"


class LoRA(Method):
    """Low-rank adaptation of the queries and values: a product of two thin matrices beside each."""

    name = "lora"
    label = "PEFT"
    paper = "https://arxiv.org/abs/2106.09685"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (1e-4, 1e-2)
    learning_rate_source = LORA_RATE
    learning_rate_follows_full = True
    peft_options: ClassVar[dict[str, Any]] = {}
    """What the method adds to PEFT's LoraConfig."""

    learning_rate: LearningRate = 1e-3
    r: Annotated[int, Field(ge=1, description="rank of the update")] = 32
    lora_alpha: Annotated[float, Field(gt=0, description="the update is scaled by lora_alpha / r")] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1, description="dropout before the first thin matrix")] = 0.05
    target_modules: OpenTargets = None

    def find_targets(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> list[str]:
        """Return the names of the layers to adapt. Raises ConfigError when one matches nothing."""
        return resolve_targets(model, self.target_modules, base, key=key)

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        return self.wrap(model, base, key=key, **self.peft_options)

    def wrap(self, model: PreTrainedModel, base: BaseParts, *, key: str, **options: Any) -> nn.Module:
        """Return the model wrapped by PEFT with these options on top of LoRA's."""
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            task_type=base.task_type,
            r=self.r,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            target_modules=self.find_targets(model, base, key=key),
            fan_in_fan_out=base.is_transposed,
            **options,
        )
        return get_peft_model(model, config)


class LoRAAllLinear(LoRA):
    """LoRA on every linear layer of attention and feed-forward, not only queries and values."""

    name = "lora_all"
    label = "LoRA, all linear"

    target_modules: Targets = ALL_LINEAR


class LoRADecoder(LoRA):
    """LoRA on the decoder alone."""

    name = "lora_decoder"
    label = "LoRA, decoder"

    def find_targets(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> list[str]:
        """Return the full names of the decoder's targets."""
        targets = super().find_targets(model, base, key=key)
        parts = tuple(f"{part}." for part in base.decoder)
        return [name for name in list_linear(model) if name.startswith(parts) and matches(name, targets)]


class RankStabilized(LoRA):
    """rsLoRA: LoRA scaled by lora_alpha / √r instead of lora_alpha / r, so that high ranks learn too."""

    name = "rslora"
    label = "rsLoRA"
    paper = "https://arxiv.org/abs/2312.03732"
    learning_rate_range = (2e-5, 2e-3)
    learning_rate_source = "LoRA's over √r, for the update is √r times larger (arXiv 2312.03732)"
    peft_options: ClassVar[dict[str, Any]] = {"use_rslora": True}

    learning_rate: LearningRate = 2e-4


class DoRA(LoRA):
    """DoRA: the length of each output's weights is trained apart from their direction, which LoRA adapts."""

    name = "dora"
    label = "DoRA"
    paper = "https://arxiv.org/abs/2402.09353"
    learning_rate_source = "as LoRA or slightly lower (arXiv 2402.09353); none is published for T5"
    peft_options: ClassVar[dict[str, Any]] = {"use_dora": True}


class LoRAPlus(LoRA):
    """LoRA+: the second thin matrix learns faster than the first."""

    name = "lora_plus"
    label = "LoRA+"
    paper = "https://arxiv.org/abs/2402.12354"
    learning_rate_range = (2e-5, 2e-3)
    learning_rate_source = "the first matrix's, so that the geometric mean of both is about LoRA's (ratio: the paper's)"

    learning_rate: LearningRate = 2e-4
    learning_rate_ratio: Annotated[float, Field(ge=1, description="second matrix over first; the paper's is 16")] = 16

    def build_optimizer(self, model: nn.Module, *, learning_rate: float, weight_decay: float) -> Optimizer:
        """Return AdamW with the second matrices in a group of their own."""
        from peft.optimizers import create_loraplus_optimizer
        from torch.optim import AdamW

        return create_loraplus_optimizer(
            model,
            AdamW,
            lr=learning_rate,
            loraplus_lr_ratio=self.learning_rate_ratio,
            loraplus_weight_decay=weight_decay,
            fused=True,
        )


class LoRAFA(LoRA):
    """LoRA-FA: the first thin matrix is frozen as drawn; the second one's gradient makes up for it."""

    name = "lora_fa"
    label = "LoRA-FA"
    paper = "https://arxiv.org/abs/2308.03303"
    learning_rate_source = AS_LORA

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model with only the second thin matrices trainable."""
        adapted = super().apply(model, base, key=key)
        for name, parameter in adapted.named_parameters():
            if ".lora_A." in name:
                parameter.requires_grad_(False)
        return adapted

    def build_optimizer(self, model: nn.Module, *, learning_rate: float, weight_decay: float) -> Optimizer:
        """Return PEFT's optimizer, which projects the gradient of the second matrices before AdamW's step."""
        from peft.optimizers import create_lorafa_optimizer

        optimizer: Optimizer = create_lorafa_optimizer(
            model, r=self.r, lora_alpha=self.lora_alpha, lr=learning_rate, weight_decay=weight_decay
        )
        optimizer.register_load_state_dict_post_hook(_move_named_state)
        return optimizer


def _move_named_state(optimizer: Optimizer) -> None:
    """Move a loaded state to the weights' device: torch does so only for state that is kept by weight, not by name."""
    import torch

    device = optimizer.param_groups[0]["params"][0].device
    for state in optimizer.state.values():
        state.update({name: value.to(device) for name, value in state.items() if isinstance(value, torch.Tensor)})


__all__ = [
    "AS_LORA",
    "LORA_RATE",
    "DoRA",
    "LoRA",
    "LoRAAllLinear",
    "LoRADecoder",
    "LoRAFA",
    "LoRAPlus",
    "RankStabilized",
]

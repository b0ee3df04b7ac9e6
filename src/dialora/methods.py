"""METHODS: one small frozen class per method of adapting the base model.

A method owns all that is particular to it: its options and their defaults, its learning rate, its PEFT config,
and how its weights are put on a model. Adding a method is adding a class here; nothing else names methods.
Importing this module loads neither torch nor peft.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from dialora.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

METHODS: dict[str, type[Method]] = {}


class Method(BaseModel):
    """How the base model becomes a system."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    label: ClassVar[str]
    paper: ClassVar[str]
    trains: ClassVar[bool] = True
    is_peft: ClassVar[bool] = False
    is_mergeable: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the class in METHODS under its `name`."""
        super().__init_subclass__(**kwargs)
        METHODS[cls.name] = cls

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return `model` ready to train: only this method's weights require a gradient.

        `key` is the method's name in the experiment file, for messages. Raises ConfigError when an option does not
        fit the model.
        """
        raise NotImplementedError


class ZeroShot(Method):
    """The base model as it is, told what to do by the prompt alone."""

    name = "zero_shot"
    label = "Original"
    paper = "https://arxiv.org/abs/2210.11416"
    trains = False

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model unchanged."""
        return model


class Full(Method):
    """Full fine-tuning: every weight of the base model is trained."""

    name = "full"
    label = "Instruct"
    paper = "https://arxiv.org/abs/1910.10683"

    learning_rate: Annotated[float, Field(gt=0, description="AdamW peak learning rate")] = 1e-4

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model with every weight trainable."""
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        return model


class LoRA(Method):
    """Low-rank adaptation: a trained product of two thin matrices beside each frozen target matrix."""

    name = "lora"
    label = "PEFT"
    paper = "https://arxiv.org/abs/2106.09685"
    is_peft = True
    is_mergeable = True

    learning_rate: Annotated[float, Field(gt=0, description="AdamW peak; about ten times full fine-tuning's")] = 1e-3
    r: Annotated[int, Field(ge=1, description="rank of the update")] = 32
    lora_alpha: Annotated[float, Field(gt=0, description="the update is scaled by lora_alpha / r")] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1, description="dropout before the first thin matrix")] = 0.05
    target_modules: Annotated[
        tuple[str, ...], Field(min_length=1, description="names of the linear layers that get an update")
    ] = ("q", "v")

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import LoraConfig, TaskType, get_peft_model

        require_targets(model, self.target_modules, key=key)
        config = LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.r,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            target_modules=list(self.target_modules),
        )
        return get_peft_model(model, config)


def require_targets(model: PreTrainedModel, targets: tuple[str, ...], *, key: str) -> None:
    """Raise ConfigError unless every target names a linear layer.

    PEFT is silent about an entry that matches nothing as long as another one matches, and T5's gated feed-forward
    has `wi_0` and `wi_1` where older code names `wi`. A target matches as in PEFT: the whole name or its end after
    a dot.
    """
    from torch import nn

    if any(target.endswith("lm_head") for target in targets) and model.config.scale_decoder_outputs:
        raise ConfigError(
            f"methods.{key}.target_modules: the lm_head of {model.name_or_path or 'the model'} is its embedding too; "
            f"an update merged into one would change the other. Leave it out."
        )
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    missing = [t for t in targets if not any(name == t or name.endswith(f".{t}") for name in names)]
    if missing:
        found = ", ".join(sorted({re.split(r"\.", name)[-1] for name in names} - {"lm_head"}))
        quoted = ", ".join(repr(t) for t in missing)
        raise ConfigError(
            f"methods.{key}.target_modules: {quoted} matches no linear layer of {model.name_or_path or 'the model'}. "
            f"Found: {found}."
        )


__all__ = ["METHODS", "Full", "LoRA", "Method", "ZeroShot", "require_targets"]

"""Orthogonal fine-tuning: each target matrix is rotated, which keeps the angles between its neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dialora.config.method import LearningRate, Method
from dialora.methods.low_rank import AS_LORA
from dialora.methods.targets import OpenTargets, require_divisible, resolve_targets

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts


class OFT(Method):
    """OFT: the inputs of each target are rotated in blocks."""

    name = "oft"
    label = "OFT"
    paper = "https://arxiv.org/abs/2306.07280"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (1e-4, 1e-2)
    learning_rate_source = AS_LORA
    learning_rate_follows_full = True

    learning_rate: LearningRate = 1e-3
    oft_block_size: Annotated[int, Field(ge=2, description="inputs per block; divides a target's inputs")] = 32
    module_dropout: Annotated[float, Field(ge=0, lt=1, description="share of blocks left unrotated")] = 0.0
    target_modules: OpenTargets = None

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import OFTConfig, get_peft_model

        targets = resolve_targets(model, self.target_modules, base, key=key)
        require_divisible(model, targets, self.oft_block_size, key=key, option="oft_block_size")
        config = OFTConfig(
            task_type=base.task_type,
            oft_block_size=self.oft_block_size,
            module_dropout=self.module_dropout,
            target_modules=targets,
        )
        return get_peft_model(model, config)


class BOFT(Method):
    """BOFT: a rotation of the inputs in small blocks (one butterfly factor), and a scale for each output."""

    name = "boft"
    label = "BOFT"
    paper = "https://arxiv.org/abs/2311.06243"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (1e-4, 1e-2)
    learning_rate_source = AS_LORA
    learning_rate_follows_full = True

    learning_rate: LearningRate = 1e-3
    boft_block_size: Annotated[int, Field(ge=2, description="inputs per block; divides a target's inputs")] = 8
    boft_dropout: Annotated[float, Field(ge=0, lt=1, description="share of blocks left unrotated")] = 0.0
    target_modules: OpenTargets = None

    def prepare_base(self, model: PreTrainedModel, base: BaseParts) -> PreTrainedModel:
        """Return the model; keep PEFT from building an extension before an adapter is made or loaded."""
        _build_no_extension()
        return model

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        _build_no_extension()
        from peft import BOFTConfig, get_peft_model

        targets = resolve_targets(model, self.target_modules, base, key=key)
        require_divisible(model, targets, self.boft_block_size, key=key, option="boft_block_size")
        config = BOFTConfig(
            task_type=base.task_type,
            boft_block_size=self.boft_block_size,
            # More needs a CUDA extension; where it is missing PEFT takes 1, so results would depend on the machine.
            boft_n_butterfly_factor=1,
            boft_dropout=self.boft_dropout,
            fan_in_fan_out=base.is_transposed,
            target_modules=targets,
        )
        return get_peft_model(model, config)


def _build_no_extension() -> None:
    """Let PEFT compute BOFT in plain torch: its CUDA extension is compiled at first use, and prints as it goes."""
    from peft.tuners.boft import layer

    layer._FBD_CUDA = False


__all__ = ["BOFT", "OFT"]

"""Trained vectors that stand before what the model reads or writes; no weight of the model is touched.

They cannot be merged, and make every source (or, for prefix tuning, every step of the decoder) longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dialora.config.method import LearningRate, Method

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts

VirtualTokens = Annotated[int, Field(ge=1, description="trained vectors")]


class PromptTuning(Method):
    """Prompt tuning: trained embeddings before the source, drawn from the vocabulary at the beginning."""

    name = "prompt_tuning"
    label = "Prompt tuning"
    paper = "https://arxiv.org/abs/2104.08691"
    is_peft = True
    learning_rate_range = (1e-2, 1.0)
    learning_rate_source = "the paper's, for T5 with Adafactor; PEFT's T5 example has 1.0 with AdamW"

    learning_rate: LearningRate = 0.3
    num_virtual_tokens: VirtualTokens = 100

    def count_virtual_tokens(self) -> tuple[int, int]:
        """Return the vectors, which stand before the source."""
        return self.num_virtual_tokens, 0

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import PromptTuningConfig, PromptTuningInit, get_peft_model

        config = PromptTuningConfig(
            **_shape(base),
            num_virtual_tokens=self.num_virtual_tokens,
            prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
            # PEFT's default makes a second prompt for the decoder, which nothing ever reads.
            num_transformer_submodules=1,
        )
        return get_peft_model(model, config)


class PTuning(Method):
    """P-tuning: as prompt tuning, with the embeddings computed by a small trained network."""

    name = "p_tuning"
    label = "P-tuning"
    paper = "https://arxiv.org/abs/2103.10385"
    is_peft = True
    learning_rate_range = (1e-4, 1e-2)
    learning_rate_source = "the middle of those in PEFT's own comparison (5e-4 to 5e-3); none is published for T5"

    learning_rate: LearningRate = 1e-3
    num_virtual_tokens: VirtualTokens = 20
    encoder_hidden_size: Annotated[int, Field(ge=1, description="width of the small network")] = 128

    def count_virtual_tokens(self) -> tuple[int, int]:
        """Return the vectors, which stand before the source."""
        return self.num_virtual_tokens, 0

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import PromptEncoderConfig, get_peft_model

        config = PromptEncoderConfig(
            **_shape(base),
            num_virtual_tokens=self.num_virtual_tokens,
            encoder_hidden_size=self.encoder_hidden_size,
            num_transformer_submodules=1,
        )
        return get_peft_model(model, config)


class PrefixTuning(Method):
    """Prefix tuning: trained keys and values before those of every decoder layer's self-attention.

    PEFT reaches only the decoder of an encoder-decoder (peft#2989).
    """

    name = "prefix_tuning"
    label = "Prefix tuning"
    paper = "https://arxiv.org/abs/2101.00190"
    is_peft = True
    # The prefix lies in the decoder's cache, which is not kept while activations are recomputed.
    allows_gradient_checkpointing = False
    learning_rate_range = (1e-3, 1e-1)
    learning_rate_source = "PEFT's T5 example for prefix tuning"

    learning_rate: LearningRate = 1e-2
    num_virtual_tokens: VirtualTokens = 20

    def count_virtual_tokens(self) -> tuple[int, int]:
        """Return the vectors, which stand before the summary."""
        return 0, self.num_virtual_tokens

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen."""
        from peft import PrefixTuningConfig, get_peft_model

        shape = _shape(base) | {
            # Heads need not add up to d_model (FLAN-T5-small), nor need the decoder be as deep as the encoder.
            "token_dim": base.prefix_width,
            "num_attention_heads": base.prefix_heads,
            "num_layers": base.prefix_layers,
        }
        submodules = 2 if base.is_encoder_decoder else 1
        config = PrefixTuningConfig(
            **shape, num_virtual_tokens=self.num_virtual_tokens, num_transformer_submodules=submodules
        )
        return get_peft_model(model, config)


def _shape(base: BaseParts) -> dict[str, Any]:
    """Return what PEFT would otherwise guess from the model's config."""
    return {
        "task_type": base.task_type,
        "token_dim": base.width,
        "num_attention_heads": base.num_heads,
        "num_layers": base.num_layers,
    }


__all__ = ["PTuning", "PrefixTuning", "PromptTuning"]

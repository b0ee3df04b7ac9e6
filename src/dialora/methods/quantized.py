"""QLoRA: LoRA on a base whose linear layers are kept in four bits.

Needs bitsandbytes (`pip install bitsandbytes`). The base is quantized in training and in use alike, so a saved adapter
meets the base it was trained on.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from dialora.errors import ConfigError
from dialora.methods.low_rank import LoRA
from dialora.methods.targets import ALL_LINEAR, Targets

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts


class QLoRA(LoRA):
    """QLoRA: LoRA on all linear layers of a base quantized to four bits (NF4, double quantization)."""

    name = "qlora"
    label = "QLoRA"
    paper = "https://arxiv.org/abs/2305.14314"
    # Adding an update to four-bit weights would round it away.
    is_mergeable = False
    learning_rate_source = "as LoRA; the paper's, for models of 7B and more, is 2e-4"

    target_modules: Targets = ALL_LINEAR

    def require_available(self, *, key: str) -> None:
        """Raise ConfigError unless bitsandbytes can be imported."""
        if find_spec("bitsandbytes") is None:
            raise ConfigError(
                f"methods.{key}: QLoRA needs bitsandbytes, which is not installed; run `pip install bitsandbytes`, "
                f"or use lora_all, the same without quantization."
            )

    def prepare_base(self, model: PreTrainedModel, base: BaseParts) -> PreTrainedModel:
        """Return the model with four-bit linear layers."""
        self.require_available(key=self.name)
        if base.is_transposed:
            raise ConfigError(
                "methods.qlora: QLoRA keeps linear layers in four bits, and a model of this kind has none (GPT-2's are "
                "convolutions); use lora_all."
            )
        import bitsandbytes as bnb
        import torch
        from torch import nn

        has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
        compute = torch.bfloat16 if has_bf16 else torch.float32
        for name, module in list(model.named_modules()):
            if isinstance(module, nn.Linear) and name.rpartition(".")[2] not in base.quantizes_all_but:
                layer = bnb.nn.Linear4bit(
                    module.in_features, module.out_features, bias=False, compute_dtype=compute, quant_type="nf4",
                    compress_statistics=True,
                )  # fmt: skip
                layer.weight = bnb.nn.Params4bit(module.weight.data, requires_grad=False, quant_type="nf4")
                layer.bias = module.bias  # as it was: T5 and Llama have none, BART and Qwen2 do
                # On a CPU, validating would turn the weights into a form that has no gradient.
                layer.support_avx512bf16_for_cpu = False
                parent, _, child = name.rpartition(".")
                setattr(model.get_submodule(parent), child, layer)
        # bitsandbytes quantizes when a layer is first moved, be it to where it lies.
        return model.to(model.device)


__all__ = ["QLoRA"]

"""A training step with less work, the same arithmetic to rounding.

`step` gives the modules that it knows a leaner forward for the time of a run: `t5` those of T5, `causal` those of Llama
and its kin, `lora` PEFT's LoRA. `kernels` and `causal_kernels` are what they compute with, `frozen` keeps frozen
matrices in bf16, `micro_batches` lets a batch through in parts.
"""

from dialora.training.lean.micro_batches import find_micro_batch_tokens, split_batch
from dialora.training.lean.step import lean

__all__ = ["find_micro_batch_tokens", "lean", "split_batch"]

"""A training step with less work, the same arithmetic to rounding.

`modules` gives T5's modules their leaner forward for the time of a run, `kernels` is what they compute with, `frozen`
keeps frozen matrices in bf16, `micro_batches` lets a batch through in parts.
"""

from dialora.training.lean.micro_batches import MICRO_BATCH_NUMBERS, split_batch
from dialora.training.lean.modules import lean

__all__ = ["MICRO_BATCH_NUMBERS", "lean", "split_batch"]

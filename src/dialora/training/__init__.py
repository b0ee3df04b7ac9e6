"""Train one system: `train` and what it needs to know of the machine.

`train` is the whole of a run; `trainer` the steps, `conductor` what happens between them, `checkpoints` what lies on
disk meanwhile, `lean` the same arithmetic with less work.
"""

from dialora.training.checkpoints import PROGRESS_FILE, find_checkpoint
from dialora.training.conductor import IsHopeless, OnProgress
from dialora.training.device import measure_peak_memory, resolve_precision, uses_cuda
from dialora.training.train import TrainingResult, train

__all__ = [
    "PROGRESS_FILE",
    "IsHopeless",
    "OnProgress",
    "TrainingResult",
    "find_checkpoint",
    "measure_peak_memory",
    "resolve_precision",
    "train",
    "uses_cuda",
]

"""Train one system: the steps, the clock, the checkpoints, and the same arithmetic with less work.

Takes a model with a method on it and tokenized pairs; changes the model's trainable weights and gives how it went.
Guarantees that only optimizer steps are timed, and that a run that was killed goes on where it was and ends with the
numbers of an undisturbed one.

`train` is the whole of a run; `loop` its steps and what happens between them; `validation` the loss on the validation
split; `optimization` the optimizer and the learning rate's schedule; `checkpoints`, `weights` and `state` what lies on
disk meanwhile; `trackers` whom to report to; `encoder_cache` a frozen encoder run once; `lean` a step with less
work; `distributed` several processes that share the batches.
"""

from dialora.training.checkpoints import find_checkpoint, load_progress
from dialora.training.distributed import ALONE, Group
from dialora.training.loop import OnProgress
from dialora.training.train import TrainingResult, train

__all__ = ["ALONE", "Group", "OnProgress", "TrainingResult", "find_checkpoint", "load_progress", "train"]

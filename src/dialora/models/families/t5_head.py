"""The output head of a T5 and its embedding: one matrix or two.

FLAN-T5 has two separate matrices for embedding and output (`tie_word_embeddings: false`). transformers 5 turns that
key into `scale_decoder_outputs`, claims to tie always, and would overwrite `lm_head` at the next `tie_weights()`.
Here the head is taken out of the tie for good, and every saved config says `false`, which transformers 4 and 5 and
other readers understand alike.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


SCALES = "scale_decoder_outputs"
TIES_EMBEDDINGS = {"umt5": False}
"""What a model of separate matrices has in its config once it is built: umT5 scales its outputs where it says true."""


def is_tied(config: Any) -> bool:
    """Whether a T5's output head is its embedding, as its config was read (`mark_tie`)."""
    return bool(getattr(config, SCALES, False))


def mark_tie(config: Any, *, tied: bool) -> Any:
    """Keep in a config what its checkpoint says, where its kind of T5 has no key for it."""
    setattr(config, SCALES, tied)
    return config


def export_tie(model: nn.Module, folder: Path) -> None:
    """Write into a saved config whether output head and embedding are one matrix, as transformers 4 reads it."""
    path = folder / "config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["tie_word_embeddings"] = is_tied(model.config)
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def separate_head(model: PreTrainedModel) -> PreTrainedModel:
    """Take `lm_head` out of the tie of a checkpoint that keeps it apart (T5 v1.1 and FLAN-T5)."""
    if is_tied(model.config):
        return model
    model.config.tie_word_embeddings = TIES_EMBEDDINGS.get(model.config.model_type, True)
    model._tied_weights_keys = {k: v for k, v in model._tied_weights_keys.items() if k != "lm_head.weight"}
    model.all_tied_weights_keys.pop("lm_head.weight", None)
    if model.lm_head.weight is model.shared.weight:
        from torch import nn

        model.lm_head.weight = nn.Parameter(model.shared.weight.detach().clone())
    return model


__all__ = ["export_tie", "is_tied", "mark_tie", "separate_head"]

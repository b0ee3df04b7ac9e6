"""The frozen encoder's output for every training source, computed once: for runs that train the decoder alone.

Takes a model and tokenized pairs, gives batches that bring their encoder states along, so that from then on no step
runs the encoder. The states lie in a memory-mapped file in the run's work folder, two bytes a number in bf16 (some
4.5 GB for DialogSum and FLAN-T5-base). The encoder runs without dropout: it has to say the same in every epoch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dialora.data.tokens import TrainingPair, collate_pairs, collate_sources, fill_batches
from dialora.errors import Interrupted
from dialora.measuring.clock import Stopwatch
from dialora.store import load_json, names, save_json

BATCH_TOKENS = 8_192


@dataclass(frozen=True, slots=True)
class EncoderCache:
    """Encoder states of distinct sources, one after the other."""

    states: Tensor
    """(tokens of all distinct sources, d_model)"""
    starts: dict[tuple[int, ...], int]
    seconds: float
    """What it took to compute them."""

    def collate(self, pairs: Sequence[TrainingPair], *, pad_id: int) -> dict[str, Any]:
        """Pad a training batch as `collate_pairs` does, with `encoder_outputs` (B, S, d_model); padding is 0."""
        batch: dict[str, Any] = collate_pairs(pairs, pad_id=pad_id)
        states = self.states.new_zeros(*batch["input_ids"].shape, self.states.shape[1])
        for row, pair in enumerate(pairs):
            start, length = self.starts[tuple(pair.input_ids)], len(pair.input_ids)
            states[row, :length] = self.states[start : start + length]
        return batch | {"encoder_outputs": (states,)}


def trains_decoder_alone(model: nn.Module) -> bool:
    """Whether no weight that the encoder reads, its embedding included, requires a gradient."""
    base = _base(model)
    trained = {id(p) for p in model.parameters() if p.requires_grad}
    of_decoder = {id(p) for part in (base.decoder, base.lm_head) for p in part.parameters()}
    return bool(trained) and trained <= of_decoder and not trained & {id(p) for p in base.encoder.parameters()}


def build_encoder_cache(
    model: nn.Module,
    pairs: Sequence[TrainingPair],
    work: Path,
    *,
    precision: str,
    pad_id: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> EncoderCache:
    """Compute the states of every distinct source, or take them from `work` where they lie whole.

    Raises Interrupted after `should_stop` said so.
    """
    sources = sorted({tuple(pair.input_ids) for pair in pairs}, key=lambda ids: (len(ids), ids))
    starts, size = {}, 0
    for ids in sources:
        starts[ids] = size
        size += len(ids)
    encoder = _base(model).encoder
    width, dtype = encoder.config.d_model, torch.bfloat16 if precision == "bf16" else torch.float32
    path, index = work / names.ENCODER_STATES, work / names.ENCODER_INDEX
    work.mkdir(parents=True, exist_ok=True)
    is_whole = index.is_file() and path.is_file()
    if not is_whole:
        _reserve(path, size * width * dtype.itemsize)
    states = torch.from_file(str(path), shared=True, size=size * width, dtype=dtype).view(size, width)
    if not is_whole:
        seconds = _fill(
            states, encoder, sources, starts, precision=precision, pad_id=pad_id, report=on_progress, stop=should_stop
        )
        save_json({"seconds": seconds}, index)
    return EncoderCache(states, starts, float(load_json(index)["seconds"]))


def _reserve(path: Path, size: int) -> None:
    """Make the file with its blocks, so that a full disk is an OSError here and not a crash in the middle."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)


def _fill(
    states: Tensor,
    encoder: Any,
    sources: Sequence[tuple[int, ...]],
    starts: dict[tuple[int, ...], int],
    *,
    precision: str,
    pad_id: int,
    report: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> float:
    """Run the encoder over all sources; return the seconds it took."""
    device = next(encoder.parameters()).device
    was_training, watch, done = encoder.training, Stopwatch(), 0
    encoder.eval()
    try:
        for batch in fill_batches([(i, len(ids), 0) for i, ids in enumerate(sources)], BATCH_TOKENS):
            if stop():
                raise Interrupted(f"stopped after the encoder states of {done} of {len(sources)} sources.")
            rows = [sources[i] for i in batch]
            inputs = {k: v.to(device) for k, v in collate_sources([list(ids) for ids in rows], pad_id=pad_id).items()}
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                hidden = encoder(**inputs).last_hidden_state
            for ids, row in zip(rows, hidden, strict=True):
                states[starts[ids] : starts[ids] + len(ids)] = row[: len(ids)].to(states.dtype).cpu()
            done += len(rows)
            report(done, len(sources))
    finally:
        encoder.train(was_training)
    return watch.read()


def _base(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


__all__ = ["EncoderCache", "build_encoder_cache", "trains_decoder_alone"]

"""The frozen encoder's output for every training source, computed once: for runs that train the decoder alone.

Takes a model and tokenized pairs, gives batches that bring their encoder states along, so that from then on no step
runs the encoder. It runs where the model is, without dropout: it has to say the same in every epoch. The states lie
in a file in the run's work folder, two bytes a number in bf16 (some 4.5 GB for DialogSum and FLAN-T5-base).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dialora.config import stable_hash
from dialora.data.tokens import TrainingPair, collate_pairs, collate_sources, fill_batches
from dialora.errors import Interrupted, TrainingError
from dialora.measuring.clock import Stopwatch
from dialora.store import Stage, load_json, names, save_json

BATCH_TOKENS = 8_192
TOKEN = np.dtype(">i4")
"""Of a source as bytes: a ninth of a tuple's memory, and in the same order."""


@dataclass(frozen=True, slots=True)
class EncoderCache:
    """Encoder states of distinct sources, one after the other in a file."""

    path: Path
    width: int
    """Numbers for each token: d_model."""
    dtype: torch.dtype
    starts: dict[bytes, int]
    """The first token of each source, packed, counted over all of them."""
    seconds: float
    """What it took to compute them."""
    pins: bool = False
    """Whether batches lie in pinned memory, from where a GPU takes them while it computes."""

    def collate(self, pairs: Sequence[TrainingPair], *, pad_id: int) -> dict[str, Any]:
        """Pad a training batch as `collate_pairs` does, with `encoder_outputs` (B, S, d_model); padding is 0."""
        batch: dict[str, Any] = collate_pairs(pairs, pad_id=pad_id)
        states = torch.zeros(*batch["input_ids"].shape, self.width, dtype=self.dtype, pin_memory=self.pins)
        with self.path.open("rb") as file:
            for row, pair in enumerate(pairs):
                self.read(file, pair.input_ids, states[row, : len(pair.input_ids)])
        return batch | {"encoder_outputs": (states,)}

    def read(self, file: BufferedReader, source: Sequence[int], into: Tensor) -> None:
        """Read one source's states, (tokens, d_model), into memory: pages of a mapped file would count as ours."""
        size = self.width * self.dtype.itemsize
        file.seek(self.starts[_pack(source)] * size)
        if file.readinto(into.view(torch.uint8).numpy().data) != len(source) * size:
            raise TrainingError(f"{self.path}: ends too early; remove the run's work folder and run again.")


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

    The model is where it is to be trained: there the encoder runs, and for a GPU batches are pinned. Raises Interrupted
    after `should_stop` said so.
    """
    sources = sorted({_pack(pair.input_ids) for pair in pairs}, key=lambda ids: (len(ids), ids))
    starts, size = {}, 0
    for ids in sources:
        starts[ids] = size
        size += len(ids) // TOKEN.itemsize
    encoder = _base(model).encoder
    width, dtype = encoder.config.d_model, torch.bfloat16 if precision == "bf16" else torch.float32
    # The run's folder stands for model and data; what is cut from them here stands in the key.
    stage = Stage(work / names.ENCODER, stable_hash([sha256(b"".join(sources)).hexdigest(), width, str(dtype)]))
    if not stage.is_complete:
        with stage.writing() as folder:
            path = folder / names.ENCODER_STATES
            _reserve(path, size * width * dtype.itemsize)
            seconds = _fill(
                path, encoder, sources, dtype, precision=precision, pad_id=pad_id, report=on_progress, stop=should_stop
            )
            save_json({"seconds": seconds}, folder / names.ENCODER_FACTS)
    seconds = float(load_json(stage.folder / names.ENCODER_FACTS)["seconds"])
    on_gpu = next(encoder.parameters()).device.type == "cuda"
    return EncoderCache(stage.folder / names.ENCODER_STATES, width, dtype, starts, seconds, pins=on_gpu)


def _reserve(path: Path, size: int) -> None:
    """Make the file with its blocks, so that a full disk is an OSError here and not a crash in the middle."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)


def _fill(
    path: Path,
    encoder: Any,
    sources: Sequence[bytes],
    dtype: torch.dtype,
    *,
    precision: str,
    pad_id: int,
    report: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> float:
    """Run the encoder over all sources; return the seconds it took."""
    device = next(encoder.parameters()).device
    was_training, watch, done = encoder.training, Stopwatch(), 0
    items = [(i, len(ids) // TOKEN.itemsize, 0) for i, ids in enumerate(sources)]
    encoder.eval()
    try:
        with path.open("r+b") as file:
            for batch in fill_batches(items, BATCH_TOKENS):
                if stop():
                    raise Interrupted(f"stopped after the encoder states of {done} of {len(sources)} sources.")
                rows = [np.frombuffer(sources[i], TOKEN).tolist() for i in batch]
                inputs = {name: one.to(device) for name, one in collate_sources(rows, pad_id=pad_id).items()}
                with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                    hidden = encoder(**inputs).last_hidden_state.to(dtype).cpu()  # (B, S, d_model), in one piece
                for ids, states in zip(rows, hidden, strict=True):
                    file.write(states[: len(ids)].contiguous().view(torch.uint8).numpy().tobytes())
                done += len(rows)
                report(done, len(sources))
    finally:
        encoder.train(was_training)
    return watch.read()


def _pack(source: Sequence[int]) -> bytes:
    return np.array(source, TOKEN).tobytes()


def _base(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


__all__ = ["EncoderCache", "build_encoder_cache", "trains_decoder_alone"]

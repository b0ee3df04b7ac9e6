"""The engine that is always there: `generate` of transformers, on the processor or a GPU.

Adapters that merge are merged while it writes. bf16 is autocast: the weights stay as they are. A batch that a GPU has
no memory for is written in parts.

Shapes: B batch, S source tokens, T new tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn

from dialora.config import DecodingConfig
from dialora.data.tokens import collate_sources
from dialora.errors import GenerationError
from dialora.generation.engine import Batch, Written
from dialora.models.adapters import merged

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerBase


class TorchEngine:
    """`generate` of transformers with the experiment's decoding alone."""

    name = "torch"

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        decoding: DecodingConfig,
        *,
        precision: str = "fp32",
    ) -> None:
        self.model, self.tokenizer, self.precision = model, tokenizer, precision
        self.config = build_generation_config(model, decoding)
        self.config.return_dict_in_generate = True
        # Of a greedy search, scores are the whole vocabulary's, which nobody asked for.
        self.config.output_scores = decoding.num_beams > 1
        self._open = ExitStack()
        self._num_parts = 1

    @property
    def device(self) -> str:
        """Where the model is."""
        return next(self.model.parameters()).device.type

    def __enter__(self) -> Self:
        self.model.eval()
        self._open.enter_context(merged(self.model))
        self._open.enter_context(_decoding_as(self.model, self.config))
        if self.precision == "bf16":
            self._open.enter_context(_rounded_once(self.model))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def write(self, batches: Iterable[Batch]) -> Iterator[list[Written]]:
        """Give each batch's results in order, a batch at a time."""
        return map(self._write_batch, batches)

    def _write_batch(self, batch: Batch) -> list[Written]:
        """Write a batch, in as many parts as a GPU's memory has been too small for until now."""
        while True:
            size = -(-len(batch) // self._num_parts)
            try:
                parts = [self._write_part(batch[start : start + size]) for start in range(0, len(batch), size)]
                return [written for part in parts for written in part]
            except torch.OutOfMemoryError as error:
                if size == 1:
                    raise GenerationError(
                        "generation: the GPU has no memory for a single dialogue; lower decoding.num_beams or "
                        "decoding.max_new_tokens."
                    ) from error
            # Here, where nothing of what did not fit is held any more.
            torch.cuda.empty_cache()
            self._num_parts *= 2

    def _write_part(self, batch: Batch) -> list[Written]:
        device = next(self.model.parameters()).device
        inputs = collate_sources([list(ids) for ids in batch], pad_id=self.tokenizer.pad_token_id)  # (B, S)
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16")
        try:
            # Not in inference mode, in which autocast rounds every matrix anew for every token.
            with torch.no_grad(), autocast:
                made = self.model.generate(  # type: ignore[operator]
                    **{name: tensor.to(device) for name, tensor in inputs.items()}, generation_config=self.config
                )
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            raise GenerationError(
                f"generation failed on a batch of {len(batch)} ({' '.join(str(error).split())}). If memory ran out, "
                f"lower decoding.max_batch_tokens."
            ) from error
        rows = made.sequences[:, 1:].tolist()  # (B, T) without the decoder's start token
        scores = made.sequences_scores.tolist() if self.config.num_beams > 1 else [None] * len(rows)
        return [Written(self._until_end(row), score) for row, score in zip(rows, scores, strict=True)]

    def _until_end(self, ids: list[int]) -> list[int]:
        end = self.tokenizer.eos_token_id
        return ids[: ids.index(end) + 1] if end in ids else ids


def build_generation_config(model: nn.Module, decoding: DecodingConfig) -> GenerationConfig:
    """Return the experiment's decoding with the model's special tokens, and nothing else."""
    from transformers import GenerationConfig

    config: Any = model.config
    values: dict[str, Any] = {
        "pad_token_id": config.pad_token_id,
        "eos_token_id": config.eos_token_id,
        "decoder_start_token_id": config.decoder_start_token_id,
        "max_new_tokens": decoding.max_new_tokens,
        "num_beams": decoding.num_beams,
        "do_sample": False,
    }
    if decoding.num_beams > 1:
        values |= {"length_penalty": decoding.length_penalty, "early_stopping": decoding.early_stopping}
    if decoding.no_repeat_ngram_size:
        values["no_repeat_ngram_size"] = decoding.no_repeat_ngram_size
    return GenerationConfig(**values)


@contextmanager
def _rounded_once(model: nn.Module) -> Iterator[None]:
    """Let autocast keep what it has rounded for as long as a batch takes: only of weights that require a gradient."""
    frozen = [p for p in model.parameters() if not p.requires_grad and p.is_floating_point()]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


@contextmanager
def _decoding_as(model: nn.Module, config: GenerationConfig) -> Iterator[None]:
    """Make `config` the model's own for the time of the block.

    Handing it to `generate` alone is not enough: whatever it leaves at its default is filled in from the model's.
    """
    owners: list[Any] = [m for m in model.modules() if "generation_config" in vars(m)]
    kept = [owner.generation_config for owner in owners]
    for owner in owners:
        owner.generation_config = config
    try:
        yield
    finally:
        for owner, own in zip(owners, kept, strict=True):
            owner.generation_config = own


__all__ = ["TorchEngine", "build_generation_config"]

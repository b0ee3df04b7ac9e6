"""The engine that is always there: `generate` of transformers, on the processor or a GPU.

Adapters that merge are merged while it writes. bf16 is autocast: the weights stay as they are. A batch that a GPU has
no memory for is written in parts.

Shapes: B batch, S source tokens, T new tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn
from transformers import LogitsProcessor, NoRepeatNGramLogitsProcessor

from dialora.config import DecodingConfig
from dialora.errors import GenerationError
from dialora.generation.engine import Batch, Written
from dialora.models.adapters import has_virtual_tokens, merged, peft_warnings_ignored
from dialora.models.families import family_of

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
        self.family = family_of(model)
        self.collator = self.family.build_collator(tokenizer.pad_token_id)
        self.stops = frozenset(self.family.list_stops(model, tokenizer))
        self.config = build_generation_config(model, tokenizer, decoding)
        self.config.return_dict_in_generate = True
        self._ban = decoding.no_repeat_ngram_size
        if self.family.is_causal:
            self.config.no_repeat_ngram_size = 0  # which would forbid what the dialogue says, too
        # Of a greedy search, scores are the whole vocabulary's, which nobody asked for.
        self.config.output_scores = decoding.num_beams > 1
        self._open = ExitStack()
        self._num_parts = 1
        # PEFT puts virtual tokens before the padding of a causal model's row, and counts positions with both.
        self._is_unpadded = self.family.is_causal and has_virtual_tokens(model)

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
                return [written for part in self._cut(batch, size) for written in self._write_part(part)]
            except torch.OutOfMemoryError as error:
                if size == 1:
                    raise GenerationError(
                        "generation: the GPU has no memory for a single dialogue; lower decoding.num_beams or "
                        "decoding.max_new_tokens."
                    ) from error
            # Here, where nothing of what did not fit is held any more.
            torch.cuda.empty_cache()
            self._num_parts *= 2

    def _cut(self, batch: Batch, size: int) -> Iterator[Batch]:
        """Give a batch in parts of at most so many rows, whose order is the batch's."""
        rows = [list(ids) for ids in batch]
        if not self._is_unpadded:
            yield from (rows[start : start + size] for start in range(0, len(rows), size))
            return
        for _, alike in groupby(rows, key=len):
            group = list(alike)
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def _write_part(self, batch: Batch) -> list[Written]:
        device = next(self.model.parameters()).device
        inputs = self.collator.collate_sources([list(ids) for ids in batch], rounded=not self._is_unpadded)  # (B, S)
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16")
        try:
            # Not in inference mode, in which autocast rounds every matrix anew for every token.
            with torch.no_grad(), autocast, peft_warnings_ignored():
                made = self.model.generate(  # type: ignore[operator]
                    **{name: tensor.to(device) for name, tensor in inputs.items()},
                    generation_config=self.config,
                    **self._forbid_repeats(inputs["input_ids"].shape[1]),
                )
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            raise GenerationError(
                f"generation failed on a batch of {len(batch)} ({' '.join(str(error).split())}). If memory ran out, "
                f"lower decoding.max_batch_tokens."
            ) from error
        rows = self.family.cut_new(made.sequences, inputs["input_ids"].shape[1]).tolist()  # (B, T)
        scores = made.sequences_scores.tolist() if self.config.num_beams > 1 else [None] * len(rows)
        return [Written(self._until_end(row), score) for row, score in zip(rows, scores, strict=True)]

    def _forbid_repeats(self, num_source: int) -> dict[str, Any]:
        """Return what `generate` takes for a causal model that is to repeat nothing of its summary."""
        if not (self.family.is_causal and self._ban):
            return {}
        return {"logits_processor": [SummaryRepeats(self._ban, num_source)]}

    def _until_end(self, ids: list[int]) -> list[int]:
        end = next((at for at, token in enumerate(ids) if token in self.stops), None)
        return ids if end is None else ids[: end + 1]


class SummaryRepeats(LogitsProcessor):  # type: ignore[misc]
    """Forbids runs of tokens that a summary has already; those of its source, (B, S), may be said once."""

    def __init__(self, size: int, num_source: int) -> None:
        self.inner, self.num_source = NoRepeatNGramLogitsProcessor(size), num_source

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the logits (B, V) of the next token, with what is forbidden at minus infinity."""
        banned: Tensor = self.inner(input_ids[:, self.num_source :], scores)
        return banned


def build_generation_config(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, decoding: DecodingConfig
) -> GenerationConfig:
    """Return the experiment's decoding with the model's special tokens, and nothing else."""
    from transformers import GenerationConfig

    values: dict[str, Any] = {
        **family_of(model).describe_special(model, tokenizer),
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


__all__ = ["SummaryRepeats", "TorchEngine", "build_generation_config"]

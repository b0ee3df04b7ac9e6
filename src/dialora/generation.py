"""Predictions only: a model and dialogues in, one summary per dialogue out.

Every distinct source is generated once, in batches sorted by length, and put back in order. The decoding is the
experiment's alone: what a checkpoint's own generation config asks for (beams, lengths, sampling) is not used.
Nothing is drawn, so the same inputs give the same summaries.

Shapes: B batch, S source tokens, T new tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dialora.config import DecodingConfig
from dialora.data.tokens import TokenizedSource, collate_sources, fill_batches
from dialora.errors import GenerationError, Interrupted
from dialora.model import merged
from dialora.records import Example, Prediction
from dialora.runs import PartialLog

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerBase

OnProgress = Callable[[int, int], None]
"""Called with the number of sources done and of all."""


def generate(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    sources: Sequence[TokenizedSource],
    decoding: DecodingConfig,
    *,
    log: PartialLog | None = None,
    on_progress: OnProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Prediction]:
    """Summarize every example; predictions come in the order of the examples.

    `sources` are the examples' tokenized prompts. Batches found in `log` are taken from there, new ones are added.
    Raises GenerationError, and Interrupted after `should_stop` said so.
    """
    distinct = list({tuple(source.input_ids): source for source in sources}.values())
    order = sorted(range(len(distinct)), key=lambda i: len(distinct[i].input_ids), reverse=True)
    # The cache of keys and values grows with every beam and every token made.
    items = [(i, len(distinct[i].input_ids), decoding.max_new_tokens) for i in order]
    batches = fill_batches(items, decoding.max_batch_tokens // decoding.num_beams)
    finished = log.load() if log else {}
    written: dict[tuple[int, ...], list[int]] = {}
    model.eval()
    config = build_generation_config(model, decoding)
    with merged(model), _decoding_as(model, config), torch.inference_mode():
        for number, batch in enumerate(batches):
            rows = finished.get(number)
            if rows is None:
                if should_stop():
                    raise Interrupted(f"stopped after {len(written)} of {len(distinct)} summaries.")
                new_ids = _generate_batch(model, tokenizer, [distinct[i] for i in batch], config)
                rows = [{"new_ids": ids} for ids in new_ids]
                if log:
                    log.append(number, rows)
            for i, row in zip(batch, rows, strict=True):
                written[tuple(distinct[i].input_ids)] = row["new_ids"]
            on_progress(len(written), len(distinct))
    return [
        Prediction(
            id=example.id,
            summary=_decode(tokenizer, written[tuple(source.input_ids)]),
            num_source_tokens=len(source.input_ids),
            num_new_tokens=len(written[tuple(source.input_ids)]),
            truncated=source.truncated,
        )
        for example, source in zip(examples, sources, strict=True)
    ]


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
        values["length_penalty"] = decoding.length_penalty
    if decoding.no_repeat_ngram_size:
        values["no_repeat_ngram_size"] = decoding.no_repeat_ngram_size
    return GenerationConfig(**values)


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


def _generate_batch(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    sources: Sequence[TokenizedSource],
    config: GenerationConfig,
) -> list[list[int]]:
    """Return the new token ids of each source, up to and without the padding behind the end token."""
    device = next(model.parameters()).device
    inputs = collate_sources([s.input_ids for s in sources], pad_id=tokenizer.pad_token_id)  # (B, S)
    try:
        outputs = model.generate(  # type: ignore[operator]
            **{name: tensor.to(device) for name, tensor in inputs.items()}, generation_config=config
        )
    except (RuntimeError, ValueError) as error:
        raise GenerationError(
            f"generation failed on a batch of {len(sources)} ({' '.join(str(error).split())}). If memory ran out, "
            f"lower decoding.max_batch_tokens."
        ) from error
    rows = outputs[:, 1:].tolist()  # (B, T) without the decoder's start token
    return [_until_end(row, tokenizer) for row in rows]


def _until_end(ids: list[int], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    if tokenizer.eos_token_id in ids:
        return ids[: ids.index(tokenizer.eos_token_id) + 1]
    return ids


def _decode(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=True)
    return text.strip()


__all__ = ["build_generation_config", "generate"]

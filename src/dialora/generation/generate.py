"""Predictions only: a model and dialogues in, one summary per dialogue out.

Every distinct source is generated once, in batches sorted by length, and put back in order. The decoding is the
experiment's alone: what a checkpoint's own generation config asks for (beams, lengths, sampling) is not used.
Nothing is drawn, so the same inputs give the same summaries.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dialora.config import DecodingConfig, stable_hash
from dialora.data.tokens import TokenizedSource, fill_batches
from dialora.errors import Interrupted
from dialora.generation.engine import Engine
from dialora.generation.torch_engine import TorchEngine
from dialora.measuring.clock import Stopwatch
from dialora.records import Example, Prediction
from dialora.store import LoggedBatch, PartialLog

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

OnProgress = Callable[[int, int], None]
"""Called with the number of sources done and of all."""


@dataclass(frozen=True, slots=True)
class WrittenSources:
    """The new tokens of every source, in the order of the sources."""

    new_ids: list[list[int]]
    seconds: float
    """What all batches took together, each when it was written: an interrupted generation counts whole, and once."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written."""

    predictions: list[Prediction]
    new_ids: list[list[int]]
    """Of each prediction."""
    seconds: float
    """As in `WrittenSources`."""


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
    """Summarize every example with the model as it is, in torch; see `write_predictions`."""
    engine = TorchEngine(model, tokenizer, decoding)
    return write_predictions(
        engine, tokenizer, examples, sources, decoding, log=log, on_progress=on_progress, should_stop=should_stop
    ).predictions


def write_predictions(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    sources: Sequence[TokenizedSource],
    decoding: DecodingConfig,
    *,
    log: PartialLog | None = None,
    on_progress: OnProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generated:
    """Summarize every example; predictions come in the order of the examples.

    `sources` are the examples' tokenized prompts; see `write_sources`.
    """
    written = write_sources(
        engine,
        [source.input_ids for source in sources],
        decoding,
        log=log,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    predictions = [
        Prediction(
            id=example.id,
            summary=decode_summary(tokenizer, new_ids),
            num_source_tokens=len(source.input_ids),
            num_new_tokens=len(new_ids),
            truncated=source.truncated,
        )
        for example, source, new_ids in zip(examples, sources, written.new_ids, strict=True)
    ]
    return Generated(predictions, written.new_ids, written.seconds)


def write_sources(
    engine: Engine,
    sources: Sequence[Sequence[int]],
    decoding: DecodingConfig,
    *,
    log: PartialLog | None = None,
    on_progress: OnProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> WrittenSources:
    """Write what follows each source's token ids; equal ones are written once.

    Batches found in `log` are taken from there, with the seconds they took, and new ones are added. Raises
    GenerationError, and Interrupted after `should_stop` said so.
    """
    distinct = list(dict.fromkeys(map(tuple, sources)))
    batches = plan_source_batches(distinct, decoding, device=engine.device)
    # A log is of its own plan: other versions may have cut other batches.
    log = replace(log, key=stable_hash([log.key, batches])) if log else None
    finished = log.load() if log else {}
    written: dict[tuple[int, ...], list[int]] = {}
    missing = ([list(distinct[i]) for i in batch] for n, batch in enumerate(batches) if n not in finished)
    seconds = 0.0
    with engine:
        results = engine.write(missing)
        watch = Stopwatch()
        for number, batch in enumerate(batches):
            made = finished.get(number)
            if made is None:
                if should_stop():
                    raise Interrupted(f"stopped after {len(written)} of {len(distinct)} summaries.")
                rows = [{"new_ids": one.new_ids} for one in next(results)]
                made = LoggedBatch(rows, watch.read())
                if log:
                    log.append(number, made.rows, seconds=made.seconds)
                watch.reset()
            for i, row in zip(batch, made.rows, strict=True):
                written[distinct[i]] = row["new_ids"]
            seconds += made.seconds
            on_progress(len(written), len(distinct))
    return WrittenSources([written[tuple(source)] for source in sources], seconds)


def plan_source_batches(
    sources: Sequence[Sequence[int]], decoding: DecodingConfig, *, device: str = "cpu"
) -> list[list[int]]:
    """Plan batches of at most `decoding.max_batch_tokens`: lists of indices into `sources`, the longest first.

    The batches are as few as these tokens allow and of like size, so that none at the end is too small to keep every
    core at work.
    """
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]), reverse=True)
    # The cache of keys and values grows with every beam and every token made.
    items = [(i, len(sources[i]), decoding.max_new_tokens) for i in order]
    limit = decoding.count_batch_tokens(device) // decoding.num_beams
    fewest = len(fill_batches(items, limit))
    even = bisect_left(range(limit), True, key=lambda tokens: len(fill_batches(items, tokens)) <= fewest)
    return fill_batches(items, even)


def decode_summary(tokenizer: PreTrainedTokenizerBase, new_ids: Sequence[int]) -> str:
    """Return the text of new tokens."""
    text: str = tokenizer.decode(list(new_ids), skip_special_tokens=True)
    return text.strip()


__all__ = [
    "Generated",
    "OnProgress",
    "WrittenSources",
    "decode_summary",
    "generate",
    "plan_source_batches",
    "write_predictions",
    "write_sources",
]

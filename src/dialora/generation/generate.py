"""Predictions only: a model and dialogues in, one summary per dialogue out.

Every distinct source is generated once, in batches sorted by length, and put back in order. The decoding is the
experiment's alone: what a checkpoint's own generation config asks for (beams, lengths, sampling) is not used.
Nothing is drawn, so the same inputs give the same summaries.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialora.config import DecodingConfig
from dialora.data.tokens import TokenizedSource
from dialora.errors import Interrupted
from dialora.generation.batches import BatchPlan
from dialora.generation.engine import Engine
from dialora.generation.torch_engine import TorchEngine
from dialora.records import Example, Prediction
from dialora.store import LoggedBatch, PartialLog, SharedLog

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

OnProgress = Callable[[int, int], None]
"""Called with the number of sources done and of all."""


@dataclass(frozen=True, slots=True)
class Team:
    """The processes that write one plan of batches, from one of them: every `size`-th batch is its own."""

    rank: int = 0
    size: int = 1
    wait: Callable[[Callable[[], None]], None] = lambda tick: None
    """Return when all others have done their part; call what is given meanwhile. Of the first process alone."""

    def owns(self, batch: int) -> bool:
        """Whether this process writes the batch of this number."""
        return batch % self.size == self.rank


ALONE = Team()


@dataclass(frozen=True, slots=True)
class WrittenSources:
    """The new tokens of every source, in the order of the sources."""

    new_ids: list[list[int]]
    seconds: float
    """What all batches took together, each when it was written: an interrupted generation counts whole, and once.

    Of a team, what they took the process that wrote longest.
    """


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
    team: Team = ALONE,
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
        team=team,
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
    team: Team = ALONE,
    on_progress: OnProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> WrittenSources:
    """Write what follows each source's token ids; equal ones are written once.

    Batches found in `log` are taken from there, with the seconds they took, and new ones are added. The others of a
    `team` do their part by `write_share`, in a log that they keep together with this process. Raises GenerationError,
    Interrupted after `should_stop` said so, and what `should_stop` raises.
    """
    plan = BatchPlan.of(sources, decoding, engine, log)
    total = len(plan.sources)
    made = plan.load()
    own = [number for number in plan.list_missing(made) if team.owns(number)]
    num_found, num_own, num_written = plan.count(made), plan.count(own), 0

    def heed_stop() -> None:
        if should_stop():
            there = made if team.size == 1 else plan.load()  # with what the others have written
            raise Interrupted(f"stopped after {plan.count(there)} of {total} summaries.")

    if made:
        on_progress(num_found, total)
    with engine:
        for number, batch in plan.write(engine, own, heed_stop):
            made[number] = batch
            num_written += plan.count([number])
            # As far as this process is with its part, so are the others, as long as they are at work.
            on_progress(num_found + num_written * (total - num_found) // num_own, total)
        if team.size > 1:
            team.wait(heed_stop)
            made = plan.load()
            for number, batch in plan.write(engine, plan.list_missing(made), heed_stop):  # what was lost on the disk
                made[number] = batch
            on_progress(total, total)
    return WrittenSources(plan.order(sources, made), _measure(made))


def write_share(
    engine: Engine, sources: Sequence[Sequence[int]], decoding: DecodingConfig, *, log: SharedLog, team: Team
) -> None:
    """Write this process's part of `write_sources`, as another one of its team than the first."""
    plan = BatchPlan.of(sources, decoding, engine, log)
    own = [number for number in plan.list_missing(plan.load()) if team.owns(number)]
    with engine:
        deque(plan.write(engine, own), maxlen=0)


def _measure(made: Mapping[int, LoggedBatch]) -> float:
    """Return the seconds of the process that wrote longest: the others were at it meanwhile."""
    seconds = dict.fromkeys((batch.rank for batch in made.values()), 0.0)
    for batch in made.values():
        seconds[batch.rank] += batch.seconds
    return max(seconds.values(), default=0.0)


def decode_summary(tokenizer: PreTrainedTokenizerBase, new_ids: Sequence[int]) -> str:
    """Return the text of new tokens."""
    text: str = tokenizer.decode(list(new_ids), skip_special_tokens=True)
    return text.strip()


__all__ = [
    "ALONE",
    "Generated",
    "OnProgress",
    "Team",
    "WrittenSources",
    "decode_summary",
    "generate",
    "write_predictions",
    "write_share",
    "write_sources",
]

"""The gate: what was written, loaded again, against the run on its test dialogues.

In fp32 every token of a greedy search has to be the run's, and the scores of a beam search within 1e-3 of its scores. A
lower precision writes other words; there ROUGE may not fall by more than a point beyond doubt, and its difference
stands with its interval, paired over dialogues. The tokens that are read have to be the run's in every precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dialora.config import DecodingConfig
from dialora.generation.parity import MAX_SCORE_DIFFERENCE
from dialora.records import Example, Observer, Prediction, Record
from dialora.systems.precision import compare_scores

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from dialora.generation import Engine
    from dialora.systems import System

NUM_BEAMED = 24
"""Test dialogues that beams are searched for, evenly spread; greedy summaries are written of all of them."""
BEAMS = {"num_beams": 4, "early_stopping": True, "no_repeat_ngram_size": 0, "length_penalty": 1.0}
"""A beam search that ends alike in every engine (decision 11)."""
MAX_LOSS = 0.01
"""Of ROUGE, that a lower precision may cost; less is nothing to refuse, and so is more where the interval reaches 0."""

OpenEngine = Callable[[DecodingConfig], "Engine"]


@dataclass(frozen=True, slots=True)
class Verdict(Record):
    """What the gate found. A fact that was not measured is None."""

    passed: bool
    reasons: tuple[str, ...]
    """Why it did not pass."""
    precision: str
    num_dialogues: int
    num_equal: int | None = None
    """Dialogues whose summary has the same tokens, all of them."""
    num_beamed: int = 0
    largest_score_difference: float | None = None
    """Of beam searches, in mean log probability per token."""
    scores: dict[str, float] = field(default_factory=dict)
    scores_run: dict[str, float] = field(default_factory=dict)
    """ROUGE as the run's experiment scores, as fractions."""
    differences: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """The export minus the run, and the 95 % interval."""
    seconds: float | None = None
    """For the summaries of all test dialogues, once loaded."""
    seconds_run: float | None = None
    """The same in torch."""
    num_bytes: int | None = None
    num_bytes_run: int | None = None
    """Of the weights that the run needs: the adapter and its base, or the adapter alone where the export is that."""


@dataclass(frozen=True)
class Outputs:
    """What one system wrote of the test dialogues."""

    sources: list[list[int]]
    """The token ids it read."""
    new_ids: list[list[int]]
    predictions: list[Prediction]
    seconds: float
    beam_scores: list[float]


def choose_decoding(system: System, precision: str) -> DecodingConfig:
    """Return how the gate writes: greedily in fp32, where every token counts, and else as the run does."""
    decoding = system.config.decoding
    return decoding.model_copy(update={"num_beams": 1}) if precision == "fp32" else decoding


def write_outputs(
    system: System,
    open_engine: OpenEngine,
    examples: list[Example],
    decoding: DecodingConfig,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    observer: Observer,
) -> Outputs:
    """Read and summarize the test dialogues as `system` says, with `open_engine`; `tokenizer` stands in for its own.

    Raises DialoraError.
    """
    from dialora.data.tokens import tokenize_sources
    from dialora.generation import write_all, write_predictions

    about = {"event": "progress", "stage": "generation", "run": system.name, "key": system.key}
    tokenizer = tokenizer or system.tokenizer
    sources = tokenize_sources(
        [example.dialogue for example in examples],
        tokenizer,
        prompt=system.prompt,
        max_length=system.config.data.max_source_length,
    )
    ids = [list(source.input_ids) for source in sources]
    written = write_predictions(
        open_engine(decoding),
        tokenizer,
        examples,
        sources,
        decoding,
        on_progress=lambda done, total: observer({**about, "done": done, "total": total}),
    )
    beams = decoding.model_copy(update=BEAMS)
    num_beamed = min(len(ids), NUM_BEAMED)
    chosen = [ids[len(ids) * at // num_beamed] for at in range(num_beamed)]
    scored = write_all(open_engine(beams), chosen, beams)
    return Outputs(
        sources=ids,
        new_ids=written.new_ids,
        predictions=written.predictions,
        seconds=written.seconds,
        beam_scores=[math.nan if one.score is None else one.score for one in scored],
    )


def judge(
    system: System,
    examples: list[Example],
    run: Outputs,
    export: Outputs,
    *,
    precision: str,
    num_bytes: int,
    num_bytes_run: int | None,
) -> Verdict:
    """Compare what an export wrote with what the run did."""
    num_read = sum(a == b for a, b in zip(export.sources, run.sources, strict=True))
    num_equal = sum(
        ours == theirs and a.summary == b.summary
        for ours, theirs, a, b in zip(export.new_ids, run.new_ids, export.predictions, run.predictions, strict=True)
    )
    apart = [abs(a - b) for a, b in zip(export.beam_scores, run.beam_scores, strict=True)]
    largest = math.inf if any(map(math.isnan, apart)) else max(apart, default=0.0)
    compared = compare_scores(system, examples, export.predictions, run.predictions)
    reasons = []
    if num_read < len(examples):
        reasons.append(f"of {len(examples) - num_read} of {len(examples)} test dialogues it reads other tokens")
    if precision == "fp32":
        if num_equal < len(examples):
            reasons.append(f"{num_equal} of {len(examples)} greedy summaries have the run's tokens, not all")
        if largest > MAX_SCORE_DIFFERENCE:
            reasons.append(f"a beam search's score is {largest:.2g} from the run's, more than {MAX_SCORE_DIFFERENCE:g}")
    else:
        reasons += [
            f"{metric} falls by {-100 * mean:.2f} points [{100 * low:+.2f}, {100 * high:+.2f}], more than "
            f"{100 * MAX_LOSS:g}"
            for metric, (mean, low, high) in compared.differences.items()
            if not (mean >= -MAX_LOSS or high >= 0)
        ]
    return Verdict(
        passed=not reasons,
        reasons=tuple(reasons),
        precision=precision,
        num_dialogues=len(examples),
        num_equal=num_equal,
        num_beamed=len(apart),
        largest_score_difference=largest if math.isfinite(largest) else None,
        scores=compared.scores,
        scores_run=compared.scores_reference,
        differences=compared.differences,
        seconds=export.seconds,
        seconds_run=run.seconds,
        num_bytes=num_bytes,
        num_bytes_run=num_bytes_run,
    )


__all__ = ["Outputs", "Verdict", "choose_decoding", "judge", "write_outputs"]

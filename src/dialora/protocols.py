"""PROTOCOLS: how summaries are scored, and which publications' numbers each way may stand beside.

One set of summaries moves by twelve ROUGE-1 points with the choices made here, so numbers may only be compared within
one protocol. `hub` is what `evaluate.load("rouge").compute()` does when it is told nothing (huggingface/evaluate,
metrics/rouge/rouge.py): no stemmer, `score_multi`'s maximum over a dialogue's references, texts as they are. `lab` is
the notebook's: the rows of the hub's table one by one, with the stemmer.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to score. Whatever it is, the unit of intervals and tests is the dialogue."""

    name: str
    stem: bool
    """Words are compared by their stems (Porter)."""
    split_sentences: bool
    """rougeLsum reads one sentence per line; otherwise texts are taken as they are."""
    references: str | None
    """How a dialogue's references are reduced to one score; None: as the experiment says."""
    counts_rows: bool
    """The mean is over rows, one per reference: a dialogue counts as often as it has references."""
    stands_beside: str
    tokenizer: str = "rouge_score"
    """What a word is: `rouge_score`'s own rule, which knows a–z and 0–9 alone, or another one's name."""

    @property
    def scorer(self) -> str:
        """What the scores on disk depend on; protocols that share it share the scores."""
        words = "" if self.tokenizer == "rouge_score" else f"|tokenizer:{self._sign_tokenizer()}"
        if self.stem and self.split_sentences:
            return f"rouge.v1{words}"
        return f"rouge.v1|stem:{_yes(self.stem)}|sentences:{_sentences(self.split_sentences)}{words}"

    def sign(self, *, references: str, num_examples: int, num_references: int | None = None) -> str:
        """Return how scores were computed, in the manner of sacrebleu's signatures."""
        parts = [
            f"rouge_score:{version('rouge_score')}",
            *(() if self.tokenizer == "rouge_score" else (f"tokenizer:{self._sign_tokenizer()}",)),
            f"stem:{_yes(self.stem)}",
            f"sentences:{_sentences(self.split_sentences)}",
            f"references:{'each' if self.counts_rows else references}",
            f"examples:{num_examples}",
        ]
        if self.counts_rows and num_references is not None:
            parts.append(f"rows:{num_references}")
        return "|".join(parts)

    def _sign_tokenizer(self) -> str:
        return "unicode.v1" if self.tokenizer == "unicode" else f"{self.tokenizer}.sacrebleu-{version('sacrebleu')}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _sentences(split: bool) -> str:
    return "lines.v1" if split else "as-is"


STANDARD = Protocol(
    name="standard",
    stem=True,
    split_sentences=True,
    references=None,
    counts_rows=False,
    stands_beside=(
        "numbers made with rouge_score, its stemmer and the same choice over a dialogue's references, their ROUGE-Lsum "
        "with a sentence per line; not beside the maximum over references, which is several points higher, nor beside "
        "numbers without stemming"
    ),
)
HUB = Protocol(
    name="hub",
    stem=False,
    split_sentences=False,
    references="max",
    counts_rows=False,
    stands_beside=(
        "what evaluate's rouge gives by default for all references of a dialogue in one list (no stemmer, maximum over "
        "references); evaluate shows the median of 1,000 resampled means, which is off this plain mean by some units "
        "of the fourth digit and differs from call to call"
    ),
)
LAB = Protocol(
    name="lab",
    stem=True,
    split_sentences=False,
    references="mean",
    counts_rows=True,
    stands_beside=(
        "tables made as in the notebook: evaluate's rouge with use_stemmer=True over rows of one dialogue and one "
        "reference each (1,500 for DialogSum's test split); the mean is over rows, intervals and tests are over "
        "dialogues, because rows that share a dialogue are no independent evidence"
    ),
)

PROTOCOLS = {protocol.name: protocol for protocol in (STANDARD, HUB, LAB)}

__all__ = ["HUB", "LAB", "PROTOCOLS", "STANDARD", "Protocol"]

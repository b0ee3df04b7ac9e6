"""BERTScore: F1 over the greedy matching of contextual token vectors (Zhang et al. 2020, arXiv 1904.09675).

Every token of the summary takes the reference's token of the largest cosine, and the other way round; the means are
precision and recall. As in the authors' `bert-score` 0.3: the model is cut behind the named layer, texts are stripped,
RoBERTa gets a space in front of the first word, special tokens count for nothing in the means but may be taken as a
match, there are no idf weights and no baseline rescaling, and a text without tokens scores 0. Their numbers come out to
3e-7 (for RoBERTa those of their package with transformers 4; with transformers 5 it loses that space). Different: F1
stands per reference where theirs gives the maximum, a token whose cosines are all negative takes the largest of them
whatever the padding, `</s>` counts for nothing in a T5 encoder either, a limit is found where the tokenizer knows none,
and the layer is the last one where none is named, for a folder's name does not tell theirs.

Shapes: B batch, T tokens (R of a reference, S of a summary), D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dialora.config.metric import LearnedMetric, OnProgress, Pair
from dialora.errors import ConfigError, ModelError
from dialora.scoring.learned.reader import Reader, load_config

CHUNK = 512
"""Pairs whose vectors are in memory at a time."""
KEPT_BYTES = 2**30
"""References are scored again for the next system; this much of their vectors is kept for it."""
BYTE_LEVEL = ("roberta", "roberta-prelayernorm", "gpt2")
"""Model types whose first word is another token without a space in front."""


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text as its model sees it."""

    vectors: torch.Tensor
    """(T, D), each of length 1."""
    counts: torch.Tensor
    """(T,): False for special tokens."""
    is_cut: bool


class BertScorer:
    """Scores pairs of reference and summary. Raises ModelError, ConfigError."""

    def __init__(self, metric: LearnedMetric, layer: int | None, *, key: str) -> None:
        from transformers import AutoModel

        self.config = load_layers(metric, layer, key=key)
        self.num_layers: int = self.config.num_hidden_layers
        # A pooler is behind the last layer, and not asked.
        self.reader = Reader(metric, self.config, key=key, build=AutoModel.from_pretrained, needless=["pooler"])
        if self.config.is_encoder_decoder:
            self.reader.model = self.reader.model.get_encoder()
        self.key, self.model = key, metric.model
        self.max_length = self.reader.max_length
        self._kept: dict[str, TokenVectors] = {}
        self._kept_bytes = 0

    def score(self, pairs: Sequence[Pair], on_progress: OnProgress) -> tuple[list[float], int]:
        """Return F1 of each pair, in [-1, 1] and mostly in [0, 1], and how many pairs hold a text that was cut."""
        values: list[float] = []
        num_cut = 0
        for start in range(0, len(pairs), CHUNK):
            chunk = [(reference.strip(), summary.strip()) for reference, summary in pairs[start : start + CHUNK]]
            found = self._embed(text for pair in chunk for text in pair)
            values += [match(found[reference], found[summary]) for reference, summary in chunk]
            num_cut += sum(found[reference].is_cut or found[summary].is_cut for reference, summary in chunk)
            self._keep({reference: found[reference] for reference, _ in chunk})
            on_progress(len(values), len(pairs))
        return values, num_cut

    def _embed(self, texts: Iterable[str]) -> dict[str, TokenVectors]:
        """Return the vectors of each distinct text."""
        distinct = dict.fromkeys(texts)
        found = {text: self._kept[text] for text in distinct if text in self._kept}
        missing = [text for text in distinct if text not in found]
        if not missing:
            return found
        prefix = " " if self.config.model_type in BYTE_LEVEL else ""
        rows, is_cut = self.reader.encode([text and prefix + text for text in missing])
        tokenizer = self.reader.tokenizer
        special = [tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id]
        for batch, output in self.reader.read(rows, output_hidden_states=True):
            self._require_layer(output)
            states = torch.nn.functional.normalize(output.last_hidden_state, dim=-1).cpu()  # (B, T, D)
            for at, vectors in zip(batch, states, strict=True):
                ids = rows[at]["input_ids"]
                counts = torch.tensor([token not in special for token in ids], dtype=torch.bool)
                found[missing[at]] = TokenVectors(vectors[: len(ids)].clone(), counts, is_cut[at])
        return found

    def _require_layer(self, output: Any) -> None:
        if len(output.hidden_states) != self.num_layers + 1:
            kind = self.config.model_type
            raise ModelError(
                f"{self.key}.model: {self.model}: the layers of a {kind!r} model cannot be told; leave layer out."
            )

    def _keep(self, references: dict[str, TokenVectors]) -> None:
        for text, tokens in references.items():
            size = tokens.vectors.nbytes
            if text not in self._kept and self._kept_bytes + size <= KEPT_BYTES:
                self._kept[text] = tokens
                self._kept_bytes += size


def match(reference: TokenVectors, summary: TokenVectors) -> float:
    """Return F1 of the greedy matching of two texts; 0 where one has no token but special ones."""
    if not reference.counts.any() or not summary.counts.any():
        return 0.0
    cosines = summary.vectors @ reference.vectors.T  # (S, R)
    precision = float(cosines.amax(dim=1)[summary.counts].mean())
    recall = float(cosines.amax(dim=0)[reference.counts].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def load_layers(metric: LearnedMetric, layer: int | None, *, key: str) -> Any:
    """Return the checkpoint's configuration with as many layers as the metric asks for. Raises ConfigError."""
    config = load_config(metric, key=key)
    if layer is not None:
        if layer > config.num_hidden_layers:
            raise ConfigError(
                f"{key}.layer: {metric.model} has {config.num_hidden_layers} layers, got {layer}; leave it out "
                "for the last one."
            )
        config.num_hidden_layers = layer
    return config


__all__ = ["BertScorer", "TokenVectors", "load_layers", "match"]

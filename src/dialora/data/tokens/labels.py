"""References as the labels that a model is trained on, each with its source: one TrainingPair for each reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from dialora.data.tokens.pairs import TrainingPair
from dialora.data.tokens.plain import encode_texts
from dialora.data.tokens.prompt import Prompt, cut_texts, tokenize_sources
from dialora.records import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED_LABEL = -100
"""Positions of padding, which cross entropy leaves out."""


def count_target_tokens(
    references: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, prompt: str | Prompt = ""
) -> list[int]:
    """Count the tokens of each reference with its end token, nothing cut."""
    return [len(ids) for ids, _ in _tokenize_targets(references, tokenizer, Prompt.of(prompt))]


def _tokenize_targets(
    references: Sequence[str], tokenizer: PreTrainedTokenizerBase, prompt: Prompt
) -> Iterator[tuple[list[int], int]]:
    """Give the tokens of each reference, and how many of them close it."""
    for part in cut_texts(references):
        for encoding in encode_texts(part, tokenizer, closes=not prompt.has_own_ends):
            if prompt.end_id is not None:
                yield [*encoding.ids, prompt.end_id], 1
            else:
                yield encoding.ids, sum(1 for _ in takewhile(bool, reversed(encoding.special_tokens_mask)))


def tokenize_pairs(
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    *,
    prompt: str | Prompt,
    max_source_length: int,
    max_target_length: int,
) -> list[TrainingPair]:
    """Tokenize examples for training: one pair for each reference, every target closed by the end token."""
    sources = tokenize_sources([e.dialogue for e in examples], tokenizer, prompt=prompt, max_length=max_source_length)
    references = [reference for example in examples for reference in example.references]
    targets = _tokenize_targets(references, tokenizer, Prompt.of(prompt))
    pairs = []
    for example, source in zip(examples, sources, strict=True):
        for _ in example.references:
            target, closing = next(targets)
            cut = len(target) > max_target_length
            end = len(target) - closing
            labels = [*target[: max(0, max_target_length - closing)], *target[end:]] if cut else target
            pairs.append(TrainingPair(example.id, source.input_ids, labels, source.truncated, cut))
    return pairs


def describe_pairs(pairs: Sequence[TrainingPair]) -> dict[str, Any]:
    """Count what truncation took from a training split."""
    return {
        "num_pairs": len(pairs),
        "num_truncated_sources": sum(pair.source_truncated for pair in pairs),
        "num_truncated_targets": sum(pair.target_truncated for pair in pairs),
    }


__all__ = ["IGNORED_LABEL", "count_target_tokens", "describe_pairs", "tokenize_pairs"]

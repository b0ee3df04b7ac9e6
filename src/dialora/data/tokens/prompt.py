"""The one prompt around a dialogue, as token ids: training and use build their inputs with the same function here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialora.data.tokens.plain import encode_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZED_AT_ONCE = 1000
"""Texts; a tokenizer keeps the place of every token of all of them as long as it is at work."""


@dataclass(frozen=True, slots=True)
class TokenizedSource:
    """One prompt around one dialogue as token ids."""

    input_ids: list[int]
    truncated: bool


def build_prompt(dialogue: str, prompt: str) -> str:
    """Put the dialogue where the prompt says `{dialogue}`; braces in the dialogue mean nothing."""
    return prompt.replace("{dialogue}", dialogue)


def tokenize_sources(
    dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, prompt: str, max_length: int
) -> list[TokenizedSource]:
    """Tokenize each dialogue in its prompt, at most `max_length` tokens long.

    A source that is too long loses the end of its dialogue, never the part of the prompt behind it: the model is
    still told what to do.
    """
    prefix, suffix = prompt.split("{dialogue}")
    sources = []
    for part in cut_texts(dialogues):
        encodings = encode_texts([build_prompt(d, prompt) for d in part], tokenizer, prompt=prompt)
        for dialogue, encoding in zip(part, encodings, strict=True):
            ids = encoding.ids
            if len(ids) <= max_length:
                sources.append(TokenizedSource(ids, truncated=False))
                continue
            end = len(prefix) + len(dialogue)
            tail = [i for i, (start, _) in zip(ids[:-1], encoding.offsets[:-1], strict=True) if suffix and start >= end]
            tail = [*tail, ids[-1]][-max_length:]
            sources.append(TokenizedSource(ids[: max_length - len(tail)] + tail, truncated=True))
    return sources


def count_source_tokens(dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, prompt: str) -> list[int]:
    """Count the tokens of each dialogue in its prompt, nothing cut."""
    return [
        len(source.input_ids)
        for part in cut_texts(dialogues)
        for source in tokenize_sources(part, tokenizer, prompt=prompt, max_length=sys.maxsize)
    ]


def cut_texts(texts: Sequence[str]) -> Iterator[list[str]]:
    """Give the texts in parts that are tokenized at once."""
    for start in range(0, len(texts), TOKENIZED_AT_ONCE):
        yield list(texts[start : start + TOKENIZED_AT_ONCE])


__all__ = [
    "TOKENIZED_AT_ONCE",
    "TokenizedSource",
    "build_prompt",
    "count_source_tokens",
    "cut_texts",
    "tokenize_sources",
]

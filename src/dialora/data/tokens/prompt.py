"""The one prompt around a dialogue, as token ids: training and use build their inputs with the same function here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from dialora.data.tokens.plain import encode_texts, find_special

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZED_AT_ONCE = 1000
"""Texts; a tokenizer keeps the place of every token of all of them as long as it is at work."""


DIALOGUE = "{dialogue}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What stands around a dialogue, and how it and a summary begin and end as tokens."""

    text: str
    """Holds `{dialogue}` once; special tokens in it are meant."""
    begin_ids: tuple[int, ...] = ()
    """Before the source."""
    end_id: int | None = None
    """Ends a summary; None where sources and summaries begin and end with the tokenizer's own special tokens."""

    @property
    def has_own_ends(self) -> bool:
        """Whether it is said here, and not by the tokenizer, how sources and summaries begin and end."""
        return self.end_id is not None

    @classmethod
    def of(cls, prompt: str | Prompt) -> Prompt:
        """Return a prompt, or a text as one of an encoder-decoder."""
        return prompt if isinstance(prompt, Prompt) else cls(prompt)


@dataclass(frozen=True, slots=True)
class TokenizedSource:
    """One prompt around one dialogue as token ids."""

    input_ids: list[int]
    truncated: bool


def build_prompt(dialogue: str, prompt: str) -> str:
    """Put the dialogue where the prompt says `{dialogue}`; braces in the dialogue mean nothing."""
    return prompt.replace(DIALOGUE, dialogue)


def tokenize_sources(
    dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, prompt: str | Prompt, max_length: int
) -> list[TokenizedSource]:
    """Tokenize each dialogue in its prompt, at most `max_length` tokens long.

    A source that is too long loses the end of its dialogue, never the part of the prompt behind it: the model is
    still told what to do.
    """
    around = Prompt.of(prompt)
    sources = []
    for part in cut_texts(dialogues):
        for dialogue, encoded in zip(part, _encode(part, tokenizer, around), strict=True):
            if len(encoded.ids) > max_length:
                sources.append(TokenizedSource(_cut(dialogue, tokenizer, around, max_length), truncated=True))
            else:
                sources.append(TokenizedSource(encoded.ids, truncated=False))
    return sources


def _cut(dialogue: str, tokenizer: PreTrainedTokenizerBase, prompt: Prompt, max_length: int) -> list[int]:
    """Return as much of a dialogue in its prompt as `max_length` tokens are."""
    prefix, suffix = prompt.text.split(DIALOGUE)
    # Places of tokens take time, and only what is too long needs them.
    (encoded,) = _encode([dialogue], tokenizer, prompt, finds_places=True)
    ids, end, inner = encoded.ids, len(prefix) + len(dialogue), len(encoded.ids) - encoded.num_closing
    tail = [i for i, start in zip(ids[:inner], encoded.starts, strict=True) if suffix and start >= end]
    if prompt.has_own_ends and not _says(suffix, tail, tokenizer):
        # A piece across the end of the dialogue, as `.\n\n` of Llama 3 and Qwen, went with the dialogue.
        (apart,) = encode_texts([suffix], tokenizer, prompt=prompt.text, closes=False)
        tail = apart.ids if _says(suffix, apart.ids, tokenizer) else tail
    tail = [*tail, *ids[inner:]][-max_length:]
    return ids[: max_length - len(tail)] + tail


def _says(text: str, ids: list[int], tokenizer: PreTrainedTokenizerBase) -> bool:
    return bool(tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text)


@dataclass(frozen=True, slots=True)
class _Encoded:
    ids: list[int]
    starts: list[int] = field(default_factory=list)
    """Where in the text each token begins, but for those that close it; none where nobody asked."""
    num_closing: int = 0
    """Tokens that the tokenizer has put behind the text, if anybody asked."""


def _encode(
    dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase, prompt: Prompt, *, finds_places: bool = False
) -> Iterator[_Encoded]:
    """Give each dialogue in its prompt as token ids, nothing cut."""
    texts = [build_prompt(dialogue, prompt.text) for dialogue in dialogues]
    encodings = encode_texts(
        texts, tokenizer, prompt=prompt.text, closes=not prompt.has_own_ends, finds_places=finds_places
    )
    meant = find_special(prompt.text, tokenizer) if prompt.has_own_ends else []
    for dialogue, encoding in zip(dialogues, encodings, strict=True):
        if any(token in dialogue for token in meant):
            yield _encode_apart(dialogue, tokenizer, prompt, meant)
            continue
        if not finds_places:
            yield _Encoded([*prompt.begin_ids, *encoding.ids])
            continue
        closing = list(takewhile(bool, reversed(encoding.special_tokens_mask)))
        starts = [start for start, _ in encoding.offsets[: len(encoding.ids) - len(closing)]]
        yield _Encoded([*prompt.begin_ids, *encoding.ids], [0] * len(prompt.begin_ids) + starts, len(closing))


def _encode_apart(dialogue: str, tokenizer: PreTrainedTokenizerBase, prompt: Prompt, meant: Sequence[str]) -> _Encoded:
    """Tokenize a dialogue that writes the prompt's own special tokens, which there are text: `<|im_end|>` ends nothing.

    The prompt is cut where a special token stands, which no other token reaches across.
    """
    prefix, suffix = prompt.text.split(DIALOGUE)
    first = max((prefix.rfind(token) + len(token) for token in meant if token in prefix), default=0)
    last = min((suffix.find(token) for token in meant if token in suffix), default=len(suffix))
    # Some take the space beside them, as Phi-3's do, so it stays with them.
    strips = {str(token): token for token in tokenizer.added_tokens_decoder.values()}
    if any(prefix[:first].endswith(token) and token in strips and strips[token].rstrip for token in meant):
        first += len(prefix[first:]) - len(prefix[first:].lstrip())
    if any(suffix[last:].startswith(token) and token in strips and strips[token].lstrip for token in meant):
        last = len(suffix[:last].rstrip())
    inner = f"{prefix[first:]}{dialogue}{suffix[:last]}"
    ids, starts, at = list(prompt.begin_ids), [0] * len(prompt.begin_ids), 0
    for text, own in ((prefix[:first], prompt.text), (inner, ""), (suffix[last:], prompt.text)):
        (encoding,) = encode_texts([text], tokenizer, prompt=own, closes=False, finds_places=True)
        ids += encoding.ids
        starts += [at + start for start, _ in encoding.offsets]
        at += len(text)
    return _Encoded(ids, starts)


def count_source_tokens(
    dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, prompt: str | Prompt
) -> list[int]:
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
    "Prompt",
    "TokenizedSource",
    "build_prompt",
    "count_source_tokens",
    "cut_texts",
    "tokenize_sources",
]

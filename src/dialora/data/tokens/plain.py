"""A tokenizer that reads texts as text: `</s>` in a dialogue is four characters and not the end.

T5's vocabulary holds its special tokens twice, as tokens cut out of a text before anything else and as pieces like any
other, so leaving out the first (`split_special_tokens`) is not enough. Here neither is found in a text. All other text
becomes the same tokens as before, and the end token is put behind it as ever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNTYPED = "\uffff "
"""A noncharacter, which no text holds, and a space, which no piece of T5's vocabulary does."""


def encode_texts(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    prompt: str = "",
    closes: bool = True,
    finds_places: bool = False,
) -> Sequence[Any]:
    """Tokenize texts: each one's `ids`, and the `offsets` of their places in it where those are asked for.

    Special tokens that the `prompt` holds are meant, and stay what they are. `closes` is whether the tokenizer puts its
    own special tokens around a text.
    """
    meant = frozenset(find_special(prompt, tokenizer))
    plain = _build_plain(tokenizer, meant)
    encode = plain.encode_batch if finds_places else plain.encode_batch_fast
    return encode(list(texts), add_special_tokens=closes)


def find_special(text: str, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Return the special tokens that a text holds."""
    return [token for token in _list_special(tokenizer) if token in text]


@lru_cache(maxsize=4)
def _list_special(tokenizer: Any) -> tuple[str, ...]:
    """Return all that a tokenizer cuts out of a text as special; transformers names some of a chat model's alone."""
    added = (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
    return tuple(dict.fromkeys([*tokenizer.all_special_tokens, *added]))


@dataclass(frozen=True, slots=True)
class _Bytes:
    """ByT5's tokenizer, which is Python's own: each byte of a text is a piece, and none of a text is special."""

    first: int
    """The id of byte 0."""
    end: int

    def encode_batch(self, texts: Sequence[str], *, add_special_tokens: bool = True) -> list[SimpleNamespace]:
        closing = [self.end] if add_special_tokens else []
        return [
            SimpleNamespace(
                ids=[self.first + byte for byte in text.encode(errors="replace")] + closing,
                offsets=[(at, at + 1) for at, c in enumerate(text) for _ in c.encode(errors="replace")]
                + [(0, 0) for _ in closing],
                special_tokens_mask=[0 for c in text for _ in c.encode(errors="replace")] + [1 for _ in closing],
            )
            for text in texts
        ]

    encode_batch_fast = encode_batch


@lru_cache(maxsize=4)
def _build_plain(tokenizer: Any, meant: frozenset[str]) -> Any:
    if not hasattr(tokenizer, "backend_tokenizer"):
        return _Bytes(tokenizer.convert_tokens_to_ids(chr(0)), tokenizer.eos_token_id)
    backend = tokenizer.backend_tokenizer
    plan = json.loads(backend.to_str())
    hidden = set(_list_special(tokenizer)) - meant
    added = plan["added_tokens"]
    own = set(backend.get_vocab(with_added_tokens=False))
    # Tokens behind the vocabulary are numbered as they follow: one that is hidden keeps its place under another name.
    plan["added_tokens"] = [
        token | {"content": f"{UNTYPED}{token['content']}"} if token["content"] in hidden else token
        for token in added
        if token["content"] not in hidden & own
    ]
    if plan["model"]["type"] == "Unigram":
        plan["model"]["vocab"] = [
            [f"{UNTYPED}{piece}" if piece in hidden else piece, score] for piece, score in plan["model"]["vocab"]
        ]
    plain = type(backend).from_str(json.dumps(plan))
    plain.no_padding()
    plain.no_truncation()
    for token in added:
        if token["content"] not in hidden and plain.token_to_id(token["content"]) != token["id"]:
            raise ValueError(f"its tokenizer numbers {token['content']!r} in no order; save it again with transformers")
    return plain


__all__ = ["encode_texts", "find_special"]

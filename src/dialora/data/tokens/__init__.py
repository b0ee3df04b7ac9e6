"""From Examples to batches of token ids: the one prompt, the labels, the order of batches, all kept on disk once.

Training and inference build their inputs with the same functions. Batches are planned once for the whole run, from
lengths and a seed alone, so every method sees the same examples in the same order. Loads no torch before a batch is
made into tensors.
"""

from dialora.data.tokens.batches import count_padded, fill_batches, padding_share, plan_batches, round_up
from dialora.data.tokens.cache import load_tokens, save_tokens
from dialora.data.tokens.collate import CausalCollator, Collator, collate_pairs, collate_sources
from dialora.data.tokens.labels import (
    IGNORED_LABEL,
    count_target_tokens,
    describe_pairs,
    tokenize_pairs,
)
from dialora.data.tokens.pairs import PackedPairs, TrainingPair, pack_pairs
from dialora.data.tokens.prompt import (
    TOKENIZED_AT_ONCE,
    Prompt,
    TokenizedSource,
    build_prompt,
    count_source_tokens,
    tokenize_sources,
)

__all__ = [
    "IGNORED_LABEL",
    "TOKENIZED_AT_ONCE",
    "CausalCollator",
    "Collator",
    "PackedPairs",
    "Prompt",
    "TokenizedSource",
    "TrainingPair",
    "build_prompt",
    "collate_pairs",
    "collate_sources",
    "count_padded",
    "count_source_tokens",
    "count_target_tokens",
    "describe_pairs",
    "fill_batches",
    "load_tokens",
    "pack_pairs",
    "padding_share",
    "plan_batches",
    "round_up",
    "save_tokens",
    "tokenize_pairs",
    "tokenize_sources",
]

"""Whether a folder's or hub id's tokenizer is there, is its own, and is one for the model.

Without its files transformers makes up a tokenizer of 104 pieces; with those of another model it gives ids that the
embedding has no rows for.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dialora.models.files import find_file, read_object, require_content

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PIECES, SENTENCEPIECE, SETTINGS = "tokenizer.json", "spiece.model", "tokenizer_config.json"


def require_tokenizer_files(source: str, revision: str | None) -> None:
    """Raise ValueError where a tokenizer's files are missing or damaged, or name code to run."""
    settings = find_file(source, SETTINGS, revision)
    if settings is not None and read_object(settings).get("auto_map"):
        raise ValueError(f"{SETTINGS}: auto_map names code that would have to run; give a model without it")
    pieces = find_file(source, PIECES, revision)
    if pieces is not None:
        read_object(pieces)
        return
    model = find_file(source, SENTENCEPIECE, revision)
    if model is None:
        raise ValueError(f"it has no tokenizer: neither {PIECES} nor {SENTENCEPIECE}; download the whole model")
    require_content(model)
    if find_spec("sentencepiece") is None:
        raise ValueError(
            f"it has {SENTENCEPIECE} but no {PIECES}, and reading that takes the package sentencepiece, which is not "
            f"installed; add {PIECES}, or pip install sentencepiece"
        )


def require_fit(tokenizer: PreTrainedTokenizerBase, base: Any) -> None:
    """Raise ValueError where a tokenizer gives ids that the model of a configuration has no rows for, or other ends."""
    require_rows(tokenizer, base)
    for name in ("pad_token_id", "eos_token_id"):
        ours, theirs = getattr(tokenizer, name), getattr(base, name)
        if ours != theirs:
            raise ValueError(f"its tokenizer's {name} is {ours}, and its config.json's is {theirs}: they must be one")


def require_rows(tokenizer: PreTrainedTokenizerBase, base: Any) -> None:
    """Raise ValueError where a tokenizer gives ids that the model of a configuration has no rows for."""
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest < 0:
        raise ValueError("its tokenizer has no pieces; download it again")
    if largest >= base.vocab_size:
        raise ValueError(
            f"its tokenizer has {largest + 1:,} pieces, and its embedding {base.vocab_size:,} rows (vocab_size): it is "
            f"another model's"
        )


__all__ = ["require_fit", "require_rows", "require_tokenizer_files"]

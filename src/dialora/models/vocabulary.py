"""Whether a folder's or hub id's tokenizer is there, is its own, and is one for the model.

Without its files transformers makes up a tokenizer of 104 pieces; with those of another model it gives ids that the
embedding has no rows for.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dialora.models.files import find_file, read_object, require_content, show

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PIECES, SENTENCEPIECE, SETTINGS = "tokenizer.json", "spiece.model", "tokenizer_config.json"
SAMPLE_LENGTH = 16


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


def require_fit(tokenizer: PreTrainedTokenizerBase, base: Any, *, has_settings: bool = True) -> None:
    """Raise ValueError where a tokenizer gives ids that the model of a configuration has no rows for, or other ends.

    `has_settings` is whether its tokenizer_config.json is there.
    """
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest < 0:
        raise ValueError("its tokenizer has no pieces; download it again")
    if largest >= base.vocab_size:
        reason = "it is another model's"
        if not has_settings:
            reason = f"it has no {SETTINGS}, without which pieces are made up; download the whole model"
        raise ValueError(
            f"its tokenizer has {largest + 1:,} pieces, and its embedding {base.vocab_size:,} rows (vocab_size): "
            f"{reason}"
        )
    for name in ("pad_token_id", "eos_token_id"):
        ours, theirs = getattr(tokenizer, name), getattr(base, name)
        if ours != theirs:
            raise ValueError(f"its tokenizer's {name} is {ours}, and its config.json's is {theirs}: they must be one")
    try:
        # With a length of its own: what the file says of it may be anything.
        ids = tokenizer("a", truncation=True, max_length=SAMPLE_LENGTH)["input_ids"]
    except Exception as error:  # what tokenizers raises has no type of its own
        raise ValueError(f"its tokenizer can read no text ({show(error)}); download it again") from error
    if ids[-1:] != [tokenizer.eos_token_id] or ids.count(tokenizer.eos_token_id) != 1:
        raise ValueError(
            f"its tokenizer does not end a text with one {show(tokenizer.eos_token)}, as T5 was trained to read "
            f"(post_processor in {PIECES}); give the tokenizer that the model was trained with"
        )


__all__ = ["SETTINGS", "require_fit", "require_tokenizer_files"]

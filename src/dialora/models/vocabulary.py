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

PIECES, SETTINGS = "tokenizer.json", "tokenizer_config.json"
SENTENCEPIECE = ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "spm.model")
"""What T5, Llama and Gemma, mBART, and others call it."""
READERS = {"sentencepiece": "sentencepiece", "protobuf": "google.protobuf"}
"""What reads such a file: packages and their modules."""
BPE = ("vocab.json", "merges.txt")
BYTES = "ByT5Tokenizer"
"""A tokenizer that needs no file: bytes are its pieces."""
SAMPLE_LENGTH = 16


def require_tokenizer_files(source: str, revision: str | None) -> None:
    """Raise ValueError where a tokenizer's files are missing or damaged, or name code to run."""
    settings = find_file(source, SETTINGS, revision)
    values = {} if settings is None else read_object(settings)
    if values.get("auto_map"):
        raise ValueError(f"{SETTINGS}: auto_map names code that would have to run; give a model without it")
    pieces = find_file(source, PIECES, revision)
    if pieces is not None:
        read_object(pieces)
        return
    if values.get("tokenizer_class") == BYTES:
        return
    parts = [find_file(source, name, revision) for name in BPE]
    if all(part is not None for part in parts):
        for part in parts:
            require_content(part)  # type: ignore[arg-type]
        return
    models = (find_file(source, name, revision) for name in SENTENCEPIECE)
    model = next((found for found in models if found is not None), None)
    if model is None:
        raise ValueError(f"it has no tokenizer: neither {PIECES} nor {SENTENCEPIECE[0]}; download the whole model")
    require_content(model)
    if lacking := [package for package, module in READERS.items() if not _is_installed(module)]:
        raise ValueError(
            f"it has {model.name} but no {PIECES}, and reading that takes {' and '.join(lacking)}, which "
            f"{'is' if len(lacking) == 1 else 'are'} not installed; pip install {' '.join(lacking)}, or add {PIECES}"
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is not there
        return False


def require_fast(tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise ValueError for a tokenizer of Python's own that is not ByT5's: it cannot tell special tokens from text."""
    if not hasattr(tokenizer, "backend_tokenizer") and type(tokenizer).__name__ != BYTES:
        raise ValueError(f"its tokenizer ({type(tokenizer).__name__}) has no fast form; add its {PIECES}")


def require_rows(tokenizer: PreTrainedTokenizerBase, base: Any, *, has_settings: bool = True) -> None:
    """Raise ValueError where a tokenizer gives ids that the model of a configuration has no rows for.

    Special tokens that no text becomes may have none, as BART's `<mask>` and Gemma 3's image; `list_rowless` names
    them. `has_settings` is whether its tokenizer_config.json is there.
    """
    vocabulary = tokenizer.get_vocab()
    if not vocabulary:
        raise ValueError("its tokenizer has no pieces; download it again")
    rowless = set(list_rowless(tokenizer, base.vocab_size)) if has_settings else set()
    largest = max((number for piece, number in vocabulary.items() if piece not in rowless), default=-1)
    if largest >= base.vocab_size:
        reason = "it is another model's"
        if not has_settings:
            reason = f"it has no {SETTINGS}, without which pieces are made up; download the whole model"
        raise ValueError(
            f"its tokenizer has {largest + 1:,} pieces, and its embedding {base.vocab_size:,} rows (vocab_size): "
            f"{reason}"
        )


def list_rowless(tokenizer: PreTrainedTokenizerBase, num_rows: int) -> list[str]:
    """Return the special tokens that a model of so many rows has none for, though nothing that it reads holds them."""
    begun = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token}
    added = {number: token for number, token in tokenizer.added_tokens_decoder.items() if number >= num_rows}
    return [str(token) for token in added.values() if token.special and str(token) not in begun]


def require_same_ids(tokenizer: PreTrainedTokenizerBase, base: Any) -> None:
    """Raise ValueError where padding or end are other tokens for a tokenizer than for the model."""
    for name in ("pad_token_id", "eos_token_id"):
        ours, theirs = getattr(tokenizer, name), getattr(base, name)
        if ours != theirs:
            raise ValueError(f"its tokenizer's {name} is {ours}, and its config.json's is {theirs}: they must be one")


def require_end(tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise ValueError where a tokenizer does not end a text with one end token, as every T5 has read it."""
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


__all__ = [
    "BPE",
    "PIECES",
    "SENTENCEPIECE",
    "SETTINGS",
    "list_rowless",
    "require_end",
    "require_fast",
    "require_rows",
    "require_same_ids",
    "require_tokenizer_files",
]

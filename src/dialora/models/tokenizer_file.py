"""Load a tokenizer so that it reads a text as its tokenizer.json does.

transformers 5 builds many classes of tokenizers anew from the pieces alone, with the rules that the first model of the
class had: SmolLM2's, which says that it is a GPT-2's, would no more cut numbers into digits. The file is what a model
was trained with.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.models.files import find_file
from dialora.models.vocabulary import BPE, PIECES, SENTENCEPIECE, SETTINGS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BESIDES = ("special_tokens_map.json", "added_tokens.json", "chat_template.jinja")
STEPS = ("normalizer", "pre_tokenizer", "decoder")
RULES = ("byte_fallback", "fuse_unk", "ignore_merges")
"""Of models of byte pairs."""


def load_as_written(
    source: str, revision: str | None, base: Any, *, heeds_file: bool = True
) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a folder or hub id for a model's configuration.

    `heeds_file` is whether tokenizer.json is right where the class has other rules. Raises OSError where it cannot be
    had, and whatever else transformers and tokenizers raise.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    folder = _fetch(source, revision)
    loaded: Any = AutoTokenizer.from_pretrained(folder, config=base, trust_remote_code=False)
    path = folder / PIECES
    if not heeds_file or not path.exists() or not hasattr(loaded, "backend_tokenizer"):
        return loaded
    backend = loaded.backend_tokenizer
    if _reads_alike(backend, type(backend).from_file(str(path))):
        return loaded
    # What only the class knows: which of the pieces begin, end and pad.
    special = {name: token for name, token in loaded.special_tokens_map.items() if isinstance(token, str)}
    return PreTrainedTokenizerFast.from_pretrained(folder, trust_remote_code=False, **special)


def _fetch(source: str, revision: str | None) -> Path:
    """Return the folder of a hub id's tokenizer, all of it there, so that transformers need not ask the hub itself."""
    if Path(source).is_dir():
        return Path(source)
    found = [find_file(source, name, revision) for name in (PIECES, SETTINGS, *BPE, *SENTENCEPIECE, *BESIDES)]
    return next(path.parent for path in found if path is not None)


def _reads_alike(ours: Any, file: Any) -> bool:
    """Whether two tokenizers take the same steps with the same pieces; what they put around a text is not looked at."""
    return (
        all(_write(getattr(ours, step)) == _write(getattr(file, step)) for step in STEPS)
        and all(getattr(ours.model, rule, None) == getattr(file.model, rule, None) for rule in RULES)
        and ours.get_vocab(with_added_tokens=False) == file.get_vocab(with_added_tokens=False)
    )


def _write(step: Any) -> bytes | None:
    return None if step is None else bytes(step.__getstate__())


__all__ = ["load_as_written"]

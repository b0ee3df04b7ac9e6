"""A saved tokenizer as transformers 4 and 5 and the tokenizers library all read it.

transformers 5 calls its class of tokenizers by a new name and has a new key for special tokens besides the usual ones;
4 knows neither and loads nothing. 5 reads 4's names as its own. And a tokenizer that has been used here keeps the
length that it last cut at, which transformers sets anew at every call and tokenizers does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.models.files import read_object
from dialora.models.vocabulary import PIECES, SETTINGS
from dialora.store import save_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CLASSES = {"TokenizersBackend": "PreTrainedTokenizerFast"}
OF_THIS_MACHINE = ("is_local", "local_files_only")
"""How it was loaded here, which transformers 5 saves too."""


def settle_tokenizer(folder: Path) -> None:
    """Rewrite what transformers 5 has saved of a tokenizer."""
    path = folder / SETTINGS
    values: dict[str, Any] = {key: one for key, one in read_object(path).items() if key not in OF_THIS_MACHINE}
    if values.get("tokenizer_class") in CLASSES:
        values["tokenizer_class"] = CLASSES[values["tokenizer_class"]]
    if isinstance(values.get("extra_special_tokens"), list):
        values["additional_special_tokens"] = values.pop("extra_special_tokens")
    save_json(values, path)
    if (folder / PIECES).is_file():
        from tokenizers import Tokenizer

        pieces = Tokenizer.from_file(str(folder / PIECES))
        pieces.no_truncation()
        pieces.no_padding()
        pieces.save(str(folder / PIECES))


def load_plainly(folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer as those do who have transformers alone. Raises ModelError."""
    from transformers import AutoTokenizer

    from dialora.models.loading import loading_explained

    with loading_explained(str(folder)):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


__all__ = ["load_plainly", "settle_tokenizer"]

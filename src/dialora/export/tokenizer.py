"""A saved tokenizer's settings as transformers 4 and 5 both read them.

transformers 5 calls its class of tokenizers by a new name and has a new key for special tokens besides the usual ones;
4 knows neither and loads nothing. It reads 4's names as its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.models.files import read_object
from dialora.models.vocabulary import SETTINGS
from dialora.store import save_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CLASSES = {"TokenizersBackend": "PreTrainedTokenizerFast"}
OF_THIS_MACHINE = ("is_local", "local_files_only")
"""How it was loaded here, which transformers 5 saves too."""


def settle_tokenizer(folder: Path) -> None:
    """Rewrite the settings of a tokenizer that transformers 5 has saved."""
    path = folder / SETTINGS
    values: dict[str, Any] = {key: one for key, one in read_object(path).items() if key not in OF_THIS_MACHINE}
    if values.get("tokenizer_class") in CLASSES:
        values["tokenizer_class"] = CLASSES[values["tokenizer_class"]]
    if isinstance(values.get("extra_special_tokens"), list):
        values["additional_special_tokens"] = values.pop("extra_special_tokens")
    save_json(values, path)


def load_plainly(folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer as those do who have transformers alone. Raises ModelError."""
    from transformers import AutoTokenizer

    from dialora.models.loading import loading_explained

    with loading_explained(str(folder)):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


__all__ = ["load_plainly", "settle_tokenizer"]

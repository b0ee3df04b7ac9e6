"""A system that was converted for CTranslate2 and lies without its weights in torch: a folder with `model.bin`.

CTranslate2 keeps neither the tokenizer nor the prompt; both are the base's, which has to be named. What ends a summary
stands in `dialora.json` where dialora converted it, and is the tokenizer's end otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import stable_hash
from dialora.errors import ConfigError, ModelError
from dialora.store import digest_once, load_json, names
from dialora.systems.foreign import METHOD, Overrides, build_config, name_source
from dialora.systems.system import System

if TYPE_CHECKING:
    from torch import nn

    from dialora.generation import Engine

MODEL = "model.bin"
VOCABULARIES = ("shared_vocabulary.json", "vocabulary.json")


@dataclass(frozen=True)
class ConvertedSystem(System):
    """A folder that CTranslate2 loads."""

    folder: Path

    def load(self) -> nn.Module:
        """Raise ModelError: there are no weights that torch could load."""
        raise ModelError(f"--system {self.folder}: is converted; only CTranslate2 reads it.")

    def open_engine(self, sources: Sequence[Sequence[int]], on_warning: Callable[[str], None]) -> Engine:
        """Return CTranslate2 on the folder. Raises GenerationError, ModelError."""
        from dialora.generation import open_converted

        if self.config.generation.engine == "torch":
            self.load()
        facts, asked = self._read_facts(), self.config.generation
        if "precision" in asked.model_fields_set and facts["precision"] not in (asked.precision, "default"):
            raise ConfigError(
                f"--system {self.folder}: was converted in {facts['precision']}, not {asked.precision}; leave "
                f"generation.precision out, or convert again."
            )
        self._warn(on_warning)
        return open_converted(self.folder, self.config.decoding, facts=facts)

    def require_vocabulary(self) -> None:
        """Raise ModelError where the tokens are not the base's: it was made from another model."""
        file = next(file for name in VOCABULARIES if (file := self.folder / name).is_file())
        try:
            known = load_json(file)
        except ValueError as error:
            raise ModelError(f"{file}: is damaged ({error}); convert again.") from error
        ours = {id: token for token, id in self.tokenizer.get_vocab().items()}
        strange = next((id for id, token in enumerate(known) if id in ours and token != ours[id]), None)
        if strange is not None or len(known) < len(ours):
            what = f"has {len(known):,} tokens, not {len(ours):,}"
            if strange is not None:
                what = f"calls token {strange} {known[strange]!r}, not {ours[strange]!r}"
            raise ModelError(f"--system {self.folder}: {what}: it was not made from {self.config.model}.")

    def _identify_weights(self) -> str:
        files = sorted(file for file in self.folder.iterdir() if file.suffix in (".bin", ".json"))
        return stable_hash({file.name: digest_once(file) for file in files})

    def _read_facts(self) -> dict[str, Any]:
        """Return what the engine has to know beside CTranslate2's own files; see `generation.convert`."""
        try:
            if (self.folder / names.CONVERSION_FACTS).is_file():
                return dict(load_json(self.folder / names.CONVERSION_FACTS))
        except ValueError as error:
            raise ModelError(f"{self.folder / names.CONVERSION_FACTS}: is damaged ({error}); convert again.") from error
        if not (self.folder / VOCABULARIES[0]).is_file():
            raise ModelError(
                f"--system {self.folder}: is a causal model that something else converted, which does not say what "
                f"ends a summary; give the model that it was made from."
            )
        return {"is_causal": False, "end_ids": [self.tokenizer.eos_token_id], "first_ids": [], "precision": "default"}


def is_converted(folder: Path) -> bool:
    """Whether a folder is a system for CTranslate2."""
    return (folder / MODEL).is_file() and any((folder / name).is_file() for name in VOCABULARIES)


def find_converted_system(
    folder: Path, *, base: str | None, set: Overrides, named_columns: frozenset[str]
) -> ConvertedSystem:
    """Return the system that a converted folder is, with the tokenizer and prompt of `base`. Raises ConfigError."""
    if base is None:
        raise ConfigError(
            f"--system {folder}: is converted for CTranslate2, and holds neither tokenizer nor prompt; give the model "
            f"that it was made from with --base, a folder or hub id."
        )
    config = build_config(base, set)
    system = ConvertedSystem(config, METHOD, name_source(str(folder)), folder, named_columns=named_columns)
    system.require_vocabulary()
    return system


__all__ = ["ConvertedSystem", "find_converted_system", "is_converted"]

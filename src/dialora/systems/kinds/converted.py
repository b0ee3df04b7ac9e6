"""A system that was converted for CTranslate2 and lies without its weights in torch: a folder with `model.bin`.

CTranslate2 keeps neither the tokenizer nor the prompt; both are the base's, which has to be named. What ends a summary
stands in `dialora.json` where dialora converted it, and is the tokenizer's end otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import GenerationConfig, Overrides, stable_hash
from dialora.errors import ConfigError, GenerationError, ModelError
from dialora.models.files import read_object, require_content, show
from dialora.models.vocabulary import list_rowless
from dialora.store import Stage, digest_once, load_json, names, read_key
from dialora.systems.kinds.foreign import METHOD, build_base_config, name_source
from dialora.systems.kinds.system import System

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from dialora.generation import Engine

MODEL = "model.bin"
VOCABULARIES = ("shared_vocabulary.json", "vocabulary.json")
"""Of a model that reads and writes, and of a causal one."""


@dataclass(frozen=True)
class ConvertedSystem(System):
    """A folder that CTranslate2 loads."""

    folder: Path

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base's tokenizer. Raises ModelError where the folder was made from another model."""
        from dialora.models.loading import load_tokenizer

        tokenizer = load_tokenizer(self.config)
        self._require_vocabulary(tokenizer)
        return tokenizer

    def load(self) -> nn.Module:
        """Raise ModelError: there are no weights that torch could load."""
        raise ModelError(f"--system {self.folder}: is converted; only CTranslate2 reads it.")

    def open_engine(self, sources: Sequence[Sequence[int]], on_warning: Callable[[str], None]) -> Engine:
        """Return CTranslate2 on the folder. Raises GenerationError, ModelError."""
        from dialora.generation import open_converted

        self._warn(on_warning)
        try:
            return open_converted(self.folder, self.config.decoding, facts=self._read_facts())
        except GenerationError as error:
            if error.__cause__ is None:
                raise
            raise ModelError(f"--system {error}; convert again.") from error

    def _require_vocabulary(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Raise ModelError where the tokens are not the base's."""
        known = self._read_vocabulary()
        rowless = frozenset(list_rowless(tokenizer, len(known)))
        ours = {id: token for token, id in tokenizer.get_vocab().items() if token not in rowless}
        what = None
        if (strange := next((id for id, token in enumerate(known) if token != ours.get(id, token)), None)) is not None:
            what = f"calls token {strange} {show(repr(known[strange]))}, not {show(repr(ours[strange]))}"
        elif max(ours, default=0) >= len(known):
            what = f"has {len(known):,} tokens, not {max(ours) + 1:,}"
        if what is not None:
            raise ModelError(
                f"--system {self.folder}: {what}: it was not made from {self.config.model}; give the model that it "
                f"was made from with --base."
            )

    def _read_vocabulary(self) -> list[str]:
        file = next(file for name in VOCABULARIES if (file := self.folder / name).is_file())
        try:
            known = load_json(file)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{file}: is damaged ({show(error)}); convert again.") from error
        if not isinstance(known, list) or not all(isinstance(token, str) for token in known):
            raise ModelError(f"{file}: is damaged (it is no list of tokens); convert again.")
        return known

    def _identify_weights(self) -> str:
        files = sorted(file for file in self.folder.iterdir() if file.suffix in (".bin", ".json"))
        return stable_hash({file.name: digest_once(file) for file in files})

    def _read_facts(self) -> dict[str, Any]:
        """Return what the engine has to know beside CTranslate2's own files; see `generation.convert`."""
        if (facts := read_facts(self.folder)) is not None:
            file = VOCABULARIES[facts["is_causal"]]
            largest = max(facts["end_ids"] + facts["first_ids"])
            if not (self.folder / file).is_file() or largest >= len(self._read_vocabulary()):
                raise ModelError(f"{self.folder / names.CONVERSION_FACTS}: does not go with {file}; convert again.")
            return facts
        if not (self.folder / VOCABULARIES[0]).is_file():
            raise ModelError(
                f"--system {self.folder}: is a causal model that something else converted, which does not say what "
                f"ends a summary; give the model that it was made from."
            )
        return {"is_causal": False, "end_ids": [self.tokenizer.eos_token_id], "first_ids": [], "precision": "default"}


def is_converted(folder: Path) -> bool:
    """Whether a folder is a system for CTranslate2."""
    return (folder / MODEL).is_file()


def find_converted_system(
    folder: Path, *, base: str | None, set: Overrides, named_columns: frozenset[str]
) -> ConvertedSystem:
    """Return the system that a converted folder is, with the tokenizer and prompt of `base`.

    Raises ConfigError, and ModelError where the folder is not whole.
    """
    if base is None:
        raise ConfigError(
            f"--system {folder}: is converted for CTranslate2, and holds neither tokenizer nor prompt; give the model "
            f"that it was made from with --base, a folder or hub id."
        )
    _require_whole(folder)
    config = build_base_config(base, set)
    facts = read_facts(folder)
    require_as_converted(folder, config.generation, None if facts is None else facts["precision"])
    return ConvertedSystem(config, METHOD, name_source(str(folder)), folder, named_columns=named_columns)


def require_as_converted(folder: Path, generation: GenerationConfig, precision: str | None) -> None:
    """Raise ConfigError where another engine or precision is set than a folder was converted for.

    `precision` is None where it is not known.
    """
    if generation.engine == "torch":
        raise ConfigError(f"generation.engine: torch cannot read {folder}, which is converted; leave it out.")
    if "precision" in generation.model_fields_set and generation.precision != precision:
        is_in = "the precision that it was converted in" if precision is None else precision
        raise ConfigError(
            f"generation.precision: {generation.precision}: {folder} is converted, and stays in {is_in}; leave it out, "
            f"or give the system that it was made from."
        )


def read_facts(folder: Path) -> dict[str, Any] | None:
    """Return what `dialora.json` says of a conversion; None where something else converted it. Raises ModelError."""
    file = folder / names.CONVERSION_FACTS
    if not file.is_file():
        return None
    try:
        facts = read_object(file)
    except ValueError as error:
        raise ModelError(f"{folder}: {error}; convert again.") from error
    ends, first = facts.get("end_ids"), facts.get("first_ids")
    are_ids = (
        isinstance(ends, list) and isinstance(first, list) and all(type(id) is int and id >= 0 for id in ends + first)
    )
    is_kind = isinstance(facts.get("is_causal"), bool) and isinstance(facts.setdefault("precision", "fp32"), str)
    if not (ends and are_ids and is_kind):
        raise ModelError(f"{file}: is damaged (it does not say what ends a summary); convert again.")
    return facts


def _require_whole(folder: Path) -> None:
    """Raise ModelError where files are missing, or are not those that dialora wrote."""
    if not any((folder / name).is_file() for name in VOCABULARIES):
        raise ModelError(
            f"--system {folder}: has a {MODEL} and neither {' nor '.join(VOCABULARIES)}: an old CTranslate2 made it, "
            f"or it is not whole; convert again."
        )
    try:
        require_content(folder / MODEL)
    except ValueError as error:
        raise ModelError(f"--system {folder}: {error}.") from error
    if (folder / names.MANIFEST).is_file() and not Stage(folder, read_key(folder)).is_complete:
        raise ModelError(f"--system {folder}: is damaged: its files are not those that were written; convert again.")


__all__ = [
    "ConvertedSystem",
    "find_converted_system",
    "is_converted",
    "read_facts",
    "require_as_converted",
]

"""A system to be used: what it reads, how its weights are loaded, and what writes its summaries.

Each kind of thing that can be one is a class: a run here, other people's models and adapters in `foreign`, converted
ones in `converted`. `finding` tells which a name is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import ExperimentConfig, GenerationConfig
from dialora.data.transcripts import Style, find_style
from dialora.errors import DialoraError
from dialora.models.checkpoint import is_pinned
from dialora.records import Example, Record
from dialora.store import ExperimentFolder, Stage, disk_errors_explained, names, one_at_a_time, read_run, stream_records

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from dialora.data.tokens import Prompt
    from dialora.generation import Engine

LOOKED_AT = 1000
"""Training dialogues by which it is told how they name speakers."""


@dataclass(frozen=True, slots=True)
class AskedFor(Record):
    """What a system was found by; another process finds it by the same."""

    name: str
    method: str | None = None
    base: str | None = None
    set: Mapping[str, Any] | tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """All that is needed to summarize with one system; a kind says how it is loaded."""

    config: ExperimentConfig
    """With its base, prompt, lengths and decoding."""
    key: str
    """Its method, as the configuration names it."""
    name: str
    """What it is called in messages and outputs."""
    named_columns: frozenset[str] = field(default=frozenset(), kw_only=True)
    """The columns that were named for what is summarized now; others that the configuration names are the data's."""
    speakers: Style | None = field(default=None, kw_only=True)
    """How its training dialogues name speakers, where that was written down."""
    doubt: str | None = field(default=None, kw_only=True)
    """What speaks against using it, if anything is known."""
    base: str | None = field(default=None, kw_only=True)
    """What its base is called, where the configuration names what stands in for it."""
    asked_for: AskedFor | None = field(default=None, kw_only=True, compare=False)
    """What it was found by; None where it was built otherwise."""

    @property
    def identity(self) -> str:
        """A hash of all that its weights and vocabulary depend on."""
        from dialora.generation import identify_system

        return identify_system(self.config, self._identify_weights())

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer. Raises ModelError."""
        from dialora.models.loading import load_tokenizer

        return load_tokenizer(self.config)

    @cached_property
    def prompt(self) -> Prompt:
        """What stands around a dialogue. Raises ModelError."""
        from dialora.models.bases import build_prompt

        return build_prompt(self.config, self.tokenizer)

    @property
    def style(self) -> Style | None:
        """How its training dialogues name speakers; None where they are not known."""
        return self.speakers

    @property
    def conversions(self) -> Path:
        """The folder that a converted copy of it is kept in."""
        raise NotImplementedError

    def load(self) -> nn.Module:
        """Load the model with its adapter, on a GPU where there is one. Raises ModelError."""
        raise NotImplementedError

    def open_engine(self, sources: Sequence[Sequence[int]], on_warning: Callable[[str], None]) -> Engine:
        """Return the engine that the configuration asks for; see `generation.open_engine`."""
        from dialora.generation import converted_stage, open_engine

        config, generation = self.config, self.config.generation
        self._warn(on_warning)
        stage = converted_stage(self.conversions, system=self.identity, precision=generation.precision)
        model, tokenizer = self.load(), self.tokenizer

        def open_as(generation: GenerationConfig) -> Engine:
            return open_engine(
                generation,
                config.decoding,
                model,
                tokenizer,
                stage=stage,
                sources=sources,
                max_source_length=config.data.max_source_length,
                on_warning=on_warning,
            )

        try:
            with disk_errors_explained(self.conversions), one_at_a_time(stage.folder):
                return open_as(generation)
        except DialoraError as error:
            # A conversion only makes it faster, unless it is asked for.
            is_asked_for = generation.engine == "ctranslate2" or generation.precision == "int8"
            if is_asked_for or not isinstance(error.__cause__, OSError):
                raise
            on_warning(f"it cannot be converted into {stage.folder} ({error.__cause__.strerror}); torch is used.")
            return open_as(generation.model_copy(update={"engine": "torch"}))

    def _identify_weights(self) -> str | None:
        """Return what tells its weights from others on the same base; None where they are the base's."""
        return None

    def _warn(self, on_warning: Callable[[str], None]) -> None:
        """Tell of what speaks against using it."""
        if self.doubt is not None:
            on_warning(self.doubt)


@dataclass(frozen=True)
class RunSystem(System):
    """A run's system, converted beside the run."""

    folder: Path
    """The run's."""
    training: Stage | None
    """None for a method that does not train."""

    @property
    def conversions(self) -> Path:
        """The run's folder."""
        return self.folder

    @cached_property
    def style(self) -> Style | None:
        """How the dialogues of its experiment name speakers; None where the run lies without them."""
        experiment = read_run(self.folder).experiment
        return _find_style(experiment)

    def load(self) -> nn.Module:
        """Load the base with what was trained on it."""
        from dialora.models.adapters import load_system
        from dialora.models.device import find_device

        folder = None if self.training is None else self.training.folder
        model = load_system(self.config, self.config.methods[self.key], folder)
        return model.to(find_device(self.config.training))

    def _identify_weights(self) -> str | None:
        return None if self.training is None else self.training.key

    def _warn(self, on_warning: Callable[[str], None]) -> None:
        if not is_pinned(self.config):
            on_warning(
                f"{self.name}: an earlier version made it, which did not write down the base model's files, so "
                f"whether {self.config.model} is still that one is not known. `dialora compare` of its experiment "
                f"writes them down."
            )


def _find_style(experiment: ExperimentFolder) -> Style | None:
    data = experiment.data(experiment.data_key)
    if not (data.key and data.is_complete_but_for_weights):
        return None
    for split in ("train", "validation", "test"):
        file = data.folder / names.examples(split)
        if file.is_file() and (head := list(islice(stream_records(Example, file), LOOKED_AT))):
            return find_style(example.dialogue for example in head)
    return None


__all__ = ["AskedFor", "RunSystem", "System"]

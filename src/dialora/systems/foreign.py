"""Systems that no run here made: a model as it is, from a folder or the hub, and a PEFT adapter on its base.

What a run's configuration would say (prompt, lengths, decoding) is the base's default, or what is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import BUNDLED, ExperimentConfig, load_experiment, stable_hash
from dialora.errors import ModelError
from dialora.models.adapter_settings import SETTINGS
from dialora.models.bases import settle
from dialora.models.checkpoint import find_other_base, pin_models, read_base_name, resolve_model
from dialora.models.files import find_file
from dialora.store import digest_once, find_cache
from dialora.systems.system import System

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

Overrides = Iterable[str] | Mapping[str, Any]
METHOD = "zero_shot"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True)
class ForeignModel(System):
    """A model as it is."""

    @property
    def conversions(self) -> Path:
        """A folder of the user's cache."""
        return find_cache() / "systems" / self.identity[:16]

    def load(self) -> nn.Module:
        """Load it."""
        from dialora.models.device import find_device
        from dialora.models.loading import load_base_model

        return load_base_model(self.config).to(find_device(self.config.training))


@dataclass(frozen=True)
class ForeignAdapter(ForeignModel):
    """A PEFT adapter on its base."""

    adapter: Path
    """Its folder."""

    def load(self) -> nn.Module:
        """Load the base with the adapter on it. Raises ModelError where the adapter is another base's."""
        from dialora.models.adapters import load_adapter
        from dialora.models.device import find_device
        from dialora.models.loading import load_base_model

        return load_adapter(load_base_model(self.config), self.adapter).to(find_device(self.config.training))

    def _identify_weights(self) -> str:
        files = [file for name in (SETTINGS, *WEIGHTS) if (file := self.adapter / name).is_file()]
        try:
            return stable_hash({file.name: digest_once(file) for file in files})
        except OSError as error:
            raise ModelError(f"adapter {self.adapter}: {error.filename} cannot be read: {error.strerror}.") from error

    def _warn(self, on_warning: Callable[[str], None]) -> None:
        super()._warn(on_warning)
        other = find_other_base(self.adapter / SETTINGS, resolve_model(self.config.model))
        if other is not None:
            on_warning(
                f"adapter {self.adapter}: names {other} as its base and is put on {self.config.model}; are they the "
                f"same? If not, its summaries are worth nothing."
            )


def find_model_system(source: str, *, set: Overrides, named_columns: frozenset[str]) -> ForeignModel:
    """Return the system that a model's folder or hub id is. Raises ConfigError, ModelError."""
    return ForeignModel(build_config(source, set), METHOD, name_source(source), named_columns=named_columns)


def find_adapter_system(
    source: str, *, base: str | None, set: Overrides, named_columns: frozenset[str]
) -> ForeignAdapter:
    """Return the system that a PEFT folder or hub id is, on `base` or the base that it names.

    Raises ConfigError, and ModelError where it names none that can be found.
    """
    folder = _fetch(source)
    config = build_config(base or _find_base(folder), set)
    return ForeignAdapter(config, METHOD, name_source(source), folder, named_columns=named_columns)


def build_config(model: str, set: Overrides, known: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """Return the configuration of a model as it is: its base's defaults, what is `known` of it, and what is `set`."""
    own = {"name": "system", "model": model, "data": {"source": BUNDLED}, "methods": {METHOD: {}}}
    values = own | dict(known or {})
    return pin_models(settle(load_experiment(values, set)))


def is_adapter(source: str) -> bool:
    """Whether a folder or hub id is a PEFT adapter. Raises ModelError where the hub does not tell."""
    try:
        if Path(source).is_dir():
            return (Path(source) / SETTINGS).is_file()
        return find_file(source, "config.json", None) is None and find_file(source, SETTINGS, None) is not None
    except (OSError, ValueError) as error:
        raise ModelError(f"--system {source}: cannot be loaded: {' '.join(str(error).split())}") from error


def name_source(source: str) -> str:
    """Return what a folder is called, or a hub id."""
    return Path(source).resolve().name if Path(source).is_dir() else source


def _fetch(source: str) -> Path:
    """Return the folder of an adapter, of a hub id in the hub's cache. Raises ModelError."""
    if Path(source).is_dir():
        return Path(source)
    try:
        settings = find_file(source, SETTINGS, None)
        next((name for name in WEIGHTS if find_file(source, name, None) is not None), None)
    except (OSError, ValueError) as error:
        raise ModelError(f"--system {source}: cannot be loaded: {' '.join(str(error).split())}") from error
    if settings is None:
        raise ModelError(f"--system {source}: has no {SETTINGS}; give a folder that PEFT saved an adapter in.")
    return settings.parent


def _find_base(folder: Path) -> str:
    """Return the base that an adapter names, as far as it is here or may be on the hub. Raises ModelError."""
    named = read_base_name(folder / SETTINGS)
    if named is None:
        raise ModelError(f"adapter {folder}: names no base model; give it with --base.")
    beside = folder / named
    if not Path(named).is_dir() and named.startswith(".") and beside.is_dir():
        return str(beside)
    try:
        return resolve_model(named) and named
    except ModelError as error:
        raise ModelError(
            f"adapter {folder}: names {named} as its base, which is not here; give the base with --base, a folder or "
            f"hub id."
        ) from error


__all__ = [
    "ForeignAdapter",
    "ForeignModel",
    "build_config",
    "find_adapter_system",
    "find_model_system",
    "is_adapter",
    "name_source",
]

"""Systems that no run here made: a model as it is, from a folder or the hub, and a PEFT adapter on its base.

What a run's configuration would say (prompt, lengths, decoding) is the base's default, or what is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import BUNDLED, ExperimentConfig, Overrides, load_experiment, stable_hash
from dialora.errors import ConfigError, ModelError, StageError
from dialora.models.adapter_settings import SETTINGS
from dialora.models.bases import settle
from dialora.models.checkpoint import FILES, find_other_base, pin_models, read_base_name, resolve_model
from dialora.models.files import find_file, list_names, read_object, show
from dialora.store import digest_once, find_cache
from dialora.store.cache import VARIABLE
from dialora.systems.kinds.system import System

if TYPE_CHECKING:
    from torch import nn

    from dialora.generation import Engine

METHOD = "zero_shot"
CONFIG = "config.json"
MODEL = "model: "
"""How an error of a base begins."""
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
GIVE_BASE = "give it with --base"


@dataclass(frozen=True)
class ForeignModel(System):
    """A model as it is."""

    def open_engine(self, sources: Sequence[Sequence[int]], on_warning: Callable[[str], None]) -> Engine:
        """Return the engine that is asked for. Raises DialoraError, of the cache with what names another."""
        try:
            return super().open_engine(sources, on_warning)
        except (ConfigError, StageError) as error:
            if not isinstance(error.__cause__, OSError):
                raise
            raise type(error)(f"{error} {VARIABLE} names another folder for what is converted.") from error

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

        model = load_adapter(load_base_model(self.config), self.adapter, advice=GIVE_BASE)
        return model.to(find_device(self.config.training))

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
        if idle := self._list_idle_targets():
            on_warning(
                f"adapter {self.adapter}: target_modules names {list_names(idle)}, which none of its weights is for: "
                f"no layer is called so, and nothing was trained there."
            )

    def _list_idle_targets(self) -> list[str]:
        """Return the names among its targets that it has no weights for."""
        from dialora.models.adapter_folder import read_adapter_headers

        with suppress(ValueError, OSError):  # what is damaged is refused when it is loaded
            targets = read_object(self.adapter / SETTINGS).get("target_modules")
            names = [f".{name}." for name in read_adapter_headers(self.adapter)]
            if isinstance(targets, list):
                return [target for target in targets if not any(f".{target}." in name for name in names)]
        return []


def find_model_system(source: str, *, set: Overrides, named_columns: frozenset[str]) -> ForeignModel:
    """Return the system that a model's folder or hub id is. Raises ConfigError, ModelError."""
    with _naming("--system "):
        config = build_config(source, set)
    return ForeignModel(config, METHOD, name_source(source), named_columns=named_columns)


def find_adapter_system(
    source: str, *, base: str | None, set: Overrides, named_columns: frozenset[str]
) -> ForeignAdapter:
    """Return the system that a PEFT folder or hub id is, on `base` or the base that it names.

    Raises ConfigError, and ModelError where it names none that can be found.
    """
    folder = _fetch(source)
    if base is None:
        named, revision = _find_base(folder)
        with _naming(f"adapter {folder}: its base ", "; --base names another place for it."):
            config = build_config(named, set, revision=revision)
    else:
        config = build_base_config(base, set)
    return ForeignAdapter(config, METHOD, name_source(source), folder, named_columns=named_columns)


def build_base_config(base: str, set: Overrides) -> ExperimentConfig:
    """Return the configuration of the model that `--base` names. Raises ConfigError, ModelError."""
    with _naming("--base "):
        return build_config(base, set)


def build_config(
    model: str, set: Overrides, known: Mapping[str, Any] | None = None, *, revision: str | None = None
) -> ExperimentConfig:
    """Return the configuration of a model as it is: its base's defaults, what is `known` of it, and what is `set`.

    `revision` is a hub id's where nothing else is set. Raises ConfigError, ModelError.
    """
    config = _load(model, set, revision, known)
    named = config.model_revision
    if named and not named.startswith(FILES) and Path(resolve_model(model)).is_dir():
        if named == revision:
            config = config.model_copy(update={"model_revision": None})
        else:
            raise ConfigError(f"model_revision: {show(named)}: {model} is a folder, which has none; leave it out.")
    return pin_models(settle(config))


def read_revision(set: Overrides) -> str | None:
    """Return the `model_revision` that is set. Raises ConfigError for anything that is set and cannot be."""
    return _load(BUNDLED, set, None).model_revision


def is_adapter(source: str, revision: str | None = None) -> bool:
    """Whether a folder or hub id is a PEFT adapter; `revision` is the model's, if it is one.

    Raises ModelError where the hub does not tell.
    """
    folder = Path(source)
    if folder.is_dir():
        # A model that was merged in place keeps its adapter's settings, and is whole without them.
        is_merged = (folder / CONFIG).is_file() and not any((folder / name).exists() for name in WEIGHTS)
        return (folder / SETTINGS).is_file() and not is_merged
    if revision is not None:
        with suppress(OSError, ValueError):  # of an adapter, it is its base's
            if find_file(source, CONFIG, revision) is not None:
                return False
    with _asking_hub(source):
        is_model = find_file(source, CONFIG, None) is not None
        if not is_model:
            return find_file(source, SETTINGS, None) is not None
    with suppress(OSError, ValueError):  # an adapter may bring its base's config; what is a model need not know
        return all(any(find_file(source, name, None) for name in either) for either in ((SETTINGS,), WEIGHTS))
    return False


def is_loadable(folder: Path) -> bool:
    """Whether a folder says that it is an adapter or a model."""
    return any((folder / name).is_file() for name in (SETTINGS, CONFIG))


def name_source(source: str) -> str:
    """Return what a folder is called, or a hub id."""
    return Path(source).resolve().name if Path(source).is_dir() else source


def _load(model: str, set: Overrides, revision: str | None, known: Mapping[str, Any] | None = None) -> ExperimentConfig:
    values = {"name": "system", "model": model, "data": {"source": BUNDLED}, "methods": {METHOD: {}}}
    return load_experiment(values | dict(known or {}) | ({"model_revision": revision} if revision else {}), set)


def _fetch(source: str) -> Path:
    """Return the folder of an adapter, of a hub id in the hub's cache. Raises ModelError."""
    if Path(source).is_dir():
        return Path(source)
    with _asking_hub(source):
        settings = find_file(source, SETTINGS, None)
        next((name for name in WEIGHTS if find_file(source, name, None) is not None), None)
    if settings is None:
        raise ModelError(f"--system {source}: has no {SETTINGS}; give a folder that PEFT saved an adapter in.")
    return settings.parent


def _find_base(folder: Path) -> tuple[str, str | None]:
    """Return the base that an adapter names, a folder or hub id, and its revision. Raises ModelError.

    A folder lies beside the adapter, as they were saved, or where its name leads from here.
    """
    try:
        revision = read_object(folder / SETTINGS).get("revision")
    except ValueError as error:
        raise ModelError(f"adapter {folder}: {error}.") from error
    named = read_base_name(folder / SETTINGS)
    if named is None:
        raise ModelError(f"adapter {folder}: names no base model; {GIVE_BASE}, a folder or hub id.")
    with suppress(OSError, ValueError):
        for beside in (folder / named, folder.parent / named):
            if not Path(named).is_absolute() and (beside / CONFIG).is_file():
                return os.path.normpath(beside), None
    try:
        resolve_model(named)
    except ModelError as error:
        raise ModelError(
            f"adapter {folder}: names {show(named)} as its base, which is not here; {GIVE_BASE}, a folder or hub id."
        ) from error
    return named, revision if isinstance(revision, str) else None


@contextmanager
def _naming(option: str, advice: str = "") -> Iterator[None]:
    """Let a ModelError of a base say how it was named, and what to do besides."""
    try:
        yield
    except ModelError as error:
        if not str(error).startswith(MODEL):
            raise
        said = str(error).removeprefix(MODEL)
        raise ModelError(f"{option}{said.rstrip('.') if advice else said}{advice}") from error


@contextmanager
def _asking_hub(source: str) -> Iterator[None]:
    """Turn what the hub says of an id into a ModelError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ModelError(
            f"--system {source}: is no folder here, and cannot be had from the hub: {' '.join(str(error).split())}"
        ) from error


__all__ = [
    "ForeignAdapter",
    "ForeignModel",
    "build_base_config",
    "build_config",
    "find_adapter_system",
    "find_model_system",
    "is_adapter",
    "is_loadable",
    "name_source",
    "read_revision",
]

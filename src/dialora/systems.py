"""A trained system found on disk again, to be used: by its run's folder, or by its experiment's and its method.

Reads what `runs` laid out; makes nothing but the system's conversion, which is kept beside the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError, StageError
from dialora.runs import MANIFEST, Stage, disk_errors_explained, load_json

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from dialora.generation import Engine

RUN_NAME = re.compile(r"(?P<key>.+)-s(?P<seed>\d+)-[0-9a-f]{8}")
IN_USE = ("generation.", "decoding.", "data.dialogue_column", "data.id_column")
"""What may be set otherwise than the experiment had it; the rest is part of the system."""


@dataclass(frozen=True)
class System:
    """One run's system, with all that it needs to summarize."""

    config: ExperimentConfig
    key: str
    """Its method, as the experiment names it."""
    folder: Path
    """The run's."""
    training: Stage | None
    """None for a method that does not train."""

    @cached_property
    def identity(self) -> str:
        """A hash of all that its weights and vocabulary depend on."""
        from dialora.generation import identify_system

        return identify_system(self.config, None if self.training is None else self.training.key)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer. Raises ModelError."""
        from dialora.model import load_tokenizer

        return load_tokenizer(self.config)

    def load(self) -> nn.Module:
        """Load the model with its adapter, on a GPU where there is one. Raises ModelError."""
        import torch

        from dialora.model import load_system
        from dialora.training import uses_cuda

        folder = None if self.training is None else self.training.folder
        model = load_system(self.config, self.config.methods[self.key], folder)
        return model.to(torch.device("cuda" if uses_cuda(self.config.training) else "cpu"))

    def open_engine(self, sources: Sequence[Sequence[int]], on_warning: Callable[[str], None]) -> Engine:
        """Return the engine that the configuration asks for; see `generation.open_engine`."""
        from dialora.generation import converted_stage, open_engine

        config = self.config
        stage = converted_stage(self.folder, system=self.identity, precision=config.generation.precision)
        with disk_errors_explained(self.folder):
            return open_engine(
                config.generation,
                config.decoding,
                self.load(),
                self.tokenizer,
                stage=stage,
                sources=sources,
                on_warning=on_warning,
            )


def find_system(folder: Path, *, method: str | None = None, set: Iterable[str] | Mapping[str, Any] = ()) -> System:
    """Find the system of a run's folder, or of an experiment's and `method`; of several seeds, the first.

    `set` overrides `generation.*`, `decoding.*` and the names of columns. Raises ConfigError, StageError.
    """
    _require_usable(set)
    if not folder.is_dir():
        raise ConfigError(f"--run {folder}: no such folder; give a run's folder, or an experiment's with --method.")
    named = RUN_NAME.fullmatch(folder.resolve().name)
    is_run = named is not None and (folder.resolve().parent / "experiment.yaml").is_file()
    root = folder.resolve().parent if is_run else folder
    if not (root / "experiment.yaml").is_file():
        raise ConfigError(f"--run {folder}: is neither a run's folder nor an experiment's (no experiment.yaml).")
    config = load_experiment(root / "experiment.yaml", set)
    run = folder if is_run else _choose_run(folder, method)
    match = RUN_NAME.fullmatch(run.resolve().name)
    assert match is not None
    key = match["key"]
    if key not in config.methods:
        raise ConfigError(f"--run {run}: the experiment no longer has the method {key!r}; run it again.")
    if is_run and method not in (None, key):
        raise ConfigError(f"--method {method}: {run} is a run of {key}; leave --method out.")
    return System(config, key, run, _find_training(run) if config.methods[key].trains else None)


def _require_usable(overrides: Iterable[str] | Mapping[str, Any]) -> None:
    keys = [str(item).partition("=")[0].strip() for item in overrides]
    strange = [key for key in keys if not key.startswith(IN_USE)]
    if strange:
        raise ConfigError(
            [
                f"{key}: cannot be changed for a system that is trained; allowed: generation.*, decoding.*, "
                f"data.dialogue_column, data.id_column."
                for key in strange
            ]
        )


def _choose_run(root: Path, method: str | None) -> Path:
    """Return the folder of a method's complete run with the smallest seed."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted(root.iterdir()):
        match = RUN_NAME.fullmatch(path.name)
        # A run of an earlier configuration, or one that is not finished, has no whole generation.
        if path.is_dir() and match is not None and (path / "generation" / MANIFEST).is_file():
            found.setdefault(match["key"], []).append((int(match["seed"]), path))
    if not found:
        raise StageError(f"{root}: no finished run; `dialora compare` makes them.")
    if method is None and len(found) > 1:
        raise ConfigError(f"--run {root}: holds several systems; choose one with --method: {', '.join(sorted(found))}.")
    if method is not None and method not in found:
        raise ConfigError(f"--method {method}: {root} has no finished run of it. Found: {', '.join(sorted(found))}.")
    runs = sorted(found[method if method is not None else next(iter(found))])
    if len(runs) > 1 and runs[0][0] == runs[1][0]:
        names = ", ".join(path.name for _, path in runs)
        raise ConfigError(f"--run {root}: several runs of {method or next(iter(found))}: {names}; give one's folder.")
    return runs[0][1]


def _find_training(run: Path) -> Stage:
    """Return the training stage, whatever configuration made it. Raises StageError when it is not whole."""
    folder = run / "training"
    try:
        stage = Stage(folder, str(load_json(folder / MANIFEST)["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        stage = Stage(folder, "")
    stage.require()
    return stage


__all__ = ["RUN_NAME", "System", "find_system"]

"""A trained system found on disk again, to be used: by its run's folder, or by its experiment's and its method.

Reads what `store` laid out; makes nothing but the system's conversion, which is kept beside the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError, DialoraError, StageError
from dialora.experiment.plan import plan_runs
from dialora.models.checkpoint import is_pinned, pin_models, require_pinned
from dialora.store import (
    ExperimentFolder,
    FoundRun,
    Stage,
    disk_errors_explained,
    find_runs,
    is_run_folder,
    names,
    open_training,
    read_run,
    require_seal,
)

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from dialora.generation import Engine


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
    named_columns: frozenset[str] = frozenset()
    """The columns that were named for what is summarized now; others that the configuration names are the data's."""

    @cached_property
    def identity(self) -> str:
        """A hash of all that its weights and vocabulary depend on."""
        from dialora.generation import identify_system

        return identify_system(self.config, None if self.training is None else self.training.key)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer. Raises ModelError."""
        from dialora.models.loading import load_tokenizer

        return load_tokenizer(self.config)

    def load(self) -> nn.Module:
        """Load the model with its adapter, on a GPU where there is one. Raises ModelError."""
        from dialora.models.adapters import load_system
        from dialora.models.device import find_device

        folder = None if self.training is None else self.training.folder
        model = load_system(self.config, self.config.methods[self.key], folder)
        return model.to(find_device(self.config.training))

    def open_engine(self, sources: Sequence[Sequence[int]], on_warning: Callable[[str], None]) -> Engine:
        """Return the engine that the configuration asks for; see `generation.open_engine`."""
        from dialora.generation import converted_stage, open_engine

        config = self.config
        if not is_pinned(config):
            on_warning(
                f"{self.folder.name}: an earlier version made it, which did not write down the base model's files, so "
                f"whether {config.model} is still that one is not known. `dialora compare` of its experiment writes "
                f"them down."
            )
        stage = converted_stage(self.folder, system=self.identity, precision=config.generation.precision)
        with disk_errors_explained(self.folder):
            return open_engine(
                config.generation,
                config.decoding,
                self.load(),
                self.tokenizer,
                stage=stage,
                sources=sources,
                max_source_length=config.data.max_source_length,
                on_warning=on_warning,
            )


def find_system(folder: Path, *, method: str | None = None, set: Iterable[str] | Mapping[str, Any] = ()) -> System:
    """Find the system of a run's folder, or of an experiment's and `method`; of several seeds, the first.

    `set` overrides `generation.*`, `decoding.*` and the names of columns. Raises ConfigError, StageError.
    """
    overrides = set if isinstance(set, Mapping) else list(set)
    named = _require_usable(overrides)
    if not folder.is_dir():
        raise ConfigError(f"--run {folder}: no such folder; give a run's folder, or an experiment's with --method.")
    is_run = is_run_folder(folder)
    file = ExperimentFolder(folder).config
    if not is_run and not file.is_file():
        raise ConfigError(f"--run {folder}: {_say_what_it_is(folder, file.name)}")
    run = read_run(folder) if is_run else _choose_run(folder, method)
    config = load_experiment(find_config(run), overrides)
    # A run's own configuration has one method: its folder may be called anything.
    key = run.key if run.key in config.methods else next(iter(config.methods))
    if is_run and method not in (None, key):
        raise ConfigError(f"--method {method}: {run.folder} is a run of {key}; leave --method out.")
    config = _settle_base(run, config.for_method(key))
    training = open_training(run.folder) if config.methods[key].trains else None
    return System(config, key, run.folder, training, named)


def _settle_base(run: FoundRun, config: ExperimentConfig) -> ExperimentConfig:
    """Return a run's configuration with its base pinned. Raises ModelError where that is another by now.

    Where an earlier version made the run, it is pinned if the run's own name shows that the base is the one it had.
    """
    require_pinned(config)
    return pin_models(config) if not is_pinned(config) and _is_planned(run, config) else config


def _is_planned(run: FoundRun, config: ExperimentConfig) -> bool:
    """Whether a configuration, with its data and base model as they are now, leads to just this run's folder."""
    try:
        if not run.experiment.has_data:
            return False
        planned = plan_runs(config, run.experiment.root, run.experiment.load_data_summary()["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, DialoraError):  # of an earlier version, damaged, or gone
        return False
    return any(one.folder == run.folder.resolve() for one in planned)


def _say_what_it_is(folder: Path, missing: str) -> str:
    """Say of a folder that is no run's what it is instead, and what to do with it."""
    if folder.resolve().name == names.TRAINING and is_run_folder(folder.resolve().parent):
        return "is what a run trained; give the run's own folder, the one above."
    if (folder / "adapter_config.json").is_file():
        return (
            "is a PEFT adapter, not a run: it says nothing of the prompt, lengths and decoding it is used with. "
            "dialora.load_model(set={'model': its base}, adapter=...) puts it on its base; merged and saved with its "
            "tokenizer, that is a `model:` for an experiment with `methods: {zero_shot: {}}`."
        )
    if (folder / "config.json").is_file():
        return (
            "is a model, not a run: it says nothing of the prompt, lengths and decoding it is used with. Name it as "
            "`model:` of an experiment with `methods: {zero_shot: {}}`; `dialora compare` makes the run."
        )
    return f"is neither a run's folder nor an experiment's (no {missing})."


def find_config(run: FoundRun) -> Path:
    """Return the file of what a run was made from: its own, or the experiment's where that is still the same.

    Raises ConfigError where a run of an earlier version has none and the experiment is another by now.
    """
    if run.config.is_file():
        require_seal(run.config)
        return run.config
    require_seal(run.experiment.config)
    config = load_experiment(run.experiment.config)
    if run.key in config.methods and _is_planned(run, config):
        return run.experiment.config
    raise ConfigError(
        f"--run {run.folder}: holds no configuration of its own: an earlier version made it, or the experiment is "
        f"another by now. `dialora compare` makes it anew; the old folder can be removed."
    )


def _require_usable(overrides: Iterable[str] | Mapping[str, Any]) -> frozenset[str]:
    """Return the options of `data` that are set. Raises ConfigError for what is not to be changed."""
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
    return frozenset(key.removeprefix("data.") for key in keys if key.startswith("data."))


def _choose_run(root: Path, method: str | None) -> FoundRun:
    """Return a method's complete run with the smallest seed."""
    found: dict[str, list[FoundRun]] = {}
    for run in find_runs(root):
        found.setdefault(run.key, []).append(run)
    if not found:
        raise StageError(f"{root}: no finished run; `dialora compare` makes them.")
    if method is None and len(found) > 1:
        raise ConfigError(f"--run {root}: holds several systems; choose one with --method: {', '.join(sorted(found))}.")
    if method is not None and method not in found:
        raise ConfigError(f"--method {method}: {root} has no finished run of it. Found: {', '.join(sorted(found))}.")
    key = next(iter(found)) if method is None else method
    runs = sorted(found[key], key=lambda run: (run.seed, run.folder))
    if len(runs) > 1 and runs[0].seed == runs[1].seed:
        folders = ", ".join(run.folder.name for run in runs)
        raise ConfigError(f"--run {root}: several runs of {key}: {folders}; give one's folder.")
    return runs[0]


__all__ = ["System", "find_config", "find_system"]

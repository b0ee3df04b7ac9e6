"""What a command names, loaded; the Hugging Face libraries stay off the network unless that is a hub id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialora.config import ExperimentConfig, OutputsConfig
    from dialora.records import Observer
    from dialora.systems import System


def load(experiment: str, overrides: Sequence[str] | None) -> ExperimentConfig:
    """Load an experiment. Raises ConfigError."""
    from dialora.config import load_experiment
    from dialora.models.network import forbid_network

    config = load_experiment(experiment, overrides or ())
    forbid_network(config)
    return config


def load_table(files: Sequence[str], overrides: Sequence[str] | None) -> OutputsConfig:
    """Load the configuration of a table of outputs, or of several files. Raises ConfigError."""
    from dialora.config import load_outputs_config
    from dialora.models.network import forbid_network_to_scoring

    config = load_outputs_config(files, overrides or ())
    forbid_network_to_scoring(config.scoring.learned, config.outputs.dialogues)
    return config


def load_system(
    system: str | None,
    method: str | None,
    overrides: Sequence[str] | None,
    *,
    base: str | None = None,
    observer: Observer | None = None,
) -> System:
    """Find a system. Raises DialoraError."""
    from dialora.api.systems import find_system
    from dialora.config import BUNDLED
    from dialora.models.network import forbid_network, forbid_telemetry

    forbid_telemetry()
    if system is None:
        load(BUNDLED, None)
    found = find_system(system, method=method, base=base, set=overrides or (), observer=observer)
    forbid_network(found.config)
    return found


def load_run(run: str, method: str | None, overrides: Sequence[str]) -> System:
    """Find the system of a run. Raises DialoraError."""
    from dialora.models.network import forbid_network, forbid_telemetry
    from dialora.systems.kinds.finding import find_run

    forbid_telemetry()
    found = find_run(run, method=method, set=overrides)
    forbid_network(found.config)
    return found


def find_default(overrides: Sequence[str] | None, *, base: str | None) -> System:
    """Find the system that none is named for, as far as it can be had without running anything. Raises DialoraError."""
    from dialora.config import BUNDLED
    from dialora.store import RUNS
    from dialora.systems.kinds.finding import find_system, find_winning_system, has_comparison, require_bundled

    load(BUNDLED, None)
    set, root = overrides or (), RUNS / BUNDLED
    require_bundled(method=None, base=base, set=set)
    return find_winning_system(root, set=set) if has_comparison(root) else find_system(BUNDLED, set=set)


__all__ = ["find_default", "load", "load_run", "load_system", "load_table"]

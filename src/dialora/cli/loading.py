"""What a command names, loaded; the Hugging Face libraries stay off the network unless that is a hub id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialora.config import ExperimentConfig, OutputsConfig
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


def load_system(run: Path, method: str | None, overrides: Sequence[str] | None) -> System:
    """Find a trained system. Raises ConfigError, StageError."""
    from dialora.models.network import forbid_network
    from dialora.systems import find_system

    system = find_system(run, method=method, set=overrides or ())
    forbid_network(system.config)
    return system


__all__ = ["load", "load_system", "load_table"]

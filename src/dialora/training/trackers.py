"""Experiment trackers that the user names in `training.report_to`: accelerate's, told of loss and rate on the way."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from dialora.config import TrainingConfig
from dialora.errors import TrainingError

PROJECT = "dialora"
LOGS = 50
"""Times that the loss is reported in a run, besides every validation loss."""
NAME_OPTIONS = {"wandb": "name", "trackio": "name", "mlflow": "run_name"}
"""What each tracker calls the option for a run's name; tensorboard has none, it takes a folder."""


def list_trackers(training: TrainingConfig) -> list[str]:
    """Return the trackers to report to. Raises TrainingError where one is not installed."""
    named: list[str] = [name for name in dict.fromkeys(training.report_to) if name != "none"]
    missing = [name for name in named if find_spec(name) is None]
    if missing:
        raise TrainingError(
            f"training.report_to: {', '.join(missing)} is not installed; `pip install {' '.join(missing)}`, or take "
            f"it out."
        )
    return named


def start_trackers(accelerator: Any, trackers: Sequence[str], run_name: str, settings: dict[str, Any]) -> None:
    """Let every tracker begin a run of this name with these settings."""
    options = {name: {NAME_OPTIONS[name]: run_name} for name in trackers if name in NAME_OPTIONS}
    accelerator.init_trackers(PROJECT, config=settings, init_kwargs=options)


def finish_trackers(accelerator: Any) -> None:
    """Let every tracker end its run; accelerate's own end would part the processes of a training too."""
    for tracker in accelerator.trackers:
        tracker.finish()


__all__ = ["LOGS", "finish_trackers", "list_trackers", "start_trackers"]

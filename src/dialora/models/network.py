"""Whether this process may ask the Hugging Face hub: only where the user names a hub id. Never telemetry."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dialora.config import BUNDLED, ExperimentConfig
from dialora.config.metric import Metric
from dialora.models.checkpoint import resolve_model


def uses_hub(config: ExperimentConfig) -> bool:
    """Whether the experiment names a hub id, for its model, its data or a learned metric."""
    own = {f"methods.{key}.model": method.model for key, method in config.methods.items() if method.model is not None}
    bases = {"model": config.model, **own}
    is_remote = not _is_local_data(config.data.source) or not all(
        Path(resolve_model(base, key=key)).is_dir() for key, base in bases.items()
    )
    return is_remote or _names_hub_model(config.scoring.learned)


def forbid_network(config: ExperimentConfig) -> None:
    """Keep the Hugging Face libraries off the network unless the experiment names a hub id; never telemetry.

    For a process of our own, and before they are imported: it sets environment variables.
    """
    _allow_network(uses_hub(config))


def forbid_telemetry() -> None:
    """Keep the Hugging Face libraries from telemetry, before it is known whether a hub id is named."""
    _allow_network(True)


def forbid_network_to_scoring(learned: Mapping[str, Metric], data: str | None) -> None:
    """Do the same for a table of outputs: its learned metrics, and where its dialogues are."""
    has_local_data = data is None or _is_local_data(data)
    _allow_network(not has_local_data or _names_hub_model(learned))


def _is_local_data(source: str) -> bool:
    return source == BUNDLED or os.path.exists(os.path.expanduser(source))


def _names_hub_model(learned: Mapping[str, Metric]) -> bool:
    named = [(f"scoring.learned.{name}.model", model) for name, one in learned.items() for model in one.list_models()]
    return any(not Path(resolve_model(model, key=key)).is_dir() for key, model in named)


def _allow_network(is_allowed: bool) -> None:
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if not is_allowed:
        os.environ["HF_HUB_OFFLINE"] = "1"


__all__ = ["forbid_network", "forbid_network_to_scoring", "forbid_telemetry", "uses_hub"]

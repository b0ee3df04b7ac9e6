"""Trained systems in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.api.inputs import Experiment, Folder, Overrides, Watch, find_path
from dialora.config import load_experiment
from dialora.records import ignore_events

if TYPE_CHECKING:
    from dialora.systems import System
    from dialora.systems.precision import PrecisionCost


def summarize(
    dialogues: Sequence[str], *, run: str | Path, method: str | None = None, set: Overrides = ()
) -> list[str]:
    """Summarize dialogues with a trained system: one summary each, in order; an empty dialogue has an empty one.

    `run` is a run's folder, or an experiment's with `method`. `set` takes `generation.*` and `decoding.*`.
    """
    import warnings

    from dialora.systems import find_system
    from dialora.systems.summaries import summarize_texts

    system = find_system(Path(run), method=method, set=set)
    return summarize_texts(system, dialogues, on_warning=lambda message: warnings.warn(message, stacklevel=3))


def summarize_file(
    source: str | Path,
    *,
    run: str | Path | System,
    output: str | Path,
    method: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
) -> int:
    """Summarize a table of dialogues of any length into a .jsonl or .csv file; return how many were written now.

    `run` is a run's folder, an experiment's with `method`, or a system that is found already. Killed, the same call
    goes on where it was.
    """
    from dialora.systems import summaries

    system = _find_system(run, method, set)
    return summaries.summarize_file(system, Path(source), Path(output), observer=observer or ignore_events)


def parity(
    run: str | Path | System,
    *,
    precision: str = "int8",
    method: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
) -> PrecisionCost:
    """Compare a system's summaries in a lower precision with those in fp32, on its test dialogues."""
    from dialora.systems.precision import measure_precision

    overrides = [f"{key}={value}" for key, value in set.items()] if isinstance(set, Mapping) else [*set]
    system = _find_system(run, method, [*overrides, f"generation.precision={precision}"])
    return measure_precision(system, observer=observer or ignore_events)


def load_model(
    experiment: Experiment = "bundled", *, set: Overrides = (), method: str | None = None, adapter: Folder = None
) -> Any:
    """Load an experiment's base model, with a PEFT adapter from a folder on it when one is given.

    `method` names an entry of `methods:` that has a base of its own, and loads that one. Raises ModelError for an
    adapter of a run that was trained on another base; another adapter that names another base is loaded with a warning.
    """
    import warnings

    from dialora.models.adapters import load_adapter
    from dialora.models.loading import load_base_model
    from dialora.systems.adapter_base import choose_base, describe_doubt

    whole, folder = load_experiment(experiment, set), find_path(adapter)
    config = choose_base(whole, method)
    doubt = None if folder is None else describe_doubt(folder, whole, config)
    model = load_base_model(config)
    if folder is None:
        return model
    adapted = load_adapter(model, folder)
    if doubt is not None:
        warnings.warn(doubt, stacklevel=2)
    return adapted


def _find_system(run: str | Path | System, method: str | None, set: Overrides) -> System:
    from dialora.systems import System, find_system

    return run if isinstance(run, System) else find_system(Path(run), method=method, set=set)


__all__ = ["load_model", "parity", "summarize", "summarize_file"]

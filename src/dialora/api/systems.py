"""Systems in use."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.api.inputs import Experiment, Folder, Overrides, Watch, find_path
from dialora.config import BUNDLED, list_overrides, load_experiment
from dialora.errors import ConfigError
from dialora.records import ignore_events
from dialora.store import RUNS

if TYPE_CHECKING:
    from dialora.config.launch import Launch
    from dialora.export import Export
    from dialora.records import Observer
    from dialora.systems import System
    from dialora.systems.precision import PrecisionCost
    from dialora.systems.summarizer import Summarizer
    from dialora.systems.summary import Summary

SystemName = str | Path | None
SUMMARIZING = ("local", "ray")
"""Launchers whose workers summarize."""


def load(
    system: SystemName = None,
    *,
    method: str | None = None,
    base: Folder = None,
    speakers: Any = None,
    on_long: Any = "split",
    join: Any = "concatenate",
    set: Overrides = (),
    observer: Watch = None,
) -> Summarizer:
    """Return a system that is ready to summarize: `.summarize(text, turns or path)`, `.stream(many of them)`.

    `system` is a run's folder, an experiment's with `method`, a PEFT adapter's, a model's, a converted one's, or a hub
    id; `base` is the model of an adapter that names another place for it, or of a converted folder. Without a system it
    is the winner of the bundled experiment, which is run first where it has not been.

    `speakers` is `person_tags` or `names`, as the system was trained on unless it is given. What is longer than the
    system reads is summarized in parts (`on_long`: split, truncate, error), whose summaries follow each other or are
    summarized once more (`join`: concatenate, resummarize). `set` takes `generation.*` and `decoding.*`. Raises
    DialoraError.
    """
    from dialora.systems.options import SummaryOptions
    from dialora.systems.summarizer import Summarizer

    options = SummaryOptions(on_long=on_long, join=join, speakers=speakers)
    found = find_system(system, method=method, base=base, set=set, observer=observer)
    return Summarizer(found, options, lambda message: warnings.warn(message, stacklevel=2))


def summarize(
    content: Any,
    *,
    system: SystemName = None,
    method: str | None = None,
    base: Folder = None,
    speakers: Any = None,
    on_long: Any = "split",
    join: Any = "concatenate",
    set: Overrides = (),
) -> Summary | list[Summary]:
    """Summarize a text, a list of turns, a file, or many of them; see `load` and `Summarizer.summarize`.

    Whoever has more than one thing to summarize loads the system once.
    """
    loaded = load(system, method=method, base=base, speakers=speakers, on_long=on_long, join=join, set=set)
    return loaded.summarize(content)


def summarize_files(
    inputs: str | Path | Sequence[str | Path],
    *,
    output: str | Path,
    system: SystemName | System = None,
    method: str | None = None,
    base: Folder = None,
    speakers: Any = None,
    on_long: Any = "split",
    join: Any = "concatenate",
    rename: Mapping[str, str] | None = None,
    launch: Mapping[str, Any] | None = None,
    set: Overrides = (),
    observer: Watch = None,
) -> int:
    """Summarize files, folders and patterns into a .jsonl, .csv, .parquet or .txt file; return how many were written.

    Memory stays the same however much they hold. `rename` has new names of speakers. `launch` says which workers
    summarize, as an experiment file does: {"workers": 2}, or {"engine": "ray", "address": "auto"}; the file is the same
    whoever does. Killed, the same call goes on where it was.
    """
    from dialora.systems.items import open_inputs
    from dialora.systems.options import SummaryOptions
    from dialora.systems.summaries import summarize_inputs

    options = SummaryOptions(on_long=on_long, join=join, speakers=speakers)
    found = find_system(system, method=method, base=base, set=set, observer=observer)
    workers = build_launch({f"launch.{name}": value for name, value in (launch or {}).items()})
    named = [inputs] if isinstance(inputs, str | Path) else inputs
    with open_inputs(named, names=rename, output=Path(output)) as opened:
        return summarize_inputs(
            found, opened, Path(output), options=options, observer=observer or ignore_events, launch=workers
        )


def build_launch(set: Overrides) -> Launch | None:
    """Return which workers `launch.*` asks for; None where this process does all itself. Raises ConfigError."""
    # Not the shipped file, which a folder of that name would hide.
    values = {"name": "system", "model": BUNDLED, "data": {"source": BUNDLED}, "methods": {"zero_shot": {}}}
    found = load_experiment(values, set).launch
    if found is None or (found.engine == "local" and found.workers == 1):
        return None
    if found.engine not in SUMMARIZING:
        raise ConfigError(f"launch.engine: {found.engine} does not summarize; {' or '.join(SUMMARIZING)} does.")
    found.require()
    return found


def find_system(
    system: SystemName | System,
    *,
    method: str | None = None,
    base: Folder = None,
    set: Overrides = (),
    observer: Watch = None,
) -> System:
    """Return the system that a name is, or the winner of the bundled experiment; see `load`. Loads nothing yet."""
    from dialora.systems import System
    from dialora.systems import find_system as find
    from dialora.systems.kinds.finding import find_winning_system, has_comparison, require_bundled

    if isinstance(system, System):
        return system
    if system is not None:
        return find(system, method=method, base=base, set=set)
    root, set = RUNS / BUNDLED, list_overrides(set)
    require_bundled(method=method, base=base, set=set)
    if not has_comparison(root):
        from dialora.api.experiments import compare

        (observer or ignore_events)({"event": "note", "message": f"No system is named, so the winner of the bundled "
                                    f"experiment is used, which is run first, into {root}."})  # fmt: skip
        compare(BUNDLED, output=root, observer=lambda event: _pass_on(event, observer or ignore_events))
    return find_winning_system(root, method=method, set=set)


def _pass_on(event: dict[str, Any], observer: Observer) -> None:
    if event["event"] != "reported":  # the comparison is not what was asked for
        observer(event)


def parity(
    run: str | Path | System,
    *,
    precision: str = "int8",
    method: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
) -> PrecisionCost:
    """Compare a system's summaries in a lower precision with those in fp32, on its test dialogues."""
    from dialora.systems import System
    from dialora.systems.kinds.finding import find_run
    from dialora.systems.precision import measure_precision

    given, fixed = list_overrides(set), {"generation.precision": precision}
    overrides = given | fixed if isinstance(given, dict) else [*given, f"generation.precision={precision}"]
    found = run if isinstance(run, System) else find_run(run, method=method, set=overrides)
    return measure_precision(found, observer=observer or ignore_events)


def export_run(
    run: str | Path | System,
    *,
    to: str,
    output: str | Path,
    precision: str = "fp32",
    method: str | None = None,
    force: bool = False,
    set: Overrides = (),
    observer: Watch = None,
) -> Export:
    """Export a run as `to` (adapter, merged, ctranslate2, onnx) into a folder that is not there yet.

    What was written is loaded again and compared with the run on its test dialogues; what is not the same is refused
    (ExportError), or kept with `force`, marked in its `export.json`. The result's `.verdict` has what was found.
    """
    from dialora.export import export_system, find_exportable
    from dialora.systems import System

    found = run if isinstance(run, System) else find_exportable(run, method=method, precision=precision, set=set)
    return export_system(found, to=to, output=Path(output), force=force, observer=observer or ignore_events)


def load_model(
    experiment: Experiment = "bundled", *, set: Overrides = (), method: str | None = None, adapter: Folder = None
) -> Any:
    """Load an experiment's base model, with a PEFT adapter from a folder on it when one is given.

    `method` names an entry of `methods:` that has a base of its own, and loads that one. Raises ModelError for an
    adapter of a run that was trained on another base; another adapter that names another base is loaded with a warning.
    """
    from dialora.models.adapters import load_adapter
    from dialora.models.loading import load_base_model
    from dialora.systems.kinds.adapter_base import choose_base, describe_doubt

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


__all__ = ["build_launch", "export_run", "find_system", "load", "load_model", "parity", "summarize", "summarize_files"]

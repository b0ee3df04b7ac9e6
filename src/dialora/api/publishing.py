"""Publishing a trained system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dialora.api.inputs import Folder, Watch, find_path
from dialora.errors import ConfigError
from dialora.records import ignore_events
from dialora.store import names


@dataclass(frozen=True, slots=True)
class Publication:
    """What was written, and where it was sent."""

    folder: Path
    url: str | None
    """On the hub; None where nothing was sent."""
    licence: str
    """By the hub's id; `unknown` where none is known or named."""
    terms: tuple[str, ...]
    """What data and base ask for, in plain sentences."""


def publish(
    run: str | Path,
    to: str | None = None,
    *,
    method: str | None = None,
    public: bool = False,
    license: str | None = None,
    base: str | None = None,
    dry_run: bool = False,
    output: Folder = None,
    observer: Watch = None,
) -> Publication:
    """Write a run's system with a card into a folder, and put that folder on the hub under the id `to`.

    `run` is a run's folder, or an experiment's with `method`, which has been compared. A repository that does not exist
    is made, private unless `public`; nothing gets into a public one without. `license` is the hub's id of one, where
    not that of the data and the base is meant; `base` the hub id of a base that the run had as a folder. `output` is
    the folder, `published/` in the run's unless it is given; with `dry_run` nothing is sent, and `to` may be missing.
    Raises ConfigError, StageError, ModelError, HubError.
    """
    from dialora.publishing import choose, read_facts, upload, write_folder
    from dialora.report.licences import describe_terms, find_works, has_terms
    from dialora.store import alone_in, disk_errors_explained, require_apart
    from dialora.systems.kinds.runs import find_run_system

    if to is None and not dry_run:
        raise ConfigError(
            "publish: give --to owner/name, where it is to be on the hub, or --dry-run for the folder alone."
        )
    root = _find_folder(run)
    system = find_run_system(root, method=_choose_trained(root) if method is None else method)
    choices = choose(system.config, repo=to, is_public=public, licence=license, base=base)
    facts, folder = read_facts(system), find_path(output)
    watch, target = observer or ignore_events, system.folder / names.PUBLISHED if folder is None else folder
    if folder is not None:
        require_apart(folder)
    # What is sent is what was written: no other one replaces it meanwhile.
    with disk_errors_explained(target), alone_in(target):
        write_folder(facts, choices, target, replaces=folder is None)
        works = find_works(facts.config)
        terms = describe_terms(works, choices.licence)
        for sentence in terms if has_terms(works) else ():
            watch({"event": "warning", "message": sentence})
        if facts.is_adapter and choices.needs_folder(facts.config):
            lacking = "Its base is a folder of yours: name what it is on the hub with --base."
            watch({"event": "warning", "message": lacking})
        url = None if dry_run or to is None else upload(target, to, is_public=public, observer=watch)
    return Publication(target, url, choices.licence, tuple(terms))


def _choose_trained(root: Path) -> str | None:
    """Return the only method of an experiment that trained anything; None of a run. Raises ConfigError for several."""
    from dialora.store import find_runs, is_run_folder

    if is_run_folder(root):
        return None
    trained = sorted({run.key for run in find_runs(root) if (run.folder / names.TRAINING).is_dir()})
    if len(trained) > 1:
        raise ConfigError(f"publish {root}: holds several systems; choose one with --method: {', '.join(trained)}.")
    return trained[0] if trained else None


def _find_folder(run: str | Path) -> Path:
    """Return the folder of a run or experiment, or of the name of one below `runs/`. Raises ConfigError."""
    from dialora.store import RUNS, ExperimentFolder, is_run_folder

    path = Path(run).expanduser()
    if not path.is_dir() and path.parent == Path() and (RUNS / path).is_dir():
        path = RUNS / path
    # `training/` of a run, which others take for the system, is the run's.
    if path.resolve().name == names.TRAINING and is_run_folder(path.resolve().parent):
        path = path.resolve().parent
    if not path.is_dir() or not (is_run_folder(path) or ExperimentFolder(path).config.is_file()):
        raise ConfigError(
            f"publish {run}: is no run's folder, nor an experiment's (no {names.EXPERIMENT}); give one that `dialora "
            f"compare` has made, as runs/NAME."
        )
    return path


__all__ = ["Publication", "publish"]

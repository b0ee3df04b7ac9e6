"""The systems that are served: which names they have, and what is needed to read for each and to write with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import Overrides, list_overrides
from dialora.errors import ConfigError, StageError
from dialora.store import RUNS, ExperimentFolder, find_runs, is_run_folder
from dialora.systems import System, find_system, find_winner
from dialora.systems.kinds.system import RunSystem
from dialora.systems.options import SummaryOptions
from dialora.systems.reading import ItemReader

if TYPE_CHECKING:
    from dialora.serving.batcher import Batcher

MOST_SYSTEMS = 4


@dataclass(slots=True)
class ServedSystem:
    """One system under the name that requests call it by."""

    name: str
    """Its method in an experiment, else its own name."""
    label: str
    system: System
    is_default: bool = False
    batcher: Batcher | None = None
    """None until it is loaded."""
    _readers: dict[SummaryOptions, ItemReader] = field(default_factory=dict)

    def find_reader(self, options: SummaryOptions) -> ItemReader:
        """Return what reads for it."""
        if options not in self._readers:
            # That nothing tells how its training data call speakers, the terminal was told when it was loaded.
            self._readers[options] = ItemReader(self.system, options, lambda message: None)
        return self._readers[options]

    def describe(self) -> dict[str, Any]:
        """Return what a client is told of it."""
        config = self.system.config
        base = self.system.base or config.model
        return {
            "name": self.name,
            "label": self.label,
            "base": Path(base).name or base,
            "max_source_length": config.data.max_source_length,
            "is_default": self.is_default,
        }


def find_served(names: Sequence[str | Path], *, base: str | None = None, set: Overrides = ()) -> list[ServedSystem]:
    """Return the systems that some names are; of an experiment's folder, those of all its methods. Loads nothing yet.

    Raises ConfigError where they are more than four, and as `find_system` does.
    """
    overrides = list_overrides(set)
    served: list[ServedSystem] = []
    for name in names:
        root = _find_experiment(name)
        methods = [None] if root is None else _list_methods(root)
        best = None if root is None else _find_best(root)
        for method in methods:
            system = find_system(name, method=method, base=base, set=overrides)
            label = system.config.methods[system.key].label if isinstance(system, RunSystem) else system.name
            served.append(ServedSystem(method or system.name, label, system, method is not None and method == best))
    if len(served) > MOST_SYSTEMS:
        found = ", ".join(one.name for one in served)
        raise ConfigError(
            f"serve: these are {len(served)} systems ({found}), and at most {MOST_SYSTEMS} are served; name the runs' "
            f"folders."
        )
    return _settle(served)


def _find_experiment(name: str | Path) -> Path | None:
    """Return the experiment's folder that a name is, taken as `find_system` does; None where it is something else."""
    path = Path(name).expanduser()
    if not path.is_dir() and path.parent == Path() and (RUNS / path).is_dir():
        path = RUNS / path
    return path if path.is_dir() and not is_run_folder(path) and ExperimentFolder(path).config.is_file() else None


def _list_methods(root: Path) -> list[str | None]:
    """Return the methods of an experiment's finished runs, in the experiment's order as far as that is known."""
    from dialora.config import load_experiment

    found = {run.key: None for run in find_runs(root)}
    if not found:
        raise StageError(f"{root}: no finished run; `dialora compare` makes them.")
    order = list(load_experiment(ExperimentFolder(root).config).methods)
    return sorted(found, key=lambda key: (order.index(key) if key in order else len(order), key))


def _find_best(root: Path) -> str | None:
    try:
        return find_winner(root)
    except StageError:
        return None


def _settle(served: list[ServedSystem]) -> list[ServedSystem]:
    """Give each system a name and a label of its own, and have one default."""
    wanted, taken = [one.name for one in served], set[str]()
    for one in served:
        if one.name in taken:
            # Never a name that another one has by itself.
            others = (f"{one.name}-{number}" for number in count(2))
            one.name = next(name for name in others if name not in taken and name not in wanted)
        taken.add(one.name)
    labels = [one.label for one in served]
    first = next((one for one in served if one.is_default), served[0])
    for one in served:
        one.is_default = one is first
        if labels.count(one.label) > 1:
            one.label = f"{one.label} ({one.name})"
    return served


__all__ = ["MOST_SYSTEMS", "ServedSystem", "find_served"]

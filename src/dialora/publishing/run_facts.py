"""All that a card says of a run, read from its folder and its experiment's; nothing is loaded or computed anew.

No path leaves here: wherever a text of the comparison names a folder by its path, it gets that folder's own name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dialora.comparison import Comparison, System, aggregate_references
from dialora.comparison.faithfulness import SystemFaithfulness
from dialora.comparison.faithfulness_stage import load_faithfulness
from dialora.config import ExperimentConfig, load_experiment
from dialora.data.tokens import Prompt
from dialora.errors import ConfigError, StageError
from dialora.models.adapter_settings import SETTINGS
from dialora.models.usage import read_special
from dialora.records import ExampleScores
from dialora.report.comparison_stage import build_comparison, load_comparison
from dialora.store import ExperimentFolder, Stage, load_json, load_records, names, read_key, read_run
from dialora.systems import System as UsedSystem
from dialora.systems.kinds.system import RunSystem

CLOSE = 1e-9
"""Means of the same scores, added up in another order."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One trained run, and the comparison that it stands in."""

    config: ExperimentConfig
    """The run's own: its base, prompt, lengths and decoding."""
    key: str
    seed: int
    prompt: Prompt
    special: dict[str, Any]
    """The special tokens of generation."""
    training: Path
    """Its folder."""
    files: tuple[str, ...]
    """What it was written with there, but for dialora's own files."""
    comparison: Comparison
    trained: dict[str, Any]
    """training.json."""
    written: dict[str, Any]
    """generation.json."""
    splits: dict[str, dict[str, Any]]
    """data.json, by split."""
    faithfulness: tuple[SystemFaithfulness, ...]
    hide: Callable[[str], str]
    """Takes the paths out of a text."""

    @property
    def is_adapter(self) -> bool:
        """Whether it goes on a base that is not in its folder."""
        return SETTINGS in self.files

    @property
    def system(self) -> System:
        """Its row of the comparison."""
        return next(system for system in self.comparison.systems if system.key == self.key)

    def find_own_mean(self, metric: str) -> float:
        """Return what these very weights score in a metric, whatever other seeds do."""
        interval, at = self.system.scores[metric], self.system.seeds.index(self.seed)
        return interval.seed_means[at] if interval.seed_means else interval.mean


def read_facts(system: UsedSystem) -> RunFacts:
    """Read what is known of a run. Raises ConfigError where it is none that was trained, StageError where it is not
    what the comparison beside it is about.
    """
    if not isinstance(system, RunSystem):
        raise ConfigError(
            f"{system.name}: is no run; give the folder of a run or experiment that dialora has compared."
        )
    if system.training is None:
        raise ConfigError(
            f"{system.name}: {system.key} trains nothing, so there is nothing to publish; choose another."
        )
    folder = read_run(system.folder).experiment
    comparison, seed = load_comparison(folder.root).comparison, system.config.seeds[0]
    _require_compared(system, comparison, seed)
    hide = _build_hider(_list_paths(system, folder))
    training = system.training.folder
    own = {names.MANIFEST, names.TRAINING_FACTS, "README.md"}
    return RunFacts(
        config=system.config,
        key=system.key,
        seed=seed,
        prompt=system.prompt,
        special=read_special(system.config, system.tokenizer, training),
        training=training,
        files=tuple(name for name in load_json(training / names.MANIFEST)["files"] if name not in own),
        comparison=build_comparison(_map_texts(comparison.to_json(), hide)),
        trained=load_json(training / names.TRAINING_FACTS),
        written=load_json(_open(system.folder / names.GENERATION) / names.GENERATION_FACTS),
        splits=folder.load_data_summary()["splits"],
        faithfulness=load_faithfulness(folder),
        hide=hide,
    )


def _require_compared(system: RunSystem, comparison: Comparison, seed: int) -> None:
    """Raise StageError unless the comparison is about this run: it has its very scores."""
    row = next((one for one in comparison.systems if one.key == system.key and not one.yardstick), None)
    what = f"{system.name}: the comparison beside it is not about this run"
    if row is None or seed not in row.seeds:
        raise StageError(f"{what}; `dialora compare` of its experiment makes one that is.")
    scores = load_records(ExampleScores, _open(system.folder / names.SCORING) / names.SCORES)
    rule, at = system.config.scoring.references, row.seeds.index(seed)
    for metric, interval in row.scores.items():
        if not all(metric in one.scores for one in scores):
            raise StageError(f"{what} as it was scored last ({metric}); run `dialora compare` of its experiment again.")
        mean = np.mean([aggregate_references(one.scores[metric], rule) for one in scores])
        told = interval.seed_means[at] if interval.seed_means else interval.mean
        if not abs(mean - told) < CLOSE:
            raise StageError(f"{what} as it is now ({metric}); run `dialora compare` of its experiment again.")


def _open(folder: Path) -> Path:
    return Stage(folder, read_key(folder)).require()


def _list_paths(system: RunSystem, folder: ExperimentFolder) -> Iterable[str]:
    """Give whatever is a path in what the comparison was made from."""
    configs = [system.config]
    configs += [load_experiment(folder.config)] if folder.config.is_file() else []
    for config in configs:
        yield from (config.model, config.data.source)
        yield from (method.model for method in config.methods.values() if method.model is not None)
        yield from (model for metric in config.scoring.learned.values() for model in metric.list_models())
    yield from (str(folder.root), str(Path.cwd()))


def _build_hider(sources: Iterable[str]) -> Callable[[str], str]:
    """Return what puts a folder's own name in the place of its path, longer paths first."""
    hidden = {}
    for source in sources:
        path = Path(source).expanduser()
        for form in {source, str(path), str(path.absolute()), str(path.resolve())}:
            if form.startswith(("/", "~")) and len(form) > 1:
                hidden[form] = path.resolve().name
    home = str(Path.home())
    hidden |= {home: "~"} if len(home) > 1 else {}

    def hide(text: str) -> str:
        for form in sorted(hidden, key=len, reverse=True):
            text = text.replace(form, hidden[form])
        return text

    return hide


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return plain JSON values with every text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _map_texts(item, change) for name, item in value.items()}
    return [_map_texts(item, change) for item in value] if isinstance(value, list | tuple) else value


__all__ = ["RunFacts", "read_facts"]

"""An experiment's folder, or that of a table of outputs: where its stages and pages lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.records import Example
from dialora.store import names
from dialora.store.files import load_json, load_records
from dialora.store.stage import Stage, read_key
from dialora.store.work import WorkPlace

RUNS = Path("runs")
"""Where experiments lie when nothing else is said."""


@dataclass(frozen=True, slots=True)
class ExperimentFolder:
    """The folder of one experiment, or of one table of outputs; nothing of it need be there."""

    root: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.root.name

    @property
    def config(self) -> Path:
        """The experiment as it was run."""
        return self.root / names.EXPERIMENT

    @property
    def results(self) -> Path:
        """The comparison as JSON."""
        return self.root / names.RESULTS

    @property
    def checked(self) -> Path:
        """The key of what has passed its checks."""
        return self.root / names.CHECKED

    @property
    def data_key(self) -> str:
        """The key of the examples that lie there; "" where there are none."""
        return read_key(self.root / names.DATA)

    @property
    def has_data(self) -> bool:
        """Examples lie there, of whatever configuration."""
        return bool(self.data_key)

    @property
    def searches(self) -> Path:
        """The folder of the searches for learning rates."""
        return self.root / names.TUNING

    def data(self, key: str) -> Stage:
        """Return the stage of the examples."""
        return Stage(self.root / names.DATA, key)

    def load_examples(self, split: str) -> list[Example]:
        """Return a split's examples as they lie there. Raises StageError where they are missing or damaged."""
        return load_records(Example, self.data(self.data_key).require() / names.examples(split))

    def load_data_summary(self) -> dict[str, Any]:
        """Return how the examples came about. Raises StageError where that is missing or damaged."""
        summary: dict[str, Any] = load_json(self.data(self.data_key).require() / names.DATA_SUMMARY)
        return summary

    def read_token_seconds(self) -> float | None:
        """Return how long tokenizing took; None where an earlier version did it, or it is not known any more."""
        seconds = []
        for folder in sorted(self.root.glob(names.tokens("*"))):
            if not Stage(folder, read_key(folder)).is_complete_but_for_weights:
                return None
            facts = folder / names.TOKENS_FACTS
            seconds += [float(load_json(facts)["seconds"])] if facts.is_file() else []
        return sum(seconds) if seconds else None

    @property
    def place(self) -> WorkPlace:
        """Where work for the whole experiment is done."""
        return WorkPlace(self.name, "", self.root, self.root / names.WORK)

    def tokens(self, key: str, *, is_own: bool = True) -> Stage:
        """Return the stage of the tokenized splits: the experiment's own, or another base's or prompt's."""
        return Stage(self.root / (names.TOKENS if is_own else names.tokens(f"-{key[:8]}")), key)

    def yardsticks(self, key: str) -> Stage:
        """Return the stage of the yardsticks' scores."""
        return Stage(self.root / names.YARDSTICKS, key)

    def faithfulness(self, key: str) -> Stage:
        """Return the stage of what is not in the dialogues."""
        return Stage(self.root / names.FAITHFULNESS, key)

    def comparison(self, key: str | None = None) -> Stage:
        """Return the stage of the comparison; of whatever configuration it lies there of, without a key."""
        folder = self.root / names.COMPARISON
        return Stage(folder, read_key(folder) if key is None else key)

    @property
    def studies(self) -> Path:
        """The folder of what people judged."""
        return self.root / names.STUDIES

    def table_scores(self, key: str) -> Stage:
        """Return the stage of a table's scores."""
        return Stage(self.root / names.SCORING, key)


__all__ = ["RUNS", "ExperimentFolder"]

"""An experiment's folder, or that of a table of outputs: where its stages and pages lie, and nobody else in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from dialora.errors import ConfigError, StageError
from dialora.store import names
from dialora.store.files import disk_errors_explained
from dialora.store.stage import Stage, read_key
from dialora.store.system import require_posix
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
    def data_summary(self) -> Path:
        """How the examples came about."""
        return self.root / names.DATA / names.DATA_SUMMARY

    @property
    def tokens_facts(self) -> Path:
        """How long tokenizing took."""
        return self.root / names.TOKENS / names.TOKENS_FACTS

    @property
    def searches(self) -> Path:
        """The folder of the searches for learning rates."""
        return self.root / names.TUNING

    def data(self, key: str) -> Stage:
        """Return the stage of the examples."""
        return Stage(self.root / names.DATA, key)

    @property
    def place(self) -> WorkPlace:
        """Where work for the whole experiment is done."""
        return WorkPlace(self.name, "", self.root, self.root / names.WORK)

    def tokens(self, key: str) -> Stage:
        """Return the stage of the tokenized splits."""
        return Stage(self.root / names.TOKENS, key)

    def yardsticks(self, key: str) -> Stage:
        """Return the stage of the yardsticks' scores."""
        return Stage(self.root / names.YARDSTICKS, key)

    def faithfulness(self, key: str) -> Stage:
        """Return the stage of what is not in the dialogues."""
        return Stage(self.root / names.FAITHFULNESS, key)

    def table_scores(self, key: str) -> Stage:
        """Return the stage of a table's scores."""
        return Stage(self.root / names.SCORING, key)

    def examples(self, split: str) -> Path:
        """Return the file of one split's examples."""
        return self.root / names.DATA / names.examples(split)


@contextmanager
def own_folder(root: Path, *, tables: Sequence[str] = ()) -> Iterator[ExperimentFolder]:
    """Make the folder and keep other dialoras out of it meanwhile. Raises StageError, or ConfigError.

    `tables` are the files of outputs that the folder is to be of; without any it is an experiment's. A folder of
    another kind, or of other files, is refused: its results would be overwritten.
    """
    require_posix()
    with disk_errors_explained(root):
        _require_own_folder(root)
        _require_kind(ExperimentFolder(root).config, tables)
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / names.LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise StageError(
                f"{root}: another dialora is at work here; wait for it, or give another --output."
            ) from error
        try:
            yield ExperimentFolder(root)
        finally:
            lock.release()


def _require_own_folder(root: Path) -> None:
    """Raise ConfigError when `root` is somebody else's folder."""
    if root.exists() and not root.is_dir():
        raise ConfigError(f"--output {root}: is a file; give a folder.")
    found = {path.name for path in root.iterdir()} if root.is_dir() else set()
    if found and not {names.EXPERIMENT, names.LOCK} & found:
        raise ConfigError(f"--output {root}: holds files that are not dialora's; give a new or empty folder.")


def _require_kind(file: Path, tables: Sequence[str]) -> None:
    """Raise ConfigError where what lies in a folder is not of the kind that is to be written there."""
    if not file.is_file():
        return
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError):
        values = None
    if not isinstance(values, dict):
        if tables:
            raise ConfigError(f"--output {file.parent}: its {file.name} cannot be read; give another folder.")
        return
    found = [str(path) for path in (values.get("table"), *(values.get("further") or ())) if path is not None]
    if not tables and found:
        raise ConfigError(f"--output {file.parent}: holds the scores of the table {found[0]}; give another folder.")
    if tables and not found:
        raise ConfigError(f"--output {file.parent}: holds the experiment {values.get('name')}; give another folder.")
    if len(tables) != len(found) or not all(map(_is_same_table, map(Path, found), map(Path, tables))):
        raise ConfigError(
            f"--output {file.parent}: holds the scores of {', '.join(found)}, not of {', '.join(tables)}; give another "
            "folder."
        )


def _is_same_table(found: Path, table: Path) -> bool:
    # A relative path counts from where it was given, which need not be here.
    return found.name == table.name and (not found.exists() or found.resolve() == table.resolve())


__all__ = ["RUNS", "ExperimentFolder", "own_folder"]

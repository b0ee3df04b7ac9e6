"""The only module that knows the run directory: where things lie, when they are complete, how they are written.

    runs/<experiment>/
    ├── experiment.yaml              the experiment as it was run, every default written out
    ├── data/                        stage: the Examples of each split, what was skipped
    ├── tokens/                      stage: the training and validation splits as token ids
    ├── yardsticks/                  stage: what people and the floors score on the test split
    ├── faithfulness/                stage: what the systems' summaries say that their dialogues do not
    ├── <method>-s<seed>-<hash8>/    one run
    │   ├── training/                stage: the adapter or model, losses, cost
    │   ├── generation/              stage: predictions
    │   ├── scoring/                 stage: scores per example and reference
    │   ├── ctranslate2-<precision>/ stage: the system converted, once it has been used after the experiment
    │   └── work/                    checkpoints and logs of stages under way
    ├── tuning/<method>-<hash8>/     the search for a method's learning rate, where one is asked for
    │   └── <method>-trial-<n>/      one trial: result/ (stage: losses and cost, no weights), work/ while under way
    ├── results.json
    └── report.md, report.html, figures/  (and .report.json: what they were made from)

A stage is written into a temporary folder, its `manifest.json` last, and renamed: a folder with a manifest is whole.
The manifest's `key` is a hash of all that went in; a stage whose key does not fit is made anew.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from dialora.config import stable_hash
from dialora.errors import StageError
from dialora.protocols import STANDARD
from dialora.records import Record

MANIFEST = "manifest.json"
T = TypeVar("T", bound=Record)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage's folder, and the key its content must have been made from."""

    folder: Path
    key: str

    @property
    def is_complete(self) -> bool:
        """The folder is whole and was made from this key."""
        try:
            manifest = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            files = manifest["files"].items()
            return bool(manifest["key"] == self.key) and all(
                (self.folder / name).stat().st_size == entry["bytes"] for name, entry in files
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Give a temporary folder to fill; on leaving without an error it becomes the stage, all at once."""
        temporary = self.folder.with_name(f".{self.folder.name}.writing")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            _write_manifest(temporary, self.key)
            # A folder cannot be renamed onto another: the old one goes first, and is made anew if we die here.
            shutil.rmtree(self.folder, ignore_errors=True)
            temporary.rename(self.folder)
            _sync(self.folder.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise

    def require(self) -> Path:
        """Return the folder. Raises StageError when it is not complete."""
        if not self.is_complete:
            raise StageError(
                f"{self.folder}: this stage is missing, or was made from another configuration; run it first "
                f"(`dialora compare` runs all that is missing)."
            )
        return self.folder


@dataclass(frozen=True, slots=True)
class Run:
    """One method × one seed × one configuration, and the stages it goes through."""

    key: str
    method: str
    seed: int
    folder: Path
    training: Stage | None
    """None for a method that does not train."""
    generation: Stage
    scoring: Stage

    @property
    def work(self) -> Path:
        """Checkpoints, partial predictions and logs; not part of any stage."""
        return self.folder / "work"

    @property
    def name(self) -> str:
        """The run in a word or two."""
        return self.folder.name

    def tidy(self) -> None:
        """Remove what only a stage under way needs, of the stages that are complete."""
        spent: list[Path] = []
        if self.training is not None and self.training.is_complete:
            names = ("checkpoint-*", "best.*", "encoder.*", "frozen.*")
            spent += [path for name in names for path in self.work.glob(name)]
        if self.generation.is_complete:
            spent += [self.work / "partial.jsonl", *self.work.glob("ctranslate2-*")]
        for path in spent:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def measure_weights(folder: Path) -> int | None:
    """Return the bytes of the weights that a training stage saved; None where there are none."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) or None


def build_run(
    root: Path,
    *,
    key: str,
    method: str,
    seed: int,
    trains: bool,
    inputs: Any,
    decoding: Any,
    scorer: str = STANDARD.scorer,
) -> Run:
    """Lay out one run under `root`.

    `inputs` is all that the trained system depends on and names the folder; `decoding` is what generation depends on
    besides; `scorer` what scores do. They are plain values.
    """
    digest = stable_hash([key, method, seed, inputs])
    folder = root / f"{key}-s{seed}-{digest[:8]}"
    generation = stable_hash([digest, decoding])
    return Run(
        key=key,
        method=method,
        seed=seed,
        folder=folder,
        training=Stage(folder / "training", digest) if trains else None,
        generation=Stage(folder / "generation", generation),
        scoring=Stage(folder / "scoring", stable_hash([generation, scorer, version("rouge_score")])),
    )


def build_trial(root: Path, *, key: str, method: str, number: int, seed: int, digest: str, learning_rate: float) -> Run:
    """Lay out one trial of a search for a learning rate: a run whose only stage is its result.

    `digest` is a hash of all that the trial depends on besides its rate, and names the search's folder.
    """
    folder = root / "tuning" / f"{key}-{digest[:8]}" / f"{key}-trial-{number}"
    result = Stage(folder / "result", stable_hash([digest, number, learning_rate]))
    return Run(key=key, method=method, seed=seed, folder=folder, training=result, generation=result, scoring=result)


@dataclass(frozen=True, slots=True)
class PartialLog:
    """Results of a stage under way, appended batch by batch, so that an interrupted one goes on where it was."""

    path: Path
    key: str

    def load(self) -> dict[int, list[dict[str, Any]]]:
        """Return the rows of each whole batch; a last line cut by a crash is left out."""
        if not self.path.is_file():
            return {}
        batches = {}
        for line in self.path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("key") == self.key:
                batches[entry["batch"]] = entry["rows"]
        return batches

    def append(self, batch: int, rows: list[dict[str, Any]]) -> None:
        """Add one batch, on disk before this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The newline in front closes a line that a crash left open.
        line = json.dumps({"key": self.key, "batch": batch, "rows": rows}, ensure_ascii=False)
        with self.path.open("ab") as file:
            file.write(f"\n{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())


def save_records(records: Iterable[Record], path: Path) -> None:
    """Write records as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")


def load_records(kind: type[T], path: Path) -> list[T]:
    """Read records from JSON lines."""
    # Not splitlines(): dialogues may hold U+2028 and the like, which it takes for line ends.
    lines = path.read_text(encoding="utf-8").split("\n")
    return [kind.from_json(json.loads(line)) for line in lines if line]


def save_json(values: Any, path: Path) -> None:
    """Write JSON all at once: readers see the old file or the new one."""
    save_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", path)


def load_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def save_text(text: str, path: Path) -> None:
    """Write text all at once: readers see the old file or the new one."""
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a StageError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full"
        elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            reason = "writing is not allowed"
        else:
            raise
        raise StageError(
            f"{folder}: {reason}. Finished stages are kept; mend it or give another --output, and run again."
        ) from error


def _write_manifest(folder: Path, key: str) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": hash_file(path)} for path in files
    }
    for path in files:
        _sync(path)
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps({"schema_version": 1, "key": key, "files": entries}, indent=2), encoding="utf-8")
    _sync(manifest)


def _sync(path: Path) -> None:
    """Have the system put a file's or folder's content on disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = [
    "MANIFEST",
    "PartialLog",
    "Run",
    "Stage",
    "build_run",
    "build_trial",
    "disk_errors_explained",
    "hash_file",
    "load_json",
    "load_records",
    "measure_weights",
    "save_json",
    "save_records",
    "save_text",
]

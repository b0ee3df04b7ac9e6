"""A stage of an experiment on disk: a folder that is whole or not there.

A stage is written into a temporary folder, its `manifest.json` last, and renamed: a folder with a manifest is whole.
The manifest's `key` is a hash of all that went in; a stage whose key does not fit is made anew, and so is one that
holds a file which is not the one that was written: the manifest has every file's digest, and its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from dialora.errors import StageError
from dialora.store import names
from dialora.store.damage import digest_once, tell_damage
from dialora.store.files import hash_file, load_json, sync

_SCHEMA_VERSION = 2
"""Since 2, a manifest has its own digest; those before are read without."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage's folder, and the key its content must have been made from."""

    folder: Path
    key: str

    @property
    def is_complete(self) -> bool:
        """The folder is whole, was made from this key, and every file in it is the one that was written."""
        return not self._find_problem(reads_weights=True)

    @property
    def is_complete_but_for_weights(self) -> bool:
        """As `is_complete`, with weights judged by their length alone: for what does not read them."""
        return not self._find_problem(reads_weights=False)

    @property
    def is_intact(self) -> bool:
        """The folder is complete, and its files are, to the byte, those that were written; reads them all."""
        if not self.is_complete:
            return False
        files = load_json(self.folder / names.MANIFEST)["files"].items()
        return all(hash_file(self.folder / name) == entry.get("sha256") for name, entry in files)

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Give a temporary folder to fill; on leaving without an error it becomes the stage, all at once."""
        temporary = self.folder.with_name(names.unfinished(self.folder.name))
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            _write_manifest(temporary, self.key)
            # A folder cannot be renamed onto another: the old one goes first, and is made anew if we die here.
            self.remove()
            temporary.rename(self.folder)
            sync(self.folder.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise

    def remove(self) -> None:
        """Remove what lies there, if anything does."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def require(self, *, reads_weights: bool = True) -> Path:
        """Return the folder. Raises StageError when it is not complete; see `is_complete_but_for_weights`."""
        problem = self._find_problem(reads_weights=reads_weights)
        if problem:
            raise StageError(
                f"{self.folder}: {problem}; run it first (`dialora compare` runs all that is missing; `dialora train` "
                f"also what has damaged weights)."
            )
        return self.folder

    def _find_problem(self, *, reads_weights: bool) -> str:
        """Say why the stage does not count; "" where it does. Damage is told to whoever listens."""
        path = self.folder / names.MANIFEST
        if not path.is_file():
            return "this stage is missing"
        try:
            manifest = load_json(path)
            key, files = manifest["key"], manifest["files"]
            _require_as_written(manifest)
            if key != self.key:
                return "this stage was made from another configuration"
            damaged = [
                name
                for name, entry in files.items()
                if not _is_as_written(self.folder / name, entry, by_length=names.is_weights(name) and not reads_weights)
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            damaged = [names.MANIFEST]
        if not damaged:
            return ""
        problem = f"this stage is damaged: {', '.join(damaged)} is not what was written there"
        tell_damage(f"{self.folder}: {problem}, so it does not count and is made anew.")
        return problem


def read_key(folder: Path) -> str:
    """Return the key of the stage that lies in a folder, whatever it is; "" where none lies there."""
    try:
        return str(load_json(folder / names.MANIFEST)["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def is_listed(folder: Path, name: str) -> bool:
    """Whether the manifest of a folder, where it has one, lists a file, which may be missing."""
    try:
        return name in load_json(folder / names.MANIFEST)["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_as_written(path: Path, entry: dict[str, object], *, by_length: bool) -> bool:
    try:
        if path.stat().st_size != entry["bytes"]:
            return False
        return by_length or digest_once(path) == entry["sha256"]
    except FileNotFoundError:
        return False


def _require_as_written(manifest: dict[str, Any]) -> None:
    """Raise ValueError where a manifest is not what was written, so that its key says nothing of a configuration."""
    if manifest["schema_version"] == 1 and "sha256" not in manifest:
        return
    if manifest["schema_version"] != _SCHEMA_VERSION or manifest["sha256"] != _digest(manifest):
        raise ValueError(names.MANIFEST)


def _digest(manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of all that a manifest says but for its digest."""
    values = {name: value for name, value in manifest.items() if name != "sha256"}
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _write_manifest(folder: Path, key: str) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": hash_file(path)} for path in files
    }
    for path in files:
        sync(path)
    manifest = folder / names.MANIFEST
    values = {"schema_version": _SCHEMA_VERSION, "key": key, "files": entries}
    manifest.write_text(json.dumps(values | {"sha256": _digest(values)}, indent=2), encoding="utf-8")
    sync(manifest)


__all__ = ["Stage", "is_listed", "read_key"]

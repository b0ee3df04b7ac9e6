"""A stage of an experiment on disk: a folder that is whole or not there.

A stage is written into a temporary folder, its `manifest.json` last, and renamed: a folder with a manifest is whole.
The manifest's `key` is a hash of all that went in; a stage whose key does not fit is made anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dialora.errors import StageError
from dialora.store import names
from dialora.store.files import hash_file, load_json, sync


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage's folder, and the key its content must have been made from."""

    folder: Path
    key: str

    @property
    def is_complete(self) -> bool:
        """The folder is whole and was made from this key."""
        try:
            manifest = load_json(self.folder / names.MANIFEST)
            files = manifest["files"].items()
            return bool(manifest["key"] == self.key) and all(
                (self.folder / name).stat().st_size == entry["bytes"] for name, entry in files
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

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
            shutil.rmtree(self.folder, ignore_errors=True)
            temporary.rename(self.folder)
            sync(self.folder.parent)
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


def read_key(folder: Path) -> str:
    """Return the key of the stage that lies in a folder, whatever it is; "" where none lies there."""
    try:
        return str(load_json(folder / names.MANIFEST)["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _write_manifest(folder: Path, key: str) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": hash_file(path)} for path in files
    }
    for path in files:
        sync(path)
    manifest = folder / names.MANIFEST
    manifest.write_text(json.dumps({"schema_version": 1, "key": key, "files": entries}, indent=2), encoding="utf-8")
    sync(manifest)


__all__ = ["Stage", "read_key"]

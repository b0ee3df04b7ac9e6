"""What a system's data and base are called where anybody may read it: a hub id, or a folder's own name, never a path.

Looks no further than the configuration, and whether a folder lies where it says.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import NamedTuple

from dialora.config import BUNDLED, ExperimentConfig
from dialora.config.base_identity import FILES

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_FILES = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xlsx", ".txt", ".zip", ".gz")
"""No hub id ends so; a file that is gone may be called like one otherwise."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Origin(NamedTuple):
    """Where data or a model comes from."""

    name: str
    """For people."""
    hub_id: str | None = None
    """None where others cannot have it from the hub."""
    revision: str | None = None
    """The commit of a hub id, or the branch or tag that was named."""

    @property
    def full_name(self) -> str:
        """The name, with the revision of a hub id."""
        revision = self.revision or ""
        shown = revision[:12] if _COMMIT.fullmatch(revision) else revision
        return f"{self.name}@{shown}" if shown else self.name


def find_data_origin(config: ExperimentConfig) -> Origin:
    """Return where an experiment's dialogues come from."""
    data = config.data
    if data.source == BUNDLED:
        return Origin("the dialogues that come with dialora")
    if _is_hub_id(data.source):
        return Origin(f"{data.source}, {data.name}" if data.name else data.source, data.source, data.revision)
    return Origin(_name_folder(data.source))


def find_base_origin(config: ExperimentConfig) -> Origin:
    """Return which base a system stands on; of an entry with its own base, `config.for_method` says it."""
    revision = config.model_revision or ""
    if config.model == BUNDLED:
        return Origin("the small T5 that comes with dialora")
    if not revision.startswith(FILES) and _is_hub_id(config.model):
        return Origin(config.model, config.model, revision or None)
    return Origin(_name_folder(config.model))


def _is_hub_id(source: str) -> bool:
    is_one = _HUB_ID.fullmatch(source) is not None and not source.lower().endswith(_FILES)
    return is_one and not Path(source).expanduser().exists()


def _name_folder(source: str) -> str:
    # `.` and `..` are called what they lead to.
    path = Path(source).expanduser()
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return PurePath(name).name or "a folder"


__all__ = ["Origin", "find_base_origin", "find_data_origin"]

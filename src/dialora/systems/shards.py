"""Shards: the chunks of an output as files, so that several workers make them and one process puts them in order.

    .<output>.shards/
    ├── plan.json       how many items each shard has, below its digest; written when all of them are cut
    ├── sample.items    the first items of all, with which every worker opens its engine
    ├── 000012.items    what is to be summarized, below its digest
    ├── 000012.owner    a link that names the worker who does; a dead one's shard is taken over
    ├── 000012.partial  its batches so far
    ├── 000012.rows     its rows, below their digest: written last, all at once
    └── worker-1/       a worker's sign of life and log

A shard is what one process would write as a chunk, so the same batches are written, whoever writes them. What is in the
output lies here no more. Any machine that sees the folder can work on it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

from dialora.data.transcripts import Conversation
from dialora.errors import StageError
from dialora.records import Record
from dialora.store import names, replacing
from dialora.store.damage import tell_damage
from dialora.store.heartbeat import CLAIM_SECONDS, read_heartbeat
from dialora.systems.items import Item

PLAN = "plan.json"
ITEMS, OWNER, PARTIAL, ROWS = "items", "owner", "partial", "rows"
SAMPLED = 64
"""Items that are kept for engines to be opened with."""


@dataclass(frozen=True, slots=True)
class Plan(Record):
    """How an output is cut."""

    key: str
    """Of the output."""
    start: int
    """Rows that were there before."""
    sizes: tuple[int, ...]
    """Items of each shard."""
    notes: tuple[str, ...]
    """What reading made of the inputs."""

    @property
    def total(self) -> int:
        """All rows of the output."""
        return self.start + sum(self.sizes)

    def find_shard(self, num_rows: int) -> int | None:
        """Return the shard that comes behind so many rows, one more than the last where none does; None where so many
        rows end in the middle of one."""
        ends = [*accumulate(self.sizes, initial=self.start)]
        return ends.index(num_rows) if num_rows in ends else None


class Shards:
    """The folder; any number of processes may work on it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # What cuts and merges

    def load_plan(self, key: str) -> Plan | None:
        """Return the plan; None where nothing is cut, or not all, or for another output, or the plan was changed."""
        path = self.folder / PLAN
        if not path.is_file():
            return None
        content = _load(path)
        if content is None:
            tell_damage(f"{path}: was changed; the inputs are cut again.")
            return None
        plan = Plan.from_json(json.loads(content))
        return plan if plan.key == key else None

    def is_whole(self, plan: Plan, first: int) -> bool:
        """Whether each shard from the first one on is there, made or to be made."""
        numbers = range(first, len(plan.sizes))
        is_sampled = (self.folder / f"sample.{ITEMS}").is_file() or not numbers
        return is_sampled and all(
            any(self._path(number, kind).exists() for kind in (ITEMS, ROWS)) for number in numbers
        )

    def cut(self, chunks: Iterable[Sequence[Item]], *, start: int) -> list[int]:
        """Write down the items of each chunk behind the first `start` rows, and return the chunks' sizes.

        What lay here before is removed, and so is what was cut of inputs that cannot be read. The plan is the caller's
        to save.
        """
        self.remove()
        self.folder.mkdir()
        try:
            return self._cut(chunks, start)
        except BaseException:
            self.remove()
            raise

    def _cut(self, chunks: Iterable[Sequence[Item]], start: int) -> list[int]:
        sizes: list[int] = []
        num_passed = 0
        for some in chunks:
            if not (self.folder / f"sample.{ITEMS}").exists():
                self._save_items(self.folder / f"sample.{ITEMS}", some[:SAMPLED])
            missing = some[max(0, start - num_passed) :]
            num_passed += len(some)
            if missing:
                self._save_items(self._path(len(sizes), ITEMS), missing)
                sizes.append(len(missing))
        return sizes

    def save_plan(self, plan: Plan) -> None:
        """Say that all is cut."""
        _save(json.dumps(plan.to_json()).encode("ascii"), self.folder / PLAN)

    def load_rows(self, number: int) -> bytes | None:
        """Return a shard's rows; None where they are not there yet, or not as they were written, which removes them."""
        path = self._path(number, ROWS)
        if not path.exists():
            return None
        content = _load(path)
        if content is None:
            tell_damage(f"{path}: was changed; its summaries are made again.")
            path.unlink()
        return content

    def drop(self, number: int) -> None:
        """Remove a shard that is in the output."""
        # The rows last: items without rows are somebody's work.
        for kind in (ITEMS, OWNER, PARTIAL, ROWS):
            self._path(number, kind).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all of it. Raises StageError where something else lies there."""
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise StageError(f"{self.folder}: is no folder of dialora's; move it away, or give another --output.")
        with suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    # What workers do

    def list_missing(self) -> list[int]:
        """Return the shards that have no rows yet."""
        found = {path.name for path in self.folder.iterdir()}
        numbers = sorted(int(stem) for name in found if name.endswith(f".{ITEMS}") and (stem := name[:6]).isdecimal())
        return [number for number in numbers if self._path(number, ROWS).name not in found]

    def claim(self, number: int, worker: str) -> bool:
        """Make a shard a worker's own; return whether it is. One whose owner is dead is taken over."""
        path = self._path(number, OWNER)
        try:
            path.symlink_to(worker)  # at once, with its content, also on folders that machines share
        except FileExistsError:
            if not (self._is_own(path, worker) or self._take_over(path, worker)):
                return False
        if number in self.list_missing():
            return True
        path.unlink(missing_ok=True)  # somebody has finished it since it was looked for
        return False

    def load_items(self, number: int) -> list[Item]:
        """Return a shard's items."""
        return _load_items(self._path(number, ITEMS))

    def load_sample(self) -> list[Item]:
        """Return the first items of all."""
        return _load_items(self.folder / f"sample.{ITEMS}")

    def find_partial(self, number: int) -> Path:
        """Return where a shard's batches are kept."""
        return self._path(number, PARTIAL)

    def save_rows(self, number: int, content: bytes) -> None:
        """Write a shard's rows: it is done."""
        _save(content, self._path(number, ROWS))

    def _path(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06}.{kind}"

    def _is_own(self, path: Path, worker: str) -> bool:
        return _read_owner(path) == worker

    def _take_over(self, path: Path, worker: str) -> bool:
        with suppress(FileNotFoundError):
            if name := _read_owner(path):
                owner = self.folder / name
                sign = read_heartbeat(owner)
                if sign is not None and sign.is_alive_at(owner / names.HEARTBEAT):
                    return False
            temporary = path.with_name(names.unfinished(f"{path.name}-{worker}"))
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(worker)
            temporary.replace(path)
            # Of two who take it over at once, the last one has it.
            time.sleep(CLAIM_SECONDS)
            return self._is_own(path, worker)
        return False

    def _save_items(self, path: Path, items: Iterable[Item]) -> None:
        _save("".join(json.dumps(_dump_item(item)) + "\n" for item in items).encode("ascii"), path)


def _dump_item(item: Item) -> dict[str, Any]:
    content = item.content if isinstance(item.content, str) else item.content.to_json()
    return {"number": item.number, "id": item.id, "source": item.source, "content": content}


def _load_items(path: Path) -> list[Item]:
    content = _load(path)
    if content is None:
        raise StageError(f"{path}: was changed; remove {path.parent}, and the same command reads the inputs again.")
    return [_build_item(json.loads(line)) for line in content.splitlines()]


def _read_owner(path: Path) -> str:
    """Return whom a shard's link names; "" where there is none, or a copy of the folder has lost what it was."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return ""


def _save(content: bytes, path: Path) -> None:
    """Write content all at once, below its digest, which no file of another name has."""
    with replacing(path) as temporary:
        temporary.write_bytes(_digest(path.name, content) + b"\n" + content)


def _load(path: Path) -> bytes | None:
    """Return such content; None where it is not what was written."""
    digest, _, content = path.read_bytes().partition(b"\n")
    return content if _digest(path.name, content) == digest else None


def _digest(name: str, content: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + content).hexdigest().encode()


def _build_item(values: dict[str, Any]) -> Item:
    content = values["content"]
    return Item(**values | {"content": content if isinstance(content, str) else Conversation.from_json(content)})


__all__ = ["Plan", "Shards"]

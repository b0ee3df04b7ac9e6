"""A sign of life beside work under way: who does it and where, how far it is, and how it ended.

Its owner renews the file every few seconds; work whose sign is old, or whose process is gone, may be taken over. That
holds also where a folder is shared by machines and file locks do not.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Self

from dialora.errors import DialoraError, Interrupted
from dialora.records import Record
from dialora.store import names

BEAT_SECONDS = 5.0
"""From one sign to the next."""
STALE_SECONDS = 60.0
"""A sign that is older is of an owner that is gone: machines that share a folder may see a file late."""
CLAIM_SECONDS = 2.0
"""From a claim to looking whether it holds, where another machine's owner may be gone."""
STOPPED, FAILED = "stopped", "failed"


@dataclass(frozen=True, slots=True)
class Heartbeat(Record):
    """What the sign says."""

    job: str
    host: str
    pid: int
    begun: float
    """Seconds since 1970, by the owner's clock; so is `beat`."""
    beat: float
    stage: str = ""
    done: int | None = None
    total: int | None = None
    loss: float | None = None
    outcome: str = ""
    """How it ended: STOPPED or FAILED; nothing while it is under way, and no file when it is done."""
    message: str = ""

    @classmethod
    def of(cls, job: str) -> Self:
        """Return a sign of this process."""
        now = time.time()
        return cls(job, platform.node(), os.getpid(), begun=now, beat=now)

    @property
    def is_alive(self) -> bool:
        """Its owner is at work, as far as this machine's clock and processes can tell."""
        return not self.outcome and abs(time.time() - self.beat) < STALE_SECONDS and self.may_exist

    @property
    def may_exist(self) -> bool:
        """Whether its process is there, as far as this machine can tell."""
        if self.host != platform.node():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def is_alive_at(self, path: Path) -> bool:
        """As `is_alive`, by the clock of the file system that holds it: clocks of two machines may differ."""
        if self.outcome or not self.may_exist:
            return False
        probe = path.with_name(names.unfinished(f"{path.name}-{platform.node()}-{os.getpid()}"))
        try:
            probe.touch()
            # A sign from the future is old too: that clock was set back since, and who is alive has renewed it.
            return abs(probe.stat().st_mtime - path.stat().st_mtime) < STALE_SECONDS
        except OSError:
            return self.is_alive
        finally:
            with suppress(OSError):  # whoever only looks may look at what cannot be written
                probe.unlink(missing_ok=True)


class Pulse:
    """Renews the sign of work that this process does."""

    def __init__(self, work: Path, job: str, *, is_locked: bool) -> None:
        self._path, self._sign, self._is_locked = work / names.HEARTBEAT, Heartbeat.of(job), is_locked
        self._ended, self._writing = threading.Event(), threading.Lock()

    def tell(self, stage: str, done: int, total: int, values: dict[str, Any]) -> None:
        """Say how far the work is; it is written with the next beat."""
        self._sign = replace(self._sign, stage=stage, done=done, total=total, loss=values.get("loss"))

    def claim(self) -> None:
        """Take the work over; wait while another owner is alive. What two machines claim at once, one gets."""
        while True:
            found = read_heartbeat(self._path.parent)
            is_here = found is not None and found.host == self._sign.host
            # Who holds the lock knows that nobody else does on this machine, whatever has become of a process's number.
            if found is not None and not (is_here and self._is_locked) and found.is_alive_at(self._path):
                time.sleep(1)
                continue
            self._write()
            if found is None or found.outcome or is_here:
                return
            time.sleep(CLAIM_SECONDS)
            mine = read_heartbeat(self._path.parent)
            if mine is not None and (mine.host, mine.pid) == (self._sign.host, self._sign.pid):
                return

    def beat(self) -> None:
        """Renew the sign until the work has ended."""
        while not self._ended.wait(BEAT_SECONDS):
            with self._writing:
                if not self._ended.is_set():  # what is ended says so for good
                    self._write()

    def end(self, error: BaseException | None) -> None:
        """Say how the work ended: nothing where it is done."""
        with self._writing:
            self._ended.set()
            if error is None:
                self._path.unlink(missing_ok=True)
                return
            self._sign = end_sign(self._sign, error)
            self._write()

    def _write(self) -> None:
        write_heartbeat(self._path.parent, replace(self._sign, beat=time.time()))


@contextmanager
def beating(work: Path, job: str, *, is_locked: bool) -> Iterator[Pulse]:
    """Own a work folder for the time of the block, as far as others heed its sign; wait for an owner that is alive.

    `is_locked` says that this process holds the folder's lock.
    """
    pulse = Pulse(work, job, is_locked=is_locked)
    pulse.claim()
    threading.Thread(target=pulse.beat, daemon=True).start()
    try:
        yield pulse
    except BaseException as error:
        pulse.end(error)
        raise
    pulse.end(None)


def read_heartbeat(work: Path) -> Heartbeat | None:
    """Return what the sign in a work folder says; None where there is none that can be read."""
    try:
        values = json.loads((work / names.HEARTBEAT).read_text(encoding="utf-8"))
        sign = Heartbeat.from_json(values)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return sign if _is_sound(sign) else None


def _is_sound(sign: Heartbeat) -> bool:
    """Whether a sign is one that an owner writes: a file may hold anything."""
    texts = (sign.job, sign.host, sign.stage, sign.outcome, sign.message)
    counts = [count for count in (sign.done, sign.total) if count is not None]
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(count, int) for count in counts)
        and isinstance(sign.pid, int)
        and 0 < sign.pid < 2**31
        and len(counts) != 1
        and all(isinstance(time, int | float) and isfinite(time) for time in (sign.begun, sign.beat))
        and (sign.loss is None or isinstance(sign.loss, int | float))
        and sign.outcome in ("", STOPPED, FAILED)
    )


def write_heartbeat(work: Path, sign: Heartbeat) -> None:
    """Write a sign all at once. It is news, not a result: one that the disk refuses is left out, and none is synced."""
    path = work / names.HEARTBEAT
    temporary = path.with_name(names.unfinished(f"{path.name}-{sign.host}-{os.getpid()}"))
    with suppress(OSError):
        temporary.write_text(json.dumps(sign.to_json()), encoding="utf-8")
        temporary.replace(path)


def remove_torn(root: Path) -> None:
    """Remove signs below a folder that processes of this machine, which are gone, were killed over."""
    for path in root.rglob(names.unfinished(f"{names.HEARTBEAT}-{platform.node()}-*")):
        pid = path.stem.rpartition("-")[2]
        if pid.isdecimal() and not Heartbeat("", platform.node(), int(pid), 0.0, 0.0).may_exist:
            path.unlink(missing_ok=True)


def tell_end(work: Path, job: str, error: DialoraError) -> None:
    """Write how work ended whose own process cannot say it any more; what it has said itself stays."""
    found = read_heartbeat(work)
    if found is None or not found.outcome:
        write_heartbeat(work, end_sign(found or Heartbeat.of(job), error))


def end_sign(sign: Heartbeat, error: BaseException) -> Heartbeat:
    """Return a sign that says how the work ended, in a line."""
    said = str(error) if isinstance(error, DialoraError) else f"{type(error).__name__}: {error}"
    outcome = STOPPED if isinstance(error, Interrupted | KeyboardInterrupt) else FAILED
    return replace(sign, outcome=outcome, message=" ".join(said.split()))


__all__ = [
    "BEAT_SECONDS",
    "FAILED",
    "STALE_SECONDS",
    "STOPPED",
    "Heartbeat",
    "Pulse",
    "beating",
    "read_heartbeat",
    "remove_torn",
    "tell_end",
    "write_heartbeat",
]

"""The other processes of a job that has several: forked from the job's own, called, watched, and ended with it.

They are forked before anything is computed, from a process that has the libraries loaded, and do the stages that the
first one calls them to: each makes the model, reads the tokens and goes through the training with it
(`training/distributed.py`), or writes its share of the summaries (`generation/generate.py`). One ends when the last
stage of its job is done, or when the first process is gone. That one of them failed is the job's error.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from dialora.errors import ConfigError, DialoraError, DivergedError, GenerationError, Interrupted, TrainingError
from dialora.experiment.job import GENERATION, TRAINING, Job, OtherJob, RunJob, TokensJob, TrialJob
from dialora.store import names

if TYPE_CHECKING:
    from dialora.training import Group

GRACE_SECONDS = 10.0
"""For a process to notice by itself that another is gone, before it is ended: NCCL would wait for ever."""
MEETING = "meeting"
"""The file by which processes of a training find each other."""
NO_MORE = "no-more"
"""The call that nothing else is left for the others: they end."""
LOOK_SECONDS = 0.05
"""From one look for a call, or for the end of others, to the next."""


def count_processes(job: Job) -> int:
    """Return how many processes a job is to be done in."""
    if isinstance(job, TokensJob | OtherJob):
        return 1
    stage = job.place.result if isinstance(job, TrialJob) else job.place.training
    if isinstance(job, RunJob) and job.until == GENERATION:
        stage = job.place.generation
    return 1 if stage is None or stage.is_complete else job.config.training.num_processes


class Peers:
    """What the first process knows of the others."""

    def __init__(self, job: Job, folder: Path | None = None, line: int | None = None) -> None:
        self._job, self._folder, self._line = job, folder, line
        self._pipes: dict[int, int] = {}
        """Where the process with this number says what ended it."""
        self._failures: dict[int, tuple[bool, str]] = {}
        """Of processes that failed: whether nobody knows why, and what is said of it."""
        self._has_failed, self._is_over = threading.Event(), threading.Event()
        self._watches: list[threading.Thread] = []
        self._called: list[str] = []

    @contextmanager
    def watched(self, tell: Callable[[DialoraError], object]) -> Iterator[None]:
        """For the time of the block, see to it that this process ends with an error where another failed.

        `tell` is given that error where the process has to be ended because it would not notice. Behind the block the
        others are ended.
        """
        for number, pid in enumerate(self._pipes, start=2):
            self._watches.append(threading.Thread(target=self._watch, args=(number, pid, tell), daemon=True))
            self._watches[-1].start()
        try:
            yield
        except RuntimeError as error:  # most likely that a connection is lost
            if self._pipes and self._has_failed.wait(GRACE_SECONDS / 2):
                raise self._explain() from error
            raise
        finally:
            self._is_over.set()
            if self._line is not None:
                os.close(self._line)  # by which those that are left end
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, stage: str) -> None:
        """Have the others do this stage, too."""
        if self._folder is not None:
            (self._folder / _name_call(len(self._called), stage)).touch()
            self._called.append(stage)

    def dismiss(self) -> None:
        """Let the others end: what they hold in memory is not to lie there while this process goes on alone."""
        self.call(NO_MORE)

    def check(self) -> None:
        """Raise what ended one of the others, where one failed."""
        if self._has_failed.is_set():
            raise self._explain()

    def wait(self, tick: Callable[[], None]) -> None:
        """Return when all others have done the job's last stage. Raises what ended one, and what `tick` raises."""
        while any(watch.is_alive() for watch in self._watches) and not self._has_failed.is_set():
            tick()
            time.sleep(LOOK_SECONDS)
        self.check()

    def _add(self, pid: int, pipe: int) -> None:
        self._pipes[pid] = pipe

    def _watch(self, number: int, pid: int, tell: Callable[[DialoraError], object]) -> None:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        with os.fdopen(self._pipes[pid], encoding="utf-8") as pipe:
            said = pipe.read()
        if code == 0 or self._is_over.is_set():
            return
        if said:
            self._failures[number] = tuple(json.loads(said))
        else:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._failures[number] = (False, f"was ended ({how}), by somebody, or because memory ran out.")
        self._has_failed.set()
        if not self._is_over.wait(GRACE_SECONDS):
            tell(self._explain())
            os._exit(1)

    def _explain(self) -> DialoraError:
        number, (_, said) = min(self._failures.items(), key=lambda item: (item[1][0], item[0]))
        place = self._job.place
        error, last = (GenerationError, "batch") if self._called[-1:] == [GENERATION] else (TrainingError, "checkpoint")
        return error(
            f"{place.name}: process {number} of {len(self._pipes) + 1} {said} Details in "
            f"{place.work / names.WORKER_LOG}; the same command goes on from the last {last}, in as many processes as "
            f"are asked for then."
        )


Follow = Callable[[Job, "Group", str], bool]
"""Does a stage of a job as another process of its group; returns whether more is to be done."""


def fork_peers(job: Job, follow: Follow, choose_gpu: Callable[[int], None]) -> tuple[Peers, Group]:
    """Fork the other processes of a job that has several; return what is known of them, and this one's place.

    Each of them chooses its GPU by its number, from 1, and calls `follow` for each stage that it is called to. Raises
    ConfigError where this system cannot fork.
    """
    from dialora.training import Group

    size = count_processes(job)
    if size == 1:
        return Peers(job), Group()
    if sys.platform != "linux":
        raise ConfigError(f"training.num_processes: {size} processes need Linux; set it to 1.")
    folder = Path(tempfile.mkdtemp(prefix="dialora-peers-"))
    line = os.pipe()
    peers = Peers(job, folder, line[1])
    for rank in range(1, size):
        read, write = os.pipe()
        if (pid := os.fork()) == 0:
            os.close(line[1])
            choose_gpu(rank)
            group = Group(rank, size, folder / MEETING)
            os._exit(_follow(partial(follow, job, group), folder, line[0], write))
        os.close(write)
        peers._add(pid, read)
    os.close(line[0])
    return peers, Group(0, size, folder / MEETING)


def _follow(do: Callable[[str], bool], folder: Path, line: int, pipe: int) -> int:
    """Do the stages that the first process calls to; return the exit code."""
    # The first one is told to stop, and says so to all at the same step.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_watch_first, args=(line, folder), daemon=True).start()
    try:
        for at in count():
            stage = _await_call(folder, at)
            if stage == NO_MORE or not do(stage):
                break
    except (DivergedError, Interrupted):  # which the first one raises too
        return 0
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        is_known = isinstance(error, DialoraError)
        said = str(error) if is_known else f"{type(error).__name__}: {' '.join(str(error).split())}."
        os.write(pipe, json.dumps([not is_known, f"failed: {said[:2000]}"]).encode())
        return 1
    return 0


def _await_call(folder: Path, number: int) -> str:
    """Return the stage of the first process's call of this number, from 0, or NO_MORE, when there is one."""
    while True:
        for stage in (TRAINING, GENERATION, NO_MORE):
            if (folder / _name_call(number, stage)).exists():
                return stage
        time.sleep(LOOK_SECONDS)


def _name_call(number: int, stage: str) -> str:
    return f"{number}-{stage}"


def _watch_first(line: int, folder: Path) -> None:
    """End this process when the other end of a pipe is closed: the first process is gone."""
    os.read(line, 1)
    shutil.rmtree(folder, ignore_errors=True)  # which one that was killed has left
    os._exit(1)


__all__ = ["Peers", "count_processes", "fork_peers"]

"""What every launcher is: jobs are handed to it from as many threads as it has slots, and Ctrl-C lets them all save.

Takes jobs, gives nothing back but their events: what a job makes lies in its folder when it is done.
"""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Self

from dialora.errors import Interrupted
from dialora.experiment.job import Job
from dialora.records import Observer


class Launcher(ABC):
    """Does jobs somewhere, `slots` at once. It starts what it needs with the first one and ends with the block."""

    slots: int = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A worker that loads its libraries would not notice for seconds that its input is closed.
        if kind is not None:
            self.kill()
        self.close()

    def run(self, job: Job, observer: Observer) -> None:
        """Do a job in a fresh process, and pass its events on. Raises what the worker raised; safe in any thread."""
        with self._interruptible(observer):
            self.do(job, observer)

    def run_all(self, tasks: Sequence[Callable[[Observer], None]], observer: Observer) -> None:
        """Do tasks that hand over jobs, as many at once as there are slots. Raises the first error that came.

        After an error no further task begins, and jobs under way save what they have. Each task is given an observer
        that tasks side by side may call.
        """
        if self.slots == 1 or len(tasks) < 2:
            for task in tasks:
                task(observer)
            return
        observer, has_failed = _serialize(observer), threading.Event()

        def do(task: Callable[[Observer], None]) -> None:
            if has_failed.is_set():
                return
            try:
                task(observer)
            except BaseException:
                has_failed.set()  # here: this thread takes the next task before anybody else has seen the error
                raise

        with self._interruptible(observer), ThreadPoolExecutor(min(self.slots, len(tasks))) as pool:
            futures: list[Future[None]] = [pool.submit(copy_context().run, do, task) for task in tasks]
            try:
                done, running = wait(futures, return_when=FIRST_EXCEPTION)
                if has_failed.is_set():
                    self.interrupt()
                    wait(running)
            except BaseException:
                has_failed.set()
                self.kill()
                raise
        # What was interrupted because something else failed says nothing.
        errors = [error for future in (*done, *running) if (error := future.exception())]
        if errors:
            raise min(errors, key=lambda error: isinstance(error, Interrupted))

    @abstractmethod
    def do(self, job: Job, observer: Observer) -> None:
        """Do a job; interrupts are taken care of."""

    @abstractmethod
    def interrupt(self) -> bool:
        """Let jobs under way save what they have and end, and begin none; return whether any has something to save."""

    @abstractmethod
    def kill(self) -> None:
        """End all that is under way at once."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what has nothing to do, or is killed."""

    @contextmanager
    def _interruptible(self, observer: Observer) -> Iterator[None]:
        def interrupt() -> None:
            if self.interrupt():
                observer({"event": "interrupting"})

        with interrupts_handled(interrupt):
            yield


@contextmanager
def interrupts_handled(handle: Callable[[], None]) -> Iterator[None]:
    """For the time of the block, have Ctrl-C call `handle` instead of raising anywhere; a second one raises
    KeyboardInterrupt.

    An exception could come between a line and what it says, and the line be lost: a handler loses none. Only the main
    thread gets Ctrl-C; who handles it otherwise goes on doing so.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    is_interrupted = False

    def on_signal(*_: object) -> None:
        nonlocal is_interrupted
        if is_interrupted:
            raise KeyboardInterrupt
        is_interrupted = True
        handle()

    signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def begin_job(job: Job, observer: Observer) -> None:
    """Make a job's place, and say that it begins."""
    place = job.place
    place.work.mkdir(parents=True, exist_ok=True)
    observer({"event": "stage", "stage": job.opening, "run": place.name, "key": place.key})


def _serialize(observer: Observer) -> Observer:
    # A handler of Ctrl-C may come in the middle of an event, in the same thread.
    lock = threading.RLock()

    def observe(event: dict[str, Any]) -> None:
        with lock:
            observer(event)

    return observe


__all__ = ["Launcher", "interrupts_handled"]

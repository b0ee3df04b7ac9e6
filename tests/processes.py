"""What tests do to the processes of a job: find them, stop them, kill them."""

import os
import signal

import psutil

from dialora.experiment.launchers.local import LocalLauncher


def find_worker(launcher: LocalLauncher) -> int:
    """Return the process id of a launcher's only worker."""
    worker = launcher._workers[0]._process
    assert worker is not None
    return worker.pid


def find_first(worker: int) -> psutil.Process:
    """Return the first process of the job that a worker does: the others are its children."""
    (first,) = psutil.Process(worker).children()
    return first


def interrupt(worker: int) -> None:
    """Ctrl-C, of which the worker itself takes no notice."""
    os.killpg(worker, signal.SIGINT)


def kill_second(worker: int) -> None:
    """Kill the second of two processes."""
    (second,) = find_first(worker).children()
    second.kill()


def kill_first(worker: int) -> list[psutil.Process]:
    """Kill the first process; return the others."""
    first = find_first(worker)
    others: list[psutil.Process] = first.children()
    first.kill()
    return others

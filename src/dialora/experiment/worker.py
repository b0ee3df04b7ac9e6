"""Train and generate one run in a process of its own: `python -m dialora.experiment.worker`.

A fresh process per run keeps the order of methods from favouring any: each starts with the same memory, caches and
random state. The job comes as one line of JSON on standard input; events go out as JSON lines on standard output,
everything else that a library prints goes to standard error. When standard input closes, the parent is gone and the
worker ends too. SIGINT ends it after the step under way, with a checkpoint.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback

from dialora.errors import DialoraError
from dialora.experiment.events import Events
from dialora.experiment.job import load_job
from dialora.experiment.stages import do_job
from dialora.models.network import forbid_network
from dialora.store import disk_errors_explained
from dialora.store.work import own_work


def _watch_parent() -> None:
    """End this process when standard input closes: whoever wanted the result is gone."""
    sys.stdin.read()
    os._exit(1)


def main() -> int:
    """Read the job, do it, and say how it ended."""
    # Libraries print where they like; the parent must get nothing but events.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    job = load_job(json.loads(sys.stdin.readline()))
    forbid_network(job.config)
    # Trainer would spread a batch over every GPU it sees and average per GPU, not per token.
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    threading.Thread(target=_watch_parent, daemon=True).start()
    events = Events(stream, name=job.place.name, key=job.place.key)
    try:
        with disk_errors_explained(job.place.folder), own_work(job.place.work):
            do_job(job, events, stop)
    except DialoraError as error:
        events.send("error", kind=type(error).__name__, message=str(error))
        return 1
    except Exception as error:
        traceback.print_exc()
        events.send("crash", message=f"{type(error).__name__}: {' '.join(str(error).split())}")
        return 1
    events.send("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["main"]

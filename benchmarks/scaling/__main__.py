"""Put the model of many workers beside this machine: `python -m benchmarks.scaling [--conversations 20000]`.

Measures the parts of a batch job and of an experiment of small cells, predicts what one and two workers with a thread
each take, and lets them do it. Prints JSON, with what ten million conversations would take by the same parts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.scaling.model import BatchParts, count_useful_workers, plan_batch, plan_cells
from benchmarks.scaling.parts import measure_parts
from benchmarks.summarize import make_conversations

MILLIONS = 10_000_000
ONE_MACHINE_CORES = 8
SEEN_LATE = 62.0
"""Seconds until another machine takes over what a dead one had: its sign is stale, and the claim has held."""
CELLS = (2, 6, 12)
SMALL_CELLS = ["data.max_train_examples=48", "training.max_steps=12", "data.max_test_examples=16"]
SUMMARIZE = """
import sys
from pathlib import Path
from dialora.api.systems import find_system
from dialora.experiment.launchers.local import LocalLaunch
from dialora.systems.items import open_inputs
from dialora.systems.options import SummaryOptions
from dialora.systems.summaries import summarize_inputs
source, output, system, precision, workers = sys.argv[1:]
found = find_system(system, set=[f"generation.precision={precision}"])
with open_inputs([source]) as inputs:
    summarize_inputs(found, inputs, Path(output), options=SummaryOptions(), observer=lambda event: None,
                     launch=LocalLaunch(workers=int(workers)))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, predict, and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.split("\n")[0])
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--system", default="runs/bundled/lora-s0-5f88b3b3", help="a run's folder")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--repeats", type=int, default=2, help="of the whole jobs")
    parser.add_argument("--without-cells", action="store_true", help="the batch job alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dialora-bench-") as folder:
        found = {"batch": _check_batch(options, Path(folder))}
        parts = found["batch"]["parts"]
        slower = parts["2"]["write"] / parts["1"]["write"]
        if not options.without_cells:
            found["cells"] = _check_cells(Path(folder), options.repeats, slower)
    print(json.dumps(found, indent=2))
    return 0


def _check_batch(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    source = folder / "many.jsonl"
    make_conversations(source, options.conversations)
    parts: dict[int, BatchParts] = {}
    for workers in (1, 2):
        (folder / str(workers)).mkdir()
        copy = _copy_run(Path(options.system), folder / str(workers) / Path(options.system).name)
        parts[workers] = measure_parts(source, folder / str(workers), str(copy), options.precision, workers=workers)
    converted = folder / "2" / Path(options.system).name
    checked = {}
    for workers in (1, 2):
        taken = []
        for at in range(options.repeats):
            words = [source, folder / f"{workers}-{at}.jsonl", converted, options.precision, workers]
            taken.append(_time([sys.executable, "-c", SUMMARIZE, *map(str, words)], threads=1))
        # The command itself loads libraries too, and the system is converted already.
        known = replace(parts[workers], convert=0.0)
        checked[workers] = {
            "predicted": plan_batch(known, options.conversations, workers).seconds + known.start,
            "seconds": taken,
        }
    return {"parts": {str(key): asdict(one) for key, one in parts.items()}, "workers": checked,
            "millions": list(_plan_millions(parts[2]))}  # fmt: skip


def _plan_millions(parts: BatchParts) -> Any:
    """Give what ten million conversations take on machines that share a folder."""
    far = replace(parts, noticed=SEEN_LATE)
    for machines in (1, 10, 100):
        plan = plan_batch(far, MILLIONS, machines * ONE_MACHINE_CORES, between_failures=24 * 3600)
        yield asdict(plan) | {
            "machines": machines, "hours": plan.seconds / 3600, "core_hours": plan.cost / 3600,
            "bottleneck": plan.bottleneck, "useful_workers": count_useful_workers(far),
        }  # fmt: skip


def _check_cells(folder: Path, repeats: int, slower: float) -> dict[str, Any]:
    """Predict sweeps on two workers from two sweeps on one with a thread, and put both beside one with all threads.

    `slower` is how much longer a core takes where the other one works too: they share caches and memory.
    """
    numbers = count()

    def sweep(cells: int, workers: int, threads: int | None) -> float:
        root = folder / f"sweep-{next(numbers)}"
        words = ["compare", "bundled", "--output", str(root), f"--set=seeds={list(range(cells // 2))}"]
        words += [f"--set=launch.workers={workers}"]
        words += [f"--set={item}" for item in SMALL_CELLS]
        return _time([sys.executable, "-m", "dialora", *words], threads=threads)

    few, some, many = CELLS
    short, long = sweep(few, 1, 1), sweep(some, 1, 1)
    each = (long - short) / (some - few)
    found: dict[str, Any] = {"one thread": {few: short, some: long}, "seconds of a cell": each}
    for cells in (some, many):
        one, two = [], []
        for _ in range(repeats):
            one.append(sweep(cells, 1, None))
            two.append(sweep(cells, 2, None))
        predicted = plan_cells([slower * each] * cells, 2, each=0, before=short - few * each, after=0)
        found[str(cells)] = {"one worker": one, "two workers": two, "predicted for two": predicted}
    return found


def _copy_run(run: Path, to: Path) -> Path:
    """Copy a run without what it was converted into."""
    shutil.copytree(run, to, ignore=shutil.ignore_patterns("ctranslate2-*", "onnx*", "*.lock"))
    return to


def _time(words: Sequence[str], *, threads: int | None) -> float:
    named = {} if threads is None else {"OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=os.environ | named)
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())

"""What the model is fed with: each part of a batch job by itself, in processes of its own with one thread."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.scaling.model import BatchParts

CHUNKS = 8
"""Shards that a worker writes; the first one warms up and is not counted."""
PARTS = ("read", "start", "open", "write", "append")


def measure_parts(source: Path, folder: Path, system: str, precision: str, *, workers: int) -> BatchParts:
    """Measure the parts of a job on `source`, the workers' while so many of them write side by side.

    `system` is a copy of a run or a model that is not converted yet.
    """

    def run(part: str, at: int = 0) -> dict[str, float]:
        begun = time.perf_counter()
        words = [sys.executable, "-m", "benchmarks.scaling.parts", part, system, precision, str(source)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
        done = subprocess.run(
            [*words, str(folder / f"{part}-{at}")], stdout=subprocess.PIPE, text=True, check=True, env=environment
        )
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return {"all": time.perf_counter() - begun, **found}

    start = min(run("start")["all"] for _ in range(3))
    first, later = run("open")["seconds"], min(run("open")["seconds"] for _ in range(2))
    read, append = run("read"), run("append")
    with ThreadPoolExecutor(workers) as executor:
        written = list(executor.map(lambda at: run("write", at), range(workers)))
    write = sum(one["seconds"] for one in written) / workers
    return BatchParts(
        read=read["seconds"],
        write=write,
        append=append["seconds"],
        start=start,
        load=later,
        convert=max(0.0, first - later),
        lost=written[0]["batch"] * write / 2,
    )


def _do(part: str, system: str, precision: str, source: Path, folder: Path) -> dict[str, float]:
    """Do one part in this process and return its seconds, of a conversation or of all."""
    from dialora.systems.shard_job import ShardsJob

    ShardsJob.load_libraries(None)  # type: ignore[arg-type]
    if part == "start":
        return {}
    from dialora.api.systems import find_system
    from dialora.systems.items import open_inputs, take
    from dialora.systems.options import SummaryOptions
    from dialora.systems.output import open_output, render_rows
    from dialora.systems.shards import Shards
    from dialora.systems.summaries import CHUNK, stream_checked
    from dialora.systems.summary import Summary
    from dialora.systems.writing import SummaryWriter

    found = find_system(system, set=[f"generation.precision={precision}"])
    shards = Shards(folder)
    with open_inputs([source]) as inputs:
        if part == "read":
            begun = time.perf_counter()
            inputs.fingerprint()
            sizes = shards.cut(stream_checked(found, inputs, SummaryOptions(), CHUNK, []), start=0)
            return {"seconds": (time.perf_counter() - begun) / sum(sizes)}
        items = inputs.stream(found.config.data, notes=[])
        chunks = [take(items, CHUNK) for _ in range(CHUNKS)]
    if part == "append":
        rows = [
            render_rows(some, [Summary("Anna asks Bob what he says. " * 3)] * len(some), ".jsonl") for some in chunks
        ]
        shards.folder.mkdir()
        for at, content in enumerate(rows):
            shards.save_rows(at, content)
        with open_output(folder / "out.jsonl", key="key", run="run") as output:
            begun = time.perf_counter()
            for at, some in enumerate(chunks):
                output.append_rows(shards.load_rows(at) or b"", len(some))
                shards.drop(at)
            return {"seconds": (time.perf_counter() - begun) / sum(map(len, chunks))}
    begun = time.perf_counter()
    writer = SummaryWriter(found, SummaryOptions(), lambda message: None)
    writer.open(chunks[0][:64])
    if part == "open":
        return {"seconds": time.perf_counter() - begun}
    seen = set[int]()
    for at, some in enumerate(chunks):
        begun = time.perf_counter() if at == 1 else begun
        writer.write(some, on_progress=seen.add if at == 1 else lambda done: None)
    counted = sum(map(len, chunks[1:]))
    batches = max(1, len(seen - {0}))
    return {"seconds": (time.perf_counter() - begun) / counted, "batch": len(chunks[1]) / batches}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do a part, and print its seconds as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling.parts")
    parser.add_argument("part", choices=PARTS)
    for name in ("system", "precision"):
        parser.add_argument(name)
    for name in ("source", "folder"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args(arguments)
    found: dict[str, Any] = _do(options.part, options.system, options.precision, options.source, options.folder)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Many short conversations through `dialora summarize`: throughput beside the engine's own, memory, and kills.

    python -m benchmarks.summarize [--conversations 100000] [--system runs/bundled] [--method lora] [--kills 3]
    python -m benchmarks.summarize --conversations 20000 --workers 2 [--repeats 3]

Conversations are the bundled dialogues cut to six turns and numbered, as JSON lines of messages. The engine's own
throughput is that of the same token ids in the same chunks, given to it alone; both are measured in turn, in processes
of their own. A kill is -9, anywhere. With `--workers` one process and so many workers write the same in turn, from the
command to its end, and medians are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib import resources
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

TURNS = 6
SMALL = 10
"""A tenth of the conversations shows whether memory grows with their number."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.summarize", description=__doc__.split("\n")[0])
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--system", default="runs/bundled")
    parser.add_argument("--method", default="lora")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="compare so many with one process, and nothing else")
    parser.add_argument("--repeats", type=int, default=3, help="with --workers: of each")
    parser.add_argument("--part", choices=("summarize", "engine"), help=argparse.SUPPRESS)
    parser.add_argument("--input", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part:
        print(json.dumps(_summarize(options) if options.part == "summarize" else _write_alone(options)))
        return 0
    with tempfile.TemporaryDirectory(prefix="dialora-bench-") as folder:
        measure = _measure_workers if options.workers > 1 else _measure
        print(json.dumps(measure(options, Path(folder)), indent=2))
    return 0


def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    many, few = folder / "many.jsonl", folder / "few.jsonl"
    make_conversations(many, options.conversations)
    make_conversations(few, options.conversations // SMALL)
    small = _run(options, "summarize", few, folder / "few-out.jsonl")
    whole = _run(options, "summarize", many, folder / "whole.jsonl")
    alone = _run(options, "engine", many, None)
    killed = _run_with_kills(options, many, folder / "killed.jsonl", whole["seconds"])
    return {
        "conversations": options.conversations,
        "precision": options.precision,
        "seconds": whole["seconds"],
        "per_second": options.conversations / whole["seconds"],
        "engine_per_second": options.conversations / alone["engine_seconds"],
        "share_of_engine": alone["engine_seconds"] / whole["seconds"],
        "peak_memory_mib": {
            str(options.conversations // SMALL): small["peak_mib"],
            str(options.conversations): whole["peak_mib"],
        },
        "kills": killed,
        "same_after_kills": (folder / "killed.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes(),
    }


def _measure_workers(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Compare one process with several workers, in turn: A B B A A B."""
    source, workers = folder / "many.jsonl", options.workers
    make_conversations(source, options.conversations)
    seconds: dict[int, list[float]] = {1: [], workers: []}
    peaks: dict[int, float] = {}
    contents = set[bytes]()
    for at in range(options.repeats):
        for options.workers in (1, workers) if at % 2 == 0 else (workers, 1):
            output = folder / f"{options.workers}-{at}.jsonl"
            began = time.perf_counter()
            peaks[options.workers] = _run(options, "summarize", source, output)["peak_mib"]
            seconds[options.workers].append(time.perf_counter() - began)
            contents.add(sha256(output.read_bytes()).digest())
    return {
        "conversations": options.conversations,
        "precision": options.precision,
        "seconds": {str(number): found for number, found in seconds.items()},
        "share_of_one_process": median(seconds[1]) / median(seconds[workers]),
        "peak_memory_mib_of_the_largest_process": {str(number): peak for number, peak in peaks.items()},
        "same": len(contents) == 1,
    }


def _run(options: argparse.Namespace, part: str, source: Path, output: Path | None) -> dict[str, Any]:
    done = subprocess.run(_command(options, part, source, output), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _run_with_kills(options: argparse.Namespace, source: Path, output: Path, seconds: float) -> list[int]:
    """Summarize, killed again and again; return how many rows were there after each kill."""
    rng, rows = random.Random(0), list[int]()
    for _ in range(options.kills):
        process = subprocess.Popen(_command(options, "summarize", source, output), stdout=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.1, 0.9) * seconds / options.kills)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        rows.append(output.read_bytes().count(b"\n") if output.exists() else 0)
    _run(options, "summarize", source, output)
    return rows


def _command(options: argparse.Namespace, part: str, source: Path, output: Path | None) -> list[str]:
    given = {
        "system": options.system,
        "method": options.method,
        "precision": options.precision,
        "part": part,
        "input": source,
        "workers": options.workers,
    }
    given |= {"output": output} if output else {}
    return [sys.executable, "-m", "benchmarks.summarize", *(f"--{name}={value}" for name, value in given.items())]


def _summarize(options: argparse.Namespace) -> dict[str, float]:
    from dialora.api import summarize_files

    began = time.perf_counter()
    summarize_files(
        options.input,
        output=options.output,
        system=options.system,
        method=options.method,
        launch={"workers": options.workers},
        set=[f"generation.precision={options.precision}"],
    )
    seconds = time.perf_counter() - began
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "peak_mib": peak / 1024}


def _write_alone(options: argparse.Namespace) -> dict[str, float]:
    """Let the engine write for the same token ids in the same chunks, and time nothing else."""
    from dialora.api.systems import find_system
    from dialora.generation import write_sources
    from dialora.systems.items import open_inputs
    from dialora.systems.options import SummaryOptions
    from dialora.systems.reading import ItemReader
    from dialora.systems.summaries import CHUNK

    system = find_system(options.system, method=options.method, set=[f"generation.precision={options.precision}"])
    reader, engine, seconds = ItemReader(system, SummaryOptions(), lambda message: None), None, 0.0
    with open_inputs([options.input]) as inputs:
        items = inputs.stream(system.config.data, notes=[])
        while some := list(islice(items, CHUNK)):
            sources = [part.source.input_ids for one in reader.read(some) for part in one.parts]
            engine = engine or system.open_engine(sources, lambda message: None)
            began = time.perf_counter()
            write_sources(engine, sources, system.config.decoding)
            seconds += time.perf_counter() - began
    return {"engine_seconds": seconds}


def make_conversations(path: Path, size: int) -> None:
    """Write so many short conversations as JSON lines of messages."""
    with path.open("w", encoding="utf-8") as file:
        for number, turns in enumerate(islice(_list_turns(), size)):
            messages = [{"role": speaker, "content": text} for speaker, text in turns]
            messages[0]["content"] += f" ({number})"
            file.write(json.dumps({"messages": messages}) + "\n")


def _list_turns() -> Iterator[list[tuple[str, str]]]:
    """Give stretches of the bundled training dialogues, round and round."""
    source = resources.files("dialora") / "assets" / "dialogues" / "train.jsonl"
    dialogues = [json.loads(line)["dialogue"] for line in source.read_text(encoding="utf-8").splitlines()]
    rng = random.Random(0)
    while True:
        for dialogue in dialogues:
            turns = [tuple(line.split(": ", 1)) for line in dialogue.split("\n") if ": " in line]
            start = rng.randrange(max(1, len(turns) - TURNS))
            yield turns[start : start + TURNS]


if __name__ == "__main__":
    sys.exit(main())

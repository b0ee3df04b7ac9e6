"""Measure `dialora serve` under load: `python -m benchmarks.serving [--system RUN] [--clients N] [--seconds S]`.

Clients ask for one bundled dialogue after the other, on connections that stay open; at any time all are different.
What the server answers in a second is set beside what its engine writes of the same dialogues by itself, before and
after. Gives p50 and p99, answers by status, and the server's memory over time, as a table and as
`build/bench/serving/serving.json`. Exit code 1 where an answer was lost or was none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.measured.samples import load_bundled
from benchmarks.settings import REPOSITORY
from dialora.errors import DialoraError
from dialora.store import save_json

FOLDER = REPOSITORY / "build" / "bench" / "serving"
SAMPLE_SECONDS = 1.0
RAMP = 0.2
"""Share of the time that goes by before answers are counted."""


@dataclass(slots=True)
class Load:
    """What clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    """When each answer came, in seconds since the beginning."""
    num_lost: int = 0
    """Requests without an answer, or with another's."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the beginning, and resident bytes of the server."""
    cpu_seconds: float = 0.0
    """Of the server, for all that it answered."""


def measure_engine(system: str, method: str | None, dialogues: Sequence[str]) -> dict[str, Any]:
    """Return how many dialogues a second the engine writes by itself, and how many it read and wrote."""
    from dialora.generation import write_sources
    from dialora.systems import find_system
    from dialora.systems.items import Item
    from dialora.systems.options import SummaryOptions
    from dialora.systems.reading import ItemReader

    found = find_system(system, method=method)
    reader = ItemReader(found, SummaryOptions(), lambda message: None)
    read = reader.read([Item(at, str(at), "", text) for at, text in enumerate(dialogues)])
    sources = [part.source.input_ids for one in read for part in one.parts]
    engine = found.open_engine(sources, lambda message: None)
    write_sources(engine, sources[:64], found.config.decoding)
    begun, cpu = time.perf_counter(), time.process_time()
    made = write_sources(engine, sources, found.config.decoding)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {
        "engine": engine.name,
        "dialogues_per_second": len(dialogues) / seconds,
        "cpu_seconds_per_dialogue": cpu / len(dialogues),
        "num_dialogues": len(dialogues),
        "mean_source_tokens": mean(map(len, sources)),
        "mean_new_tokens": mean(map(len, made.new_ids)),
    }


async def put_under_load(
    port: int, pid: int, name: str, dialogues: Sequence[str], *, clients: int, seconds: float, explain: bool = False
) -> Load:
    """Have clients ask until the time is over and everything is answered."""
    load = Load()
    order = count()
    begun = time.perf_counter()

    async def ask_on() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while time.perf_counter() - begun < seconds:
                number = next(order)
                text = dialogues[number % len(dialogues)]
                await _ask(reader, writer, load, number, {"text": text, "systems": [name], "explain": explain})
                load.ends.append(time.perf_counter() - begun)
        finally:
            writer.close()

    async def watch() -> None:
        while True:
            load.memory.append((time.perf_counter() - begun, read_memory(pid)))
            await asyncio.sleep(SAMPLE_SECONDS)

    watching = asyncio.create_task(watch())
    before = read_cpu(pid)
    results = await asyncio.gather(*(ask_on() for _ in range(clients)), return_exceptions=True)
    load.cpu_seconds = read_cpu(pid) - before
    load.num_lost += sum(isinstance(one, BaseException) for one in results)
    watching.cancel()
    return load


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, load: Load, number: int, asked: dict[str, Any]
) -> None:
    body = json.dumps({**asked, "id": f"n{number}"}).encode()
    head = (
        f"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    begun = time.perf_counter()
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = re.search(rb"\ncontent-length: (\d+)", answer)
    text = await reader.readexactly(int(size[1]) if size else 0)
    status = int(answer[9:12])
    load.statuses[status] += 1
    load.seconds.append(time.perf_counter() - begun)
    if status == 200 and f'"id": "n{number}"'.encode() not in text:
        load.num_lost += 1
    if status == 429:
        await asyncio.sleep(1)


def read_memory(pid: int) -> int:
    """Return a process's resident bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def read_cpu(pid: int) -> float:
    """Return the seconds of processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Served:
    """`dialora serve` in a process of its own."""

    def __init__(self, system: str, *arguments: str) -> None:
        words = [sys.executable, "-m", "dialora", "serve", system, "--port", "0", *arguments]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"^Serving (.*) at http://[^:]*:(\d+)\.", line)
        if found is None:
            raise DialoraError(f"the server did not begin to serve: {line.strip() or 'see above'}")
        self.names, self.port = found[1].split(", "), int(found[2])

    def end(self) -> int:
        """End it gracefully and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(120)


def find_percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def describe_memory(memory: Sequence[tuple[float, int]]) -> dict[str, Any]:
    """Return the median memory of the second tenth and of the last, between which it is flat if nothing leaks."""
    values = [used for _, used in memory]
    tenth = max(1, len(values) // 10)
    return {
        "early_bytes": median(values[tenth : 2 * tenth] or values),
        "late_bytes": median(values[-tenth:]),
        "peak_bytes": max(values),
        "samples": [[round(at, 1), used] for at, used in memory[:: max(1, len(memory) // 120)]],
    }


def measure(system: str, method: str | None, *, clients: int, seconds: float, explain: bool = False) -> dict[str, Any]:
    """Measure the engine, the server under load, and the engine again."""
    bundled = load_bundled()
    dialogues = [example.dialogue for split in (bundled.train, bundled.test) for example in split]
    engine = [measure_engine(system, method, dialogues)]
    served = Served(system)
    try:
        name = method if method in served.names else served.names[0]
        assert name is not None
        load = asyncio.run(
            put_under_load(
                served.port, served.process.pid, name, dialogues, clients=clients, seconds=seconds, explain=explain
            )
        )
    finally:
        code = served.end()
    engine.append(measure_engine(system, method, dialogues))
    alone, cpu = (mean(one[key] for one in engine) for key in ("dialogues_per_second", "cpu_seconds_per_dialogue"))
    # Neither while the first answers are waited for nor while the last ones are.
    settled = RAMP * seconds
    rate = sum(settled <= end < seconds for end in load.ends) / (seconds - settled)
    server_cpu = load.cpu_seconds / max(1, load.statuses[200])
    return {
        "system": name,
        "clients": clients,
        "explain": explain,
        "seconds": seconds,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "engine": engine,
        "engine_dialogues_per_second": alone,
        "answers_per_second": rate,
        "share_of_engine": rate / alone,
        "engine_cpu_seconds": cpu,
        "server_cpu_seconds": server_cpu,
        "p50_seconds": find_percentile(load.seconds, 0.5),
        "p99_seconds": find_percentile(load.seconds, 0.99),
        "statuses": {str(status): number for status, number in sorted(load.statuses.items())},
        "num_lost": load.num_lost,
        "exit_code": code,
        "memory": describe_memory(load.memory),
    }


def list_lines(found: dict[str, Any]) -> Iterator[str]:
    """Give the lines of the table."""
    memory = found["memory"]
    before, after = (one["dialogues_per_second"] for one in found["engine"])
    yield f"| {found['system']}, {found['clients']} clients, {found['seconds']:.0f} s | |"
    yield "|---|---|"
    yield f"| engine by itself, before and after | {before:.1f} and {after:.1f} dialogues a second |"
    yield f"| answered | {found['answers_per_second']:.1f} a second, {found['share_of_engine']:.2f} of the engine |"
    own, whole = 1000 * found["engine_cpu_seconds"], 1000 * found["server_cpu_seconds"]
    yield f"| processor, engine and server | {own:.1f} and {whole:.1f} ms for a dialogue: {own / whole:.2f} |"
    yield f"| p50, p99 | {found['p50_seconds']:.2f} s, {found['p99_seconds']:.2f} s |"
    yield f"| statuses, lost | {found['statuses']}, {found['num_lost']} |"
    early, late, peak = (f"{memory[key] / 2**20:.0f}" for key in ("early_bytes", "late_bytes", "peak_bytes"))
    yield f"| resident memory, early, late, peak | {early}, {late}, {peak} MiB |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--system", default="runs/bundled", help="as `dialora serve` takes it")
    parser.add_argument("--method", default="lora", help="which of an experiment's systems")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--explain", action="store_true", help="ask for places and turns too, as the page does")
    options = parser.parse_args(arguments)
    found = measure(
        options.system,
        options.method or None,
        clients=options.clients,
        seconds=options.seconds,
        explain=options.explain,
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_json(found, FOLDER / "serving.json")
    print("\n".join(list_lines(found)))
    return 0 if not found["num_lost"] and set(found["statuses"]) == {"200"} and not found["exit_code"] else 1


if __name__ == "__main__":
    sys.exit(main())

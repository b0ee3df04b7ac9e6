"""Time LoRA (or full) steps of SmolLM2 against `Trainer`: `python -m benchmarks.causal [--method full] [--steps N]`.

Sides make the same step one after the other, so whatever else the machine does meets all alike. The first step of each
is a warm-up. Gives `benchmarks-causal-METHOD.json` and a table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Any

from benchmarks.compared.ours import ENVIRONMENT
from benchmarks.settings import REPOSITORY
from dialora.errors import DialoraError
from dialora.store import save_json

MODEL = REPOSITORY / "models" / "smollm2-135m-instruct"
SIDES = {"lora": ("best_practice", "best_practice_bf16", "ours"), "full": ("best_practice", "ours")}
LABELS = {
    "best_practice": "`Trainer`, bf16 autocast",
    "best_practice_bf16": "`Trainer`, bf16 autocast, base loaded in bf16",
    "ours": "dialora",
}
BATCH_SIZE = 8


class Side:
    """A training in a process of its own that makes a step when asked to."""

    def __init__(self, folder: Path, method: str, name: str, num_steps: int) -> None:
        self.name = name
        self.errors = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.causal.sides", str(folder), method, name, str(num_steps)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, cwd=REPOSITORY,
            env=(ENVIRONMENT if name == "ours" else {}) | dict(os.environ),
        )  # fmt: skip

    def step(self) -> dict[str, float]:
        """Make a step; return its seconds and the memory so far. Raises DialoraError where the process ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write("step\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.errors.seek(0)
            lines = [text.strip() for text in self.errors.read().splitlines() if text.strip()]
            reason = "killed, perhaps for want of memory" if code < 0 or not lines else lines[-1]
            raise DialoraError(f"{self.name}: {reason}")
        told: dict[str, float] = json.loads(line)
        return told

    def end(self) -> None:
        """Let the process go."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


def measure(folder: Path, method: str, num_steps: int) -> dict[str, Any]:
    """Return every side's seconds by step without the first, its memory, and the machine's load before each round.

    Seconds are of the clock and of the processor.
    """
    sides = [Side(folder, method, name, num_steps + 1) for name in SIDES[method]]
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    cpu_seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    memory: dict[str, float] = {}
    loads = []
    try:
        for number in range(num_steps + 1):
            loads.append(os.getloadavg()[0])
            turn = {side.name: side.step() for side in sides}
            memory = {name: told["peak_memory_bytes"] for name, told in turn.items()}
            if number:
                for name, told in turn.items():
                    seconds[name].append(told["seconds"])
                    cpu_seconds[name].append(told["cpu_seconds"])
            took = ", ".join(f"{name} {told['seconds']:.2f} s" for name, told in turn.items())
            print(f"step {number} of {num_steps}: {took}", file=sys.stderr)
    finally:
        for side in sides:
            side.end()
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_memory_bytes": memory, "loads": loads[1:]}


def render(method: str, found: dict[str, Any], threads: int) -> str:
    """Return the table: dialogues per second of the median step, memory, and how many times as fast ours is.

    Where other work takes the processor, its own seconds say more than the clock's.
    """
    medians = {name: median(values) for name, values in found["seconds"].items()}
    lines = ["| side | s/step | processor s/step | dialogues/s | peak memory (MiB) | dialora is |", "|---" * 6 + "|"]
    for name, value in medians.items():
        ratio = "" if name == "ours" else f"{value / medians['ours']:.2f} × as fast"
        memory = f"{found['peak_memory_bytes'][name] / 2**20:,.0f}"
        cpu = median(found["cpu_seconds"][name])
        lines.append(f"| {LABELS[name]} | {value:.2f} | {cpu:.2f} | {BATCH_SIZE / value:.2f} | {memory} | {ratio} |")
    loads = found["loads"]
    lines += [
        "",
        f"SmolLM2-135M-Instruct, {method}, batches of {BATCH_SIZE} bundled dialogues, medians of "
        f"{len(found['seconds']['ours'])} steps in turns, {threads} threads, "
        f"load {min(loads):.1f} to {max(loads):.1f}.",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.causal", description=__doc__)
    parser.add_argument("--method", choices=tuple(SIDES), default="lora")
    parser.add_argument("--steps", type=int, default=8, help="after the warm-up (default %(default)s)")
    parser.add_argument("--model", type=Path, default=MODEL, help="default %(default)s")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "bench" / "causal")
    options = parser.parse_args(arguments)
    if not (options.model / "config.json").is_file():
        print(f"{options.model}: no model. `make smollm` makes it.", file=sys.stderr)
        return 2
    import torch

    from dialora.measuring.environment import describe_environment

    try:
        found = measure(options.model.resolve(), options.method, options.steps)
    except DialoraError as error:
        print(f"benchmarks.causal: {error}", file=sys.stderr)
        return 1
    facts = {"method": options.method, "date": time.strftime("%Y-%m-%d"), "threads": torch.get_num_threads()}
    options.output.mkdir(parents=True, exist_ok=True)
    save_json(
        facts | {"machine": describe_environment()} | found, options.output / f"benchmarks-causal-{options.method}.json"
    )
    print(render(options.method, found, facts["threads"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

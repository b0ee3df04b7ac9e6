"""Measurements on disk: each made once in a fresh process, kept raw, and taken from there the next time.

A fresh process gives every side the same memory and caches and its own peak. A run has a folder by its parts and the
code that is measured, so the same command with the same code goes on where it was: a measurement whose file is there
and was asked for in the same words is not made again. A run that was recorded begins anew the next time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.compared import ours
from benchmarks.settings import REPOSITORY, Settings
from dialora.config import stable_hash
from dialora.errors import DialoraError
from dialora.store import hash_file, load_json, save_json

Result = dict[str, Any]
MEASURING = ("measured", "compared")
"""Folders of the benchmark whose code decides what is measured."""
BARS = "ratios.py"
"""What is made of the measurements later."""


class BenchmarkError(DialoraError):
    """A measurement failed; those already made stay."""


def run_probe(probe: str, spec: dict[str, Any]) -> Result:
    """Make one measurement in a process of its own. Raises BenchmarkError with the last line that it printed."""
    job = json.dumps({"probe": probe, "spec": spec}) + "\n"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.measured.probes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=(ours.ENVIRONMENT if ours.is_own(spec) else {}) | dict(os.environ),
    )
    try:
        output, errors = process.communicate(job)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode != 0:
        lines = [line for line in errors.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"exit code {process.returncode} (killed? not enough memory?)"
        raise BenchmarkError(f"{probe}: {reason}")
    result: Result = json.loads(output.splitlines()[-1])
    return result


def hash_code() -> str:
    """Return what tells the measured and measuring code from another state of it; the pages' code does not count."""
    benchmark = REPOSITORY / "benchmarks"
    files = [*(REPOSITORY / "src" / "dialora").rglob("*.py"), benchmark / "settings.py"]
    files += [path for folder in MEASURING for path in (benchmark / folder).rglob("*.py") if path.name != BARS]
    return stable_hash({str(path.relative_to(REPOSITORY)): hash_file(path) for path in files})


@dataclass
class Bench:
    """Makes the measurements of one run and keeps them in its folder."""

    settings: Settings
    parts: tuple[str, ...]
    run: Callable[[str, dict[str, Any]], Result] = run_probe
    on_start: Callable[[str], None] = lambda name: None
    on_end: Callable[[str, float, bool], None] = lambda name, seconds, was_kept: None

    @cached_property
    def code(self) -> str:
        """What tells this run's code from another state of it; kept from the beginning."""
        return hash_code()

    @cached_property
    def folder(self) -> Path:
        """Where the run's raw measurements lie until it is recorded."""
        return self.settings.folder / "runs" / stable_hash({"parts": list(self.parts), "code": self.code})[:12]

    def make_part(self, part: str, make: Callable[[Bench], None]) -> None:
        """Make all measurements of a part that is not whole yet. Raises BenchmarkError."""
        if part in load_states(self.folder):
            return
        make(self)
        save_json({"code": self.code, "date": time.strftime("%Y-%m-%d")}, self.folder / f"{part}.json")

    def clear(self) -> None:
        """Forget the run's raw measurements."""
        shutil.rmtree(self.folder)

    def measure(self, part: str, name: str, probe: str, spec: dict[str, Any], *, repetition: int = 0) -> Result:
        """Return a measurement, made now or before. Raises BenchmarkError, also when the code changed."""
        path = self.folder / part / f"{name.replace('/', '.')}.{repetition}.json"
        label = f"{part} {name}" + (f" #{repetition + 1}" if repetition else "")
        kept = load_json(path) if path.is_file() else None
        if kept is not None and kept["probe"] == probe and kept["spec"] == spec:
            self.on_end(label, 0.0, True)
            kept_result: Result = kept["result"]
            return kept_result
        self.on_start(label)
        started = time.perf_counter()
        result = self.run(probe, spec)
        if hash_code() != self.code:
            raise BenchmarkError("the code changed while it was measured; with other code a run begins anew")
        path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"name": name, "repetition": repetition, "probe": probe, "spec": spec, "result": result}
        save_json(entry | {"measured": time.strftime("%Y-%m-%d %H:%M")}, path)
        self.on_end(label, time.perf_counter() - started, False)
        return result


def load_states(folder: Path) -> dict[str, Result]:
    """Return of each whole part of a run's folder: code, date."""
    return {path.stem: load_json(path) for path in sorted(folder.glob("*.json"))}


def load_raw(folder: Path) -> dict[str, dict[str, list[Result]]]:
    """Return the raw measurements of a run's folder: part → name → results by repetition."""
    raw: dict[str, dict[str, list[tuple[int, Result]]]] = {}
    for path in sorted(folder.glob("*/*.json")):
        entry = load_json(path)
        raw.setdefault(path.parent.name, {}).setdefault(entry["name"], []).append(
            (entry["repetition"], entry["result"])
        )
    return {
        part: {
            name: [result for _, result in sorted(results, key=lambda item: item[0])] for name, results in names.items()
        }
        for part, names in raw.items()
    }


__all__ = ["Bench", "BenchmarkError", "Result", "hash_code", "load_raw", "load_states", "run_probe"]

"""What a piece of work takes is its own: this process's memory, this block's time and energy."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dialora.measuring import memory
from dialora.measuring.clock import Stopwatch
from dialora.measuring.energy import metered
from dialora.measuring.environment import describe_environment
from dialora.measuring.memory import CLEAR


def test_peak_memory_is_this_processs_own() -> None:
    # getrusage would give a child its parent's peak.
    code = "from dialora.measuring.memory import measure_peak_memory; print(measure_peak_memory())"
    ballast = np.ones(250_000_000)
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ballast.nbytes == 2e9
    assert 50e6 < int(child.stdout) < 1.9e9


@pytest.mark.skipif(not CLEAR.exists(), reason="the peak is reset by Linux's /proc/self/clear_refs")
def test_after_a_reset_the_peak_holds_nothing_that_was_let_go() -> None:
    code = """
import numpy as np
from dialora.measuring.memory import measure_peak_memory, reset_peak_memory
kept = np.ones(25_000_000)
gone = np.ones(50_000_000)
del gone
before = measure_peak_memory()
assert reset_peak_memory()
held = measure_peak_memory()
again = np.ones(12_500_000)
print(before, held, measure_peak_memory())
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, held, after = map(int, child.stdout.split())
    assert before - held == pytest.approx(400e6, rel=0.1)
    assert after - held == pytest.approx(100e6, rel=0.1)


def test_a_block_without_a_meter_has_no_energy_and_its_error_passes() -> None:
    with pytest.raises(ValueError, match="work"), metered() as energy:
        raise ValueError("work")
    assert energy.kwh is None


def test_a_stopwatch_goes_on_until_it_is_reset() -> None:
    watch = Stopwatch()
    time.sleep(0.02)
    first = watch.read()
    time.sleep(0.02)
    assert watch.read() >= first + 0.02 >= 0.04
    before = watch.read()
    watch.reset()
    assert watch.read() < before


def test_a_stopwatch_loads_no_torch() -> None:
    code = "import sys; from dialora.measuring import clock; clock.Stopwatch().read(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_timing_takes_no_memory_of_a_gpu_on_which_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[None] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waits.append(None))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 0)
    Stopwatch().read()
    assert not waits
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 1)
    Stopwatch().read()
    assert waits


def test_a_gpus_peak_is_reset_where_that_of_main_memory_cannot_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "nowhere" / "clear_refs")
    assert not memory.reset_peak_memory()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    assert memory.reset_peak_memory()
    assert memory.measure_peak_memory() == 7


def test_the_environment_names_what_results_depend_on() -> None:
    found = describe_environment()
    assert {"python", "platform", "dialora", "torch", "transformers", "peft", "processor", "threads"} <= set(found)
    assert all(isinstance(value, str) and value for value in found.values())

"""What a run is made on and with."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measured.layouts import SHAPE
from benchmarks.measured.probes.floor import layer_shapes, measure_rates
from benchmarks.measured.samples import load_corpus
from benchmarks.settings import FIRST_STEP, RATE_ROWS, REPOSITORY, WITH_LOADING

PACKAGES = ("rouge-score", "ctranslate2")


def machine(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the machine with its versions, its rate of matrix products, the commit and what memory means here."""
    from dialora.measuring.memory import reset_peak_memory

    facts = describe_machine()
    inner = SHAPE["num_heads"] * SHAPE["d_kv"]
    rates = measure_rates(layer_shapes(RATE_ROWS, SHAPE["d_model"], inner, SHAPE["d_ff"]))
    memory = FIRST_STEP if reset_peak_memory() else WITH_LOADING
    return {"machine": facts, "rates": rates, "commit": find_commit(), "memory": memory}


def data(spec: dict[str, Any]) -> dict[str, Any]:
    """Return whose dialogues are measured, how many there are, and their mean length in words."""
    corpus = load_corpus()
    words = sum(len(example.dialogue.split()) for example in corpus.examples)
    return {"name": corpus.name, "dialogues": len(corpus.examples), "mean_words": words / len(corpus.examples)}


def describe_machine() -> dict[str, Any]:
    """Return processor, memory, threads, load and versions."""
    import torch

    from dialora.measuring.environment import describe_environment

    facts: dict[str, Any] = dict(describe_environment())
    facts["platform"] = platform.system()
    for name in PACKAGES:
        try:
            facts[name] = version(name)
        except ModuleNotFoundError:
            continue
    facts["cores"] = os.cpu_count()
    facts["memory_bytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts["bf16_instructions"] = bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    facts["load_average"] = os.getloadavg()[0] if Path("/proc/loadavg").exists() else None
    return facts


def find_commit() -> str | None:
    """Return this repository's commit, marked where files differ from it; None outside a repository."""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


__all__ = ["data", "describe_machine", "find_commit", "machine"]

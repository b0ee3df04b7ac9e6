"""Values that people mistype, and files that are broken: a line that says so, soon, and no traceback."""

from __future__ import annotations

import contextlib
import io
import os
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialora.cli import main

CASES = Path(os.environ.get("DIALORA_CASES", Path(__file__).parents[3] / "shared" / "cases"))
SECONDS, CHARACTERS = 5, 4_096
HARMLESS = {"methods and targets", "tokenizer", "lengths", "labels", "prompt", "device", "disk space"}

needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here (set DIALORA_CASES)")


def run(arguments: list[str]) -> tuple[int, str, float]:
    """Return the exit code, or -1 with a traceback, what was printed, and the processor's seconds."""
    out, before = io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = main(arguments)
        except BaseException:
            code = -1
            out.write(traceback.format_exc())
    return code, out.getvalue(), time.process_time() - before


def find_fault(arguments: list[str]) -> str | None:
    code, printed, seconds = run(arguments)
    if code not in (0, 1, 2) or "Traceback" in printed:
        return f"exit code {code}: {printed[-300:]}"
    if seconds > SECONDS:
        return f"took {seconds:.1f} s"
    if len(printed.encode("utf-8", "surrogatepass")) > CHARACTERS:
        return f"printed {len(printed):,} characters: {printed[:100]}"
    if any(not char.isprintable() and char != "\n" for char in printed):
        return f"printed a control character: {printed[:200]!r}"
    return None


@pytest.fixture
def file(experiment: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(experiment), encoding="utf-8")
    assert run(["check", str(path)])[0] == 0  # what is loaded once is not counted
    return path


@pytest.mark.slow
@needs_cases
def test_every_bad_value_is_refused_or_bounded(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = (CASES / "bad-values.txt").read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    found = {line[:80]: find_fault(["check", str(file), "--set", line]) for line in lines if line}
    assert {line: fault for line, fault in found.items() if fault} == {}
    assert len(found) > 400


@pytest.mark.slow
@needs_cases
def test_every_broken_file_is_refused_or_read(file: Path) -> None:
    folders = [CASES / "config", CASES / "hostile"]
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
    found = {path.name: find_fault(["check", str(path)]) for path in files}
    assert {name: fault for name, fault in found.items() if fault} == {}
    assert len(found) > 30


ABSURD = ["1e308", ".inf", "-.inf", ".nan", "99999999999999999999999", "true", "[1]", "{a: 1}", "abc", "''"]
KEYS = [
    "training.num_train_epochs", "training.max_steps", "training.per_device_train_batch_size", "training.weight_decay",
    "training.max_batch_tokens", "training.gradient_accumulation_steps", "training.max_grad_norm",
    "training.num_evaluations", "training.early_stopping_patience", "training.checkpoint_seconds",
    "training.warmup_ratio", "decoding.num_beams", "decoding.max_new_tokens", "decoding.length_penalty",
    "decoding.no_repeat_ngram_size", "decoding.max_batch_tokens", "scoring.num_resamples", "scoring.margin", "seeds",
    "tuning.trials", "methods.lora.r", "methods.lora.learning_rate", "methods.lora.lora_alpha",
    "methods.lora.lora_dropout",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_no_number_is_infinite_absurd_or_no_number(key: str) -> None:
    for value in ABSURD:
        if (key, value) == ("seeds", "[1]"):
            continue
        code, printed, seconds = run(["params", "bundled", "--set", f"{key}={value}"])
        assert (code, printed.count("\n")) == (2, 1), (value, printed)
        assert printed.startswith(f"ConfigError: {key}"), printed
        assert seconds < SECONDS

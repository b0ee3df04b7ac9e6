"""Summaries on a terminal, where a bar is drawn too."""

from __future__ import annotations

import os
import pty
import re
import sys
from pathlib import Path

import pytest

from dialora.cli import main
from tests.systems.support import Echo


def test_a_summary_never_stands_on_the_line_of_the_bar(
    root: Path, tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"talk-{name}.txt").write_text("Anna: Is it late?\nBob: It is nine.\n")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", terminal)
        assert main(["summarize", str(tmp_path), "--system", str(root), "--method", "lora"]) == 0
        terminal.flush()
        shown = os.read(ours, 1 << 20).decode()
    os.close(ours)
    # What stands on a line behind the last return of the cursor.
    lines = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", line.rpartition("\x1b[2K")[2]) for line in shown.split("\n")]
    lines = [line.strip("\r").rpartition("\r")[2] for line in lines]
    assert [line for line in lines if "talk-" in line] == ["talk-a", "talk-b"]

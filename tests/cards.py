"""The code that a card shows, read and run as somebody who copies it would."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import pytest


def read_code(card: str) -> str:
    """The only block of code of a card."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)
    return code


def run_code(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the code of a card prints, run in its folder."""
    monkeypatch.chdir(folder)
    with redirect_stdout(io.StringIO()) as printed, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, {})
    return printed.getvalue().rstrip("\n")

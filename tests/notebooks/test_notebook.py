"""The notebook: text and outputs belong together, say nothing of a machine, and come about as they stand."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import sizes
from tests.conftest import ROOT

NOTEBOOKS = ROOT / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("*.py"))
ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|var|work|usr|opt|mnt|private|Users|content)\b|[A-Z]:\\\\")


def load(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def list_outputs(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def describe_outputs(notebook: dict[str, Any]) -> list[list[tuple[str, list[str]]]]:
    """For each cell the kinds of its outputs."""
    return [
        [(output["output_type"], sorted(output.get("data", {}))) for output in cell.get("outputs", ())]
        for cell in notebook["cells"]
    ]


def require_clean(notebook: dict[str, Any]) -> None:
    """No output is an error or tells of the machine, and every cell was executed, in order."""
    outputs = list_outputs(notebook)
    assert outputs
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    text = json.dumps(outputs, ensure_ascii=False)
    assert not ABSOLUTE.search(text)
    assert str(ROOT) not in text
    assert len(platform.node()) < 3 or platform.node() not in text
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [cell for cell in code if "execution" in cell["metadata"]]


def test_there_is_a_notebook_for_every_text_and_a_text_for_every_notebook() -> None:
    assert SOURCES
    assert {path.stem for path in SOURCES} == {path.stem for path in NOTEBOOKS.glob("*.ipynb")}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_text_and_notebook_hold_the_same_cells(source: Path) -> None:
    code = (
        "import json, sys, jupytext\n"
        "read = [[(c.cell_type, c.source) for c in jupytext.read(path).cells] for path in sys.argv[1:]]\n"
        "print(json.dumps(read))"
    )
    command = [sys.executable, "-c", code, str(source), str(source.with_suffix(".ipynb"))]
    text, notebook = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert text == notebook, "run `make notebook`"
    assert load(source.with_suffix(".ipynb"))["metadata"]["jupytext"]["formats"] == "ipynb,py:percent"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_committed_outputs_hold_no_error_and_no_path(source: Path) -> None:
    require_clean(load(source.with_suffix(".ipynb")))


def test_a_path_and_an_error_would_be_found() -> None:
    def build(**output: Any) -> dict[str, Any]:
        cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [output]}
        return {"cells": [cell]}

    require_clean(build(output_type="stream", name="stdout", text="runs/notebook and 3/4 of https://x.org/home"))
    for bad in (
        {"output_type": "stream", "name": "stdout", "text": "in /home/me/x"},
        {"output_type": "stream", "name": "stdout", "text": f"in {ROOT}"},
        {"output_type": "stream", "name": "stderr", "text": "a warning"},
        {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []},
    ):
        with pytest.raises(AssertionError):
            require_clean(build(**bad))


@pytest.mark.slow
def test_the_texts_run_and_give_what_is_committed(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    settings = [word for setting in sizes.FEW_STEPS for word in ("--set", setting)]
    command = [sys.executable, "-m", "tools.notebook", "--output", str(tmp_path), *settings]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for source in SOURCES:
        made = load(tmp_path / f"{source.stem}.ipynb")
        require_clean(made)
        assert describe_outputs(made) == describe_outputs(load(source.with_suffix(".ipynb")))
        assert "ROUGE-1 points" in json.dumps(list_outputs(made), ensure_ascii=False)

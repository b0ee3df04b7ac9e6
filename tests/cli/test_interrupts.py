"""Ctrl-C is answered with one word, whenever it comes: while libraries are loaded, and when all is done."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module

import pytest

from tests.conftest import ROOT

WHILE_IMPORTING = """
import os, runpy, signal, sys

class Interrupting:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting)
sys.argv = ["dialora", "methods"]
runpy.run_module("dialora", run_name="__main__", alter_sys=True)
"""
WHILE_LEAVING = """
import atexit, os, runpy, signal, sys

def interrupt():
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))
    print("left")

atexit.register(interrupt)
sys.argv = ["dialora", "--version"]
runpy.run_module("dialora", run_name="__main__", alter_sys=True)
"""
IGNORED = """
import os, runpy, signal, sys

signal.signal(signal.SIGINT, signal.SIG_IGN)
""" + WHILE_IMPORTING.partition("import os, runpy, signal, sys\n")[2].replace('"methods"', '"--version"')


def run(script: str) -> subprocess.CompletedProcess[str]:
    # In the background of a shell's script, processes begin by ignoring it.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    return subprocess.run(
        [sys.executable, "-c", heard + script], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("module", ["dialora.cli", "typer", "pydantic", "yaml", "numpy", "dialora.store.owning"])
def test_ctrl_c_while_importing_is_one_word(module: str) -> None:
    done = run(WHILE_IMPORTING.format(module=module))
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Interrupted: stopped.\nThe same command goes on from here.\n"


def test_ctrl_c_while_leaving_changes_nothing() -> None:
    done = run(WHILE_LEAVING)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.endswith("left\n")


def test_who_ignores_ctrl_c_goes_on_doing_so() -> None:
    done = run(IGNORED.format(module="typer"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("dialora ")


def test_the_command_is_the_module() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, name = scripts["dialora"].partition(":")
    assert module == "dialora.__main__"
    assert callable(getattr(import_module(module), name))

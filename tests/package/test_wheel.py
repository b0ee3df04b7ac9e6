"""The built wheel, outside of the source tree."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def test_the_wheel_works_outside_the_source_tree(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("dialora-*.whl"))
    assert wheel.stat().st_size < 32e6
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    code = (
        "import sys, dialora, dialora.cli\n"
        "from dialora.serving.pages import load_page\n"
        "assert load_page().html.count('data-example') > 3\n"
        f"assert dialora.__file__.startswith({str(target)!r}), dialora.__file__\n"
        "sys.exit(dialora.cli.main(['compare', '--output', 'out', '--set', 'data.max_test_examples=3', "
        "'--set', 'training.max_steps=2', '--set', 'decoding.max_new_tokens=8']))"
    )
    environment = os.environ | {"PYTHONPATH": str(target)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").is_file()
    assert "ROUGE-1" in done.stdout

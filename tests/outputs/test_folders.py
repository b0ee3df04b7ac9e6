"""A folder is of one experiment or of one set of files: `score` never writes over another's results."""

from pathlib import Path

import pytest

from dialora.cli import main
from tests.outputs.test_layouts import HUMAN, WRITTEN, files
from tests.outputs.test_outputs import write


def score(*paths: Path, output: Path) -> int:
    return main(["score", *map(str, paths), "--output", str(output), "--set", "scoring.num_resamples=100"])


@pytest.mark.parametrize("found", ["name: mine\nmodel: bundled\n", "name: [broken", "\x00"])
def test_the_folder_of_an_experiment_is_refused(tmp_path: Path, found: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "experiment.yaml").write_text(found, encoding="utf-8")
    (out / "results.json").write_text("mine", encoding="utf-8")
    table = write(tmp_path / "o.csv", [{"reference": HUMAN[at], "model": WRITTEN["b"][at]} for at in range(3)])
    assert score(table, output=out) == 2
    error = capsys.readouterr().err
    assert "give another folder" in error
    assert len(error.splitlines()) == 1
    assert (out / "results.json").read_text(encoding="utf-8") == "mine"
    assert (out / "experiment.yaml").read_text(encoding="utf-8") == found


def test_the_folder_of_other_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, (reference, a, b) = tmp_path / "out", files(tmp_path, "id")
    assert score(reference, a, b, output=out) == 0
    before = (out / "results.json").read_bytes()
    assert score(reference, a, output=out) == 2
    assert "not of" in capsys.readouterr().err
    assert (out / "results.json").read_bytes() == before
    assert score(reference, a, b, output=out) == 0


@pytest.mark.parametrize("name", ["o.xlsx", "o.zip", "o.cvs", "folder"])
def test_what_is_no_table_is_refused_as_such(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"PK\x03\x04")
    assert score(path, output=tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("DataError")
    assert name in error
    assert len(error.splitlines()) == 1


def test_an_experiment_is_still_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("nosuch", "nosuch.yaml"):
        assert score(tmp_path / name, output=tmp_path / "out") == 2
        assert "no shipped experiment of that name" in capsys.readouterr().err


def test_a_text_file_alone_is_told_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "preds.txt").write_text("One.\nTwo.\n", encoding="utf-8")
    assert score(tmp_path / "preds.txt", output=tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "dialora score refs.txt preds.txt" in error
    assert len(error.splitlines()) == 1

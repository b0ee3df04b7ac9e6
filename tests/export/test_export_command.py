"""`dialora export` at the command line: its table, its exit codes, its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.export import FORMS
from tests.conftest import change_base


def test_the_table_says_what_was_compared_and_the_folder_summarizes(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["export", str(runs), "--method", "lora", "--to", "ctranslate2", "--output", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    for said in ("8/8", "beam scores", "rouge1", "seconds", "MB", "Exported to"):
        assert said in printed
    talk = tmp_path / "talk.txt"
    talk.write_text("Anna: Is it late?\nBob: Nine.\n")
    assert main(["summarize", str(talk), "--system", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_refusal_shows_its_numbers_and_ends_with_1(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(FORMS["merged"])
    write = kind.write
    monkeypatch.setattr(
        kind, "write", lambda self, source, folder: (write(self, source, folder), change_base(folder, "weights"))
    )
    out = tmp_path / "out"
    arguments = ["export", str(runs), "--method", "full", "--to", "merged", "--output", str(out)]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert "same tokens" in printed.out
    assert "was not exported" in printed.err
    assert not out.exists()
    assert main([*arguments, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is False


def test_ctrl_c_leaves_nothing_and_does_not_say_that_it_goes_on(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(FORMS["adapter"]), "write", stop)
    assert main(["export", str(runs), "--method", "lora", "--to", "adapter", "--output", str(tmp_path / "out")]) == 130
    said = capsys.readouterr().err
    assert "begins anew" in said
    assert "goes on" not in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("to", "more", "said"),
    [
        ("gguf", [], "is none of"),
        ("adapter", ["--precision", "bf16"], "has fp32"),
        ("merged", ["--set", "seeds=[1]"], ""),
        ("merged", ["--set", "generation.precision=bf16"], "--precision says in which an export is"),
        ("merged", ["--set", "generation={engine: torch}"], "--precision says in which an export is"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str, more: list[str], said: str
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(runs), "--method", "lora", "--to", to, "--output", str(out), *more]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error
    assert not out.exists()


def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *a, **k: pytest.fail("the hub was asked"))
    assert main(["export", "runs/mistyped", "--to", "adapter", "--output", str(tmp_path / "out")]) == 2
    assert "runs/mistyped: is no run and no experiment's folder" in capsys.readouterr().err

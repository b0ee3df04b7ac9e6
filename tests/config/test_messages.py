"""What an experiment file or a name cannot be: a line for each thing to mend, and none of Python's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.config import load_experiment, load_outputs_config
from dialora.config.problems import show
from dialora.errors import ConfigError, ModelError
from dialora.models.bases import settle
from dialora.models.checkpoint import pin_models

FILE = "data: {source: bundled}\nmethods: {zero_shot: {}}\n"


def refuse(*overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_experiment("bundled", overrides)
    return caught.value.problems


@pytest.mark.parametrize("kind", ["loop", "pipe", "/dev/null", "/dev/zero", "folder", "below a file"])
@pytest.mark.parametrize("verb", ["compare", "score"])
def test_what_is_no_file_is_said_to_be_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, verb: str
) -> None:
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
        (path / "experiment.yaml").write_text(FILE, encoding="utf-8")
    elif kind == "below a file":
        (tmp_path / "file").write_text(FILE, encoding="utf-8")
        path = tmp_path / "file" / "below"
    reasons = {"loop": "symbolic links", "folder": "folder/experiment.yaml", "below a file": "Not a directory"}
    assert main([verb, str(path), "--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reasons.get(kind, "is no file but a pipe or device") in line
    assert "no shipped experiment" not in line


@pytest.mark.parametrize("number", ["9" * 6000, "0x" + "f" * 6000, "-" + "7" * 4400])
def test_a_number_of_thousands_of_digits(tmp_path: Path, number: str) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(f"{FILE}seeds: [{number}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 3, column 9: a number has \d,\d{3} digits; at most 100 are read"):
        load_experiment(path)
    assert "a number has" in refuse(f"seeds=[{number}]")[0]


def test_a_number_of_thousands_of_digits_from_a_program() -> None:
    values = {"data": {"source": "bundled"}, "methods": {"zero_shot": {}}, "seeds": [10**6000]}
    with pytest.raises(ConfigError, match="holds what no file can: a number of too many digits"):
        load_experiment(values)
    assert show([10**6000]) == "a number of too many digits"


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("training.report_to=tensorboard", ("tensorboard",)),
        ("training.report_to=[tensorboard]", ("tensorboard",)),
        ("data.summary_columns=abstract", ("abstract",)),
    ],
)
def test_a_single_name_is_a_list_of_one(override: str, found: tuple[str, ...]) -> None:
    section, _, key = override.partition("=")[0].partition(".")
    assert getattr(getattr(load_experiment("bundled", [override]), section), key) == found


def test_a_single_name_of_a_table_is_a_list_of_one() -> None:
    config = load_outputs_config("o.csv", ["outputs.system_columns=bart", "outputs.reference_columns=human"])
    assert (config.outputs.system_columns, config.outputs.reference_columns) == (("bart",), ("human",))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("seeds=3", "seeds: must be a list, as in [3], got 3"),
        ("seeds=[.nan]", "seeds.0: input should be a finite number, got nan"),
        ("training.report_to=5", "training.report_to: must be a list, as in [5], got 5"),
    ],
)
def test_a_list_is_one_line_that_says_how_to_write_it(override: str, expected: str) -> None:
    assert refuse(override) == [expected]


def test_an_empty_list_is_still_refused() -> None:
    assert ["seeds: tuple should have at least 1 item" in line for line in refuse("seeds=[]")] == [True]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["o.csv"], "o"), (["o.csv.gz"], "o"), (["o.CSV.GZ"], "o"), (["refs.txt.gz", "bart.jsonl.gz"], "refs-bart"),
        (["o.v2.csv"], "o.v2"), (["o.gz"], "o"),
    ],
)  # fmt: skip
def test_a_table_is_called_like_its_file_without_suffixes(files: list[str], name: str) -> None:
    assert load_outputs_config(files).name == name


@pytest.mark.parametrize("value", [".*x", "7", "[q, 3]", "{q: v}"])
@pytest.mark.parametrize("method", ["lora", "adalora"])
def test_target_modules_of_another_kind_are_one_line(method: str, value: str) -> None:
    (line,) = refuse(f"methods.{method}.target_modules={value}")
    start = f"methods.{method}.target_modules: must be a list of names, as in [a, b], or all-linear, got "
    assert line.startswith(start)


def test_target_modules_may_be_left_open_where_a_base_names_them() -> None:
    assert load_experiment("bundled", ["methods.lora.target_modules=null"])
    (line,) = refuse("methods.adalora.target_modules=null")
    assert "must be a list of names" in line


def test_a_missing_base_of_an_entry_names_the_entry(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text(FILE, encoding="utf-8")
    missing = ["--set", "methods.zero_shot.model=./m/nothere"]
    assert main(["compare", str(tmp_path / "e.yaml"), "--output", str(tmp_path / "out"), *missing]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ModelError: methods.zero_shot.model: ./m/nothere: no such folder")
    config = load_experiment("bundled", ["methods.lora.model=./m/nothere"])
    for prepare in (settle, pin_models):
        with pytest.raises(ModelError, match=r"^methods\.lora\.model: \./m/nothere: no such folder"):
            prepare(config)

"""The command line: answers, exit codes, one line for each thing that is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

import dialora
from dialora.cli import app, main
from dialora.config import load_experiment
from dialora.errors import DialoraError
from tests.conftest import ROOT

COMMANDS = [
    "compare",
    "examples",
    "train",
    "generate",
    "score",
    "report",
    "params",
    "check",
    "methods",
    "summarize",
    "parity",
]


@pytest.fixture
def file(experiment: dict[str, Any], tmp_path: Path) -> Path:
    """The tiny experiment as a file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(experiment), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


def test_data_check_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "--help"]) == 0
    assert "duplicates within and across splits" in " ".join(capsys.readouterr().out.split())


def test_help_shows_every_default_that_its_text_names() -> None:
    missing, num_named = [], 0
    root = typer.main.get_command(app)
    for path in [["compare"], ["data", "check"], *(["study", name] for name in root.commands["study"].commands)]:
        command: Any = root
        for name in path:
            command = command.commands[name]
        shown = " ".join(CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "400"}).stdout.split())
        for option in command.params:
            for named in re.findall(r"\[(default: [^\]]+)\]", getattr(option, "help", None) or ""):
                num_named += 1
                missing += [f"{' '.join(path)} {option.name}: {named}"] * (f"[{named}]" not in shown)
    assert missing == []
    assert num_named > 5


def test_windows_is_told_where_it_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], experiment: dict[str, Any], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["compare", "bundled"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("DialoraError: Windows lacks")
    assert "WSL" in line
    assert main(["compare", "--help"]) == 0
    with pytest.raises(DialoraError, match="WSL"):
        dialora.compare(load_experiment(experiment), output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_help_is_quick_and_loads_no_torch() -> None:
    code = (
        "import sys, dialora, dialora.cli; "
        "slow = {'torch', 'numpy', 'transformers', 'peft', 'datasets', 'datasketch', 'pandas', 'matplotlib', "
        "'sqlalchemy', 'starlette', 'uvicorn', 'itsdangerous', 'krippendorff'}; "
        "loaded = slow & set(sys.modules); "
        "sys.exit(','.join(loaded) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    times = []
    for _ in range(5):
        # Processor time: the clock also counts what others do on a busy machine.
        before = os.times()
        subprocess.run([sys.executable, "-m", "dialora", "--help"], check=True, capture_output=True)
        after = os.times()
        times.append(sum(after[2:4]) - sum(before[2:4]))
    assert min(times) < 0.5


def test_params_prints_the_notebooks_table(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = f"model={real_data / 'flan-t5-base'}"
    assert main(["params", "seed", "--set", model]) == 0
    out = capsys.readouterr().out
    assert all(number in out for number in ("247,577,856", "3,538,944", "251,116,800", "1.41 %"))
    assert main(["params", "seed", "--set", model, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[2] == {
        "system": "PEFT",
        "method": "lora",
        "trainable_params": 3_538_944,
        "total_params": 251_116_800,
        "trainable_percent": pytest.approx(1.4093, abs=1e-4),
    }


def test_check_finds_a_good_experiment_good(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file), "--json", "--set", "data.max_source_length=512"]) == 0
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert {row["status"] for row in found.values()} <= {"ok", "warning"}
    assert "train 24, validation 6, test 8 (16 test references)" in found["data"]["detail"]
    assert found["prompt"]["status"] == found["labels"]["status"] == "ok"


def test_check_fails_on_all_that_is_wrong(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["--set", "methods.lora.target_modules=[wi]", "--set", "training.device=cuda"]
    assert main(["check", str(file), "--json", *wrong]) == 2
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["methods and targets"]["status"] == "failed"
    assert "Found: k, o, q, v, wi_0, wi_1, wo." in found["methods and targets"]["detail"]
    assert found["device"]["status"] == "failed"


def test_methods_lists_all_with_cost_and_origin(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--json", "--set", f"model={tiny_model}"]) == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows) >= 20
    lora = rows["lora"]
    assert (lora["options"]["r"], lora["learning_rate"], lora["is_mergeable"]) == (32, 1e-3, True)
    assert lora["trainable_params"] == 3 * 2 * 32 * (32 + 32)
    assert lora["paper"] == "https://arxiv.org/abs/2106.09685"
    # The tiny decoder has one layer, the default is two.
    assert rows["last_layers"]["trainable_params"] is None
    assert "2 is more than the decoder's 1" in rows["last_layers"]["problem"]
    assert rows["peft"]["trainable_params"] is None
    assert main(["methods", "--set", f"model={tiny_model}"]) == 0
    assert "prefix_tuning" in capsys.readouterr().out


def test_the_page_of_methods_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--markdown"]) == 0
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == page, "run `make docs`"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["compare", "nowhere.yaml"], 2, "ConfigError: nowhere.yaml: no such file, and no shipped experiment"),
        (["compare", "{file}", "--set", "methods.lora.rank=3"], 2, "ConfigError: methods.lora.rank: unknown key"),
        (["compare", "{file}", "--set", "data.source=./nowhere"], 2, "DataError: ./nowhere: no such file or folder"),
        (["compare", "{file}", "--set", "model=./nowhere"], 2, "ModelError: model: ./nowhere: no such folder"),
        (["compare", "{file}", "--set", "data.dialogue_column=talk"], 2, "DataError: data.dialogue_column: 'talk'"),
        (["compare", "{file}", "--set", "methods.lora.target_modules=[q,w]"], 2, "ConfigError: methods.lora.target_m"),
        (["compare", "{file}", "--set", "training.device=cuda"], 2, "ConfigError: training.device: cuda was asked for"),
        (["report", "{file}"], 1, "StageError: "),
        (["compare", "--nonsense"], 2, "No such option: --nonsense"),
        (["paramz"], 2, "No such command 'paramz'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], code: int, message: str, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = [argument.format(file=file) for argument in arguments]
    output = ["--output", str(file.parent / "out")] if arguments[0] in ("compare", "report") else []
    assert main([*arguments, *output]) == code
    error = capfd.readouterr().err
    assert message in " ".join(error.split())
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("test.csv", b"id,talk,summary\n1,a,b\n", "no dialogue column"),
        ("test.csv", b"dialogue,summary\n\xff\xfe,b\n", "UTF-8"),
        ("test.json", b'{"dialogue": ', "test.json"),
        ("test.jsonl", b"", "test.jsonl"),
        ("train.csv", b"dialogue,summary\na,b\n", "no test split"),
        ("test.csv", b"dialogue,summary\n,b\n", "none of its 1 rows can be used (1 empty dialogue)"),
    ],
)
def test_bad_data_ends_with_code_2(
    name: str, content: bytes, message: str, file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / name).write_bytes(content)
    overrides = ["--set", f"data.source={folder}", "--set", "methods={zero_shot: {}}"]
    assert main(["compare", str(file), *overrides, "--output", str(tmp_path / "out")]) == 2
    error = capfd.readouterr().err
    assert "DataError" in error
    assert message in " ".join(error.split())


def test_debug_shows_the_traceback() -> None:
    command = [sys.executable, "-m", "dialora", "--debug", "compare", "nowhere.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr


def test_ctrl_c_anywhere_is_said_in_a_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import dialora.api

    def interrupt(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dialora.api, "params", interrupt)
    assert main(["params", "bundled"]) == 130
    error = capsys.readouterr().err
    assert "Interrupted: stopped." in error
    assert "The same command goes on from here." in error


def test_the_version() -> None:
    done = subprocess.run([sys.executable, "-m", "dialora", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "dialora 0.1.0\n"


def test_stage_by_stage_is_the_same_as_compare(file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = ["--output", str(tmp_path / "out")]
    settings = ["--set", "methods={lora: {r: 4, learning_rate: 0.01}}", "--set", "training.max_steps=3"]
    for command in ("train", "generate", "score", "report"):
        assert main([command, str(file), *settings, *output]) == 0
    stages = capfd.readouterr().out
    assert main(["compare", str(file), *settings, *output, "--json"]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert json.loads(capfd.readouterr().out)["systems"] == results["systems"]
    assert "report.html" in stages


def test_a_hub_id_is_found_in_the_local_cache(tiny_model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hub" / "models--google--flan-t5-base"
    snapshot = cache / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("0" * 40)
    for path in tiny_model.iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    settings = ["--set", "data.source=bundled", "--set", "training.max_steps=2", "--set", "decoding.max_new_tokens=4"]
    settings += ["--set", "data.max_test_examples=2", "--set", "methods={lora: {r: 2}}"]
    command = [sys.executable, "-m", "dialora", "compare", "seed", *settings, "--output", str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    adapter = next((tmp_path / "out").glob("lora-*/training/adapter_config.json"))
    assert json.loads(adapter.read_text())["base_model_name_or_path"] == "google/flan-t5-base"


def test_a_hub_id_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "dialora", "params", "--set", "model=google/flan-t5-base"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("ModelError: model: google/flan-t5-base cannot be loaded:")
    assert len(done.stderr.strip().splitlines()) == 1

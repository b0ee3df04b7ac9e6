"""Where no system is named: the winner of the bundled experiment, which is run first where it has not been."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora import api
from dialora.api.systems import find_system as find_default
from dialora.cli import main
from dialora.config import load_experiment
from dialora.errors import ConfigError, DialoraError, StageError
from dialora.experiment import pipeline
from dialora.report.comparison_stage import load_comparison
from dialora.store import Stage, names, save_json
from dialora.systems import find_system
from tests.conftest import build_experiment_values

SCORES = {"zero_shot": 0.1, "full": 0.2, "lora": 0.3}


@pytest.fixture(scope="module")
def finished(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished experiment, whose scores are made up: people and floors are above all systems, and lora wins."""
    root = tmp_path_factory.mktemp("finished") / "bundled"
    values = build_experiment_values(tiny_model, small_data)
    values["methods"]["lora"] |= {"r": 2}
    values["training"] |= {"max_steps": 2, "num_evaluations": 1}
    pipeline.compare(load_experiment(values), output=root)
    change_scores(root, SCORES)
    return root


def change_scores(root: Path, scores: dict[str, float]) -> None:
    comparison = load_comparison(root).comparison
    systems = tuple(
        replace(
            system,
            scores=system.scores | {"rouge1": replace(system.scores["rouge1"], mean=scores.get(system.key, 0.9))},
        )
        for system in comparison.systems
    )
    assert any(system.yardstick for system in systems)
    with Stage(root / names.COMPARISON, "other").writing() as folder:
        save_json(replace(comparison, systems=systems).to_json(), folder / names.COMPARISON_FACTS)
        (folder / names.COMPARED_EXAMPLES).write_text("", encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.txt").write_text("Anna: Hi there.\nBen: Hello.\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def bundled(finished: Path, place: Path) -> Path:
    """The experiment as the bundled one of a working directory."""
    return Path(shutil.copytree(finished, place / "runs" / "bundled"))


@pytest.fixture
def compared(finished: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stand in for running the bundled experiment; lists what was asked for."""
    asked: list[Any] = []

    def compare(experiment: Any, *, output: Path, observer: Callable[[dict[str, Any]], None]) -> None:
        asked.append((experiment, Path(output)))
        observer({"event": "reported", "report": "not what was asked for"})
        shutil.copytree(finished, output, dirs_exist_ok=True)

    monkeypatch.setattr("dialora.api.experiments.compare", compare)
    return asked


def test_the_winner_is_the_system_with_the_highest_rouge1(bundled: Path, compared: list[Any]) -> None:
    assert dialora.load().system.key == "lora"
    change_scores(bundled, SCORES | {"full": 0.4})
    assert dialora.load().system.key == "full"
    assert dialora.load(method="zero_shot").system.key == "zero_shot"
    assert compared == []


def test_the_bundled_experiment_is_run_where_it_has_not_been(place: Path, compared: list[Any]) -> None:
    events: list[dict[str, Any]] = []
    assert find_default(None, observer=events.append).key == "lora"
    assert compared == [("bundled", Path("runs/bundled"))]
    assert [event["event"] for event in events] == ["note"]
    assert "which is run first, into runs/bundled" in events[0]["message"]
    assert find_default(None, observer=events.append).key == "lora"
    assert len(compared) == len(events) == 1


def test_a_comparison_that_is_damaged_is_made_anew(bundled: Path, compared: list[Any]) -> None:
    (bundled / "comparison" / "comparison.json").write_text("{}", encoding="utf-8")
    assert find_default(None).key == "lora"
    assert len(compared) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": "mine"}, r"--base mine: no --system is named.*leave --base out"),
        ({"method": "prefix"}, r"--method prefix: the bundled experiment has no such method.*Found: full, lora, zero_"),
        ({"set": ["prompt=Sum: {dialogue}"]}, r"prompt: cannot be changed for a system that is trained"),
        ({"set": {"decoding.num_beams": -1}}, r"decoding\.num_beams"),
        ({"set": ["generation.engine=fast"]}, r"generation\.engine"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_run(
    options: dict[str, Any], said: str, place: Path, compared: list[Any]
) -> None:
    with pytest.raises(ConfigError, match=said):
        dialora.load(**options)
    assert compared == []


@pytest.mark.parametrize("extra", [[], ["--dry-run"], ["--prompt"]])
def test_a_winner_whose_run_is_gone_is_said_in_a_line(
    extra: list[str], bundled: Path, compared: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(next(bundled.glob("lora-*")))
    assert main(["summarize", "talk.txt", *extra]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "the run of its winner, lora, is not there; `dialora compare bundled` makes it anew" in line
    assert line.endswith("or choose another with --method: full, zero_shot.")
    assert dialora.load(method="full").system.key == "full"
    assert compared == []


def test_a_winner_whose_weights_are_damaged_is_said_in_a_line(bundled: Path) -> None:
    next(bundled.glob("lora-*/training/adapter_model.safetensors")).write_bytes(b"cut")
    with pytest.raises(StageError, match=r"runs/bundled/lora-.*this stage is damaged: adapter_model") as caught:
        dialora.load()
    assert "\n" not in str(caught.value)


def test_what_is_only_looked_at_runs_nothing(
    place: Path, finished: Path, compared: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        for way in ("--dry-run", "--prompt"):
            assert main(["summarize", "talk.txt", way]) == 0
            assert main(["summarize", "talk.txt", way, "--base", "mine"]) == 2
            assert main(["summarize", "talk.txt", way, "--set", "no.such=3"]) == 2
            error = capsys.readouterr().err
            assert "leave --base out" in error
            assert "no.such: cannot be changed" in error
        shutil.copytree(finished, place / "runs" / "bundled", dirs_exist_ok=True)
    assert compared == []


def test_the_name_of_what_lies_below_runs_is_enough(bundled: Path) -> None:
    assert find_system("bundled", method="lora").folder.parent == Path("runs/bundled")  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="holds several systems; choose one with --method: full, lora, zero_shot"):
        find_system("bundled")
    with pytest.raises(ConfigError, match=r"--base mine: runs/bundled says itself what its base is"):
        find_system("bundled", method="lora", base="mine")
    shutil.copytree(bundled, bundled.with_name("mine"))
    assert find_system("mine", method="full").key == "full"
    # A folder of that name here comes first.
    Path("mine").mkdir()
    with pytest.raises(ConfigError, match="--system mine: is neither a run's folder"):
        find_system("mine", method=None)


def test_parity_is_of_runs_alone(bundled: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter = next(bundled.glob("lora-*/training"))
    shutil.copytree(adapter, "adapter")
    for name in ("adapter", str(tiny_model), "somebody/model", "runs"):
        assert main(["parity", name]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{name}: is no run and no experiment's folder; precisions are compared on the test dialogues" in line
    for name, said in (("nope", "no such folder"), ("talk.txt", "is a file, not a folder")):
        assert main(["parity", name]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
    with pytest.raises(DialoraError, match="is no run"):
        api.parity(dialora.load(tiny_model).system)
    assert main(["parity", str(adapter), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == "int8"
    whole = json.loads((adapter.parent / "generation" / "generation.json").read_text(encoding="utf-8"))
    assert whole["precision"] == "fp32"

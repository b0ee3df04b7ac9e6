"""What is no system, or must not be one: a line that says so, exit code 2, nothing run and nothing written."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main
from dialora.errors import DialoraError
from dialora.systems import find_system
from tests.systems.adapters import SETTINGS, make_adapter

Make = Callable[[Path, Path], object]
RUNNING = "open('ran', 'w').close()\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with something to summarize, and with code that must not be run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "talk.txt").write_text("Anna: Hi there.\nBen: Hello.\n", encoding="utf-8")
    (tmp_path / "evil.py").write_text(RUNNING, encoding="utf-8")
    return tmp_path


def change_config(**changes: Any) -> Make:
    """A model whose config.json says something else, with the code that it may name beside it."""

    def make(base: Path, to: Path) -> None:
        shutil.copytree(base, to)
        values = json.loads((base / "config.json").read_text(encoding="utf-8"))
        (to / "config.json").write_text(json.dumps(values | changes), encoding="utf-8")
        (to / "evil.py").write_text(RUNNING, encoding="utf-8")

    return make


def change_tokenizer(**changes: Any) -> Make:
    def make(base: Path, to: Path) -> None:
        change_config()(base, to)
        values = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
        (to / "tokenizer_config.json").write_text(json.dumps(values | changes), encoding="utf-8")

    return make


def without(*names: str) -> Make:
    def make(base: Path, to: Path) -> None:
        shutil.copytree(base, to)
        for name in names:
            (to / name).unlink()

    return make


def put(name: str, content: bytes) -> Make:
    def make(base: Path, to: Path) -> None:
        shutil.copytree(base, to)
        (to / name).write_bytes(content)

    return make


class Evil:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return open, ("ran", "w")


def pickle_weights(base: Path, to: Path) -> None:
    without("model.safetensors")(base, to)
    (to / "pytorch_model.bin").write_bytes(pickle.dumps({"shared.weight": Evil()}))


MODELS: dict[str, tuple[Make, str]] = {
    "of an unknown kind": (change_config(model_type="zork"), r"it is a 'zork' model; dialora adapts T5"),
    "that only reads": (change_config(model_type="bert"), r"it is a 'bert' model"),
    "of no kind": (put("config.json", b"{}"), r"names no model_type"),
    "with a list": (put("config.json", b"[]"), r"config\.json holds list, not an object"),
    "with half a config": (put("config.json", b'{"model_type": '), r"config\.json is damaged"),
    "with a config of another coding": (put("config.json", b"\xff\xfe{}"), r"config\.json is damaged"),
    "with code": (change_config(auto_map={"AutoModelForSeq2SeqLM": "evil.M"}), r"auto_map names code that would have"),
    "with a tokenizer's code": (change_tokenizer(auto_map={"AutoTokenizer": ["evil.T", None]}), r"auto_map names code"),
    "in 4 bits": (
        change_config(quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
        r"the weights are quantized, and dialora starts from plain ones; give the model that they were made from",
    ),
    "with a pickle": (pickle_weights, r"holds more than weights, which may be code and is never run"),
    "without weights": (without("model.safetensors"), r"it holds no weights"),
    "without a tokenizer": (without("tokenizer.json"), r"it has no tokenizer"),
    "with half its weights": (put("model.safetensors", b"\0" * 40), r"is cut short or damaged"),
}


@pytest.mark.parametrize("role", ["system", "base"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_cannot_be_used_is_refused_in_a_line(
    name: str, role: str, tiny_model: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, said = MODELS[name]
    make(tiny_model, place / "model")
    options = ["--system", "model"]
    if role == "base":
        make_adapter(tiny_model, place / "adapter", SETTINGS | {"base_model_name_or_path": "model"})
        options = ["--system", "adapter", "--base", "model"]
    require_refusal(options, said, capsys)


def require_refusal(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path.cwd().rglob("*"))
    assert main(["summarize", "talk.txt", "--on-long", "truncate", "--speakers", "names", *options]) == 2
    captured = capsys.readouterr()
    (line,) = [line for line in captured.err.splitlines() if not line.startswith("warning:")]
    assert re.match(r"\w+Error: ", line)
    assert re.search(said, line)
    assert captured.out == ""
    assert sorted(Path.cwd().rglob("*")) == before
    assert not Path("ran").exists()


def test_an_adapter_that_names_code_is_refused_or_its_code_is_not_run(
    tiny_model: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = shutil.copytree(tiny_model, place / "flan-t5-base")
    for number, (changes, said) in enumerate(
        (
            ({"auto_map": {"AutoModel": "evil.M"}}, r"auto_map names code that would have to run"),
            ({"megatron_config": {"a": 1}}, r"megatron_config names code that would have to run"),
            ({"peft_type": "EVIL"}, r"has peft_type 'EVIL', which PEFT does not know"),
            ({"r": 10**9}, r"r is 1,000,000,000"),
            ({"target_modules": "(.*.*.*)*x$"}, r"target_modules is no pattern of names"),
        )
    ):
        make_adapter(tiny_model, place / str(number))
        (place / str(number) / "adapter_config.json").write_text(json.dumps(SETTINGS | changes), encoding="utf-8")
        require_refusal(["--system", str(number), "--base", str(base)], said, capsys)
    named = SETTINGS | {"auto_mapping": {"base_model_class": "M", "parent_library": "evil"}}
    make_adapter(tiny_model, place / "mapped", named)
    assert main(["summarize", "talk.txt", "--system", "mapped", "--base", str(base)]) == 0
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("empty", r"--system empty: is neither a run's folder nor an experiment's .* nor an adapter, a model"),
        ("outputs", r"--system outputs: is neither .* What it holds may be meant: checkpoint-500, checkpoint-90\.$"),
        ("broken", r"adapter broken: adapter_config\.json is damaged: it is not JSON"),
        ("talk.txt", r"--system talk\.txt: is a file, not a folder; give a run's folder"),
        ("folder/config.json", r"--system folder/config\.json: is a file, not a folder"),
        ("./nothing", r"--system \./nothing: no such folder; give a run's folder"),
        ("nothing", r"--system nothing: no such folder"),
        ("nothing/at/all", r"--system nothing/at/all: no such folder"),
        ("", r"--system : is empty"),
        ("~nobody-of-that-name/x", r"--system ~nobody-of-that-name/x: is no path"),
        ("x" * 300, r"--system x+…: is no path"),
        ("circle", r"--system circle: no such folder"),
        ("leads/nowhere", r"--system leads/nowhere: is no folder here"),
        ("folder/../empty", r"--system folder/\.\./empty: is neither a run's folder"),
        ("two\nlines", r"--system two\?lines: no such folder"),
        ("\x1b[2J", r"--system \?\[2J: no such folder"),
        ("<html>", r"--system <html>: no such folder"),
    ],
)
def test_what_is_no_system_is_refused_in_a_line(
    system: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "empty").mkdir()
    (place / "folder").mkdir()
    (place / "folder" / "config.json").write_text("{}", encoding="utf-8")
    for name in ("checkpoint-90", "checkpoint-500", "logs"):
        (place / "outputs" / name).mkdir(parents=True)
    for name in ("checkpoint-90", "checkpoint-500"):
        (place / "outputs" / name / "adapter_config.json").write_text("{}", encoding="utf-8")
    (place / "broken").mkdir()
    (place / "broken" / "adapter_config.json").write_text('{"base_model', encoding="utf-8")
    (place / "circle").symlink_to("circle")
    require_refusal(["--system", system, "--output", "out.jsonl"], said, capsys)


def test_a_name_that_no_system_could_hold_is_refused(place: Path) -> None:
    with pytest.raises(DialoraError, match=r"no such folder|is no path"):
        find_system("a\0b")


def test_links_and_dots_lead_to_what_they_lead_to(tiny_model: Path, place: Path) -> None:
    (place / "folder").mkdir()
    (place / "model").symlink_to(tiny_model)
    for name in ("model", "folder/../model", "./model/"):
        assert find_system(name).identity == find_system(tiny_model).identity


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--method", "lora"], r"--method lora: model is no experiment's folder; leave --method out"),
        (["--base", "model"], r"--base model: model is a whole model; leave --base out"),
        (["--set", "prompt=Sum up."], r"prompt: must contain \{dialogue\} exactly once"),
        (["--set", "data.max_source_length=-1"], r"data\.max_source_length"),
        (["--set", "data.max_source_length=much"], r"data\.max_source_length"),
        (["--set", "data.source=elsewhere"], r"data\.source: cannot be changed for a system that is trained; allowed"),
        (["--set", "model=other"], r"model: cannot be changed for a system"),
        (["--set", "methods.lora.r=3"], r"methods\.lora\.r: cannot be changed for a system"),
        (["--set", "model_revision=main"], r"model_revision: main: model is a folder, which has none"),
        (["--set", "model_revision=files:12"], r"model is not the base model that this was made from"),
    ],
)
def test_options_that_mean_nothing_to_a_model_are_refused(
    options: list[str], said: str, tiny_model: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_model, place / "model")
    require_refusal(["--system", "model", *options], said, capsys)

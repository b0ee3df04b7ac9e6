"""Converted folders: a run's own, in place and elsewhere, and those that CTranslate2's own converter makes."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import dialora
from dialora.cli import main
from dialora.config import load_experiment
from dialora.errors import ConfigError, DialoraError, ModelError
from dialora.methods import LoRA
from dialora.models.adapters import apply_method, save_system
from dialora.models.checkpoint import pin_models
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage
from dialora.systems import find_system
from dialora.systems.kinds.system import RunSystem
from tests.conftest import build_experiment_values, change_base
from tests.systems.support import summarize

TEXTS = [f"{'So it goes. ' * n}That is number {n}." for n in range(4)]
RUN = "lora-s0-00000000"


@pytest.fixture(scope="module")
def run(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, with conversions in fp32 and int8."""
    config = pin_models(load_experiment(build_experiment_values(tiny_model, small_data)))
    model = apply_method(load_base_model(config), LoRA(r=4), key="lora")
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    folder = tmp_path_factory.mktemp("runs") / "tiny" / RUN
    with Stage(folder / "training", "key").writing() as training:
        save_system(model, load_tokenizer(config), training, base=config.model)
    (folder / "run.yaml").write_text(config.for_method("lora").to_yaml(), encoding="utf-8")
    for precision in ("fp32", "int8"):
        summarize(TEXTS, system=folder, set={"generation.precision": precision})
    return folder


@pytest.fixture
def converted(run: Path, tmp_path: Path) -> Path:
    """The conversion in fp32, copied elsewhere."""
    return Path(shutil.copytree(run / "ctranslate2-fp32", tmp_path / "converted"))


def as_the_run(run: Path) -> dict[str, Any]:
    """What a folder by itself does not say of a run."""
    config = find_system(run).config
    return {
        "prompt": config.prompt,
        "data.max_source_length": config.data.max_source_length,
        "decoding.max_new_tokens": config.decoding.max_new_tokens,
    }


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_runs_conversion_writes_what_the_run_writes_in_place_and_elsewhere(
    precision: str, run: Path, tiny_model: Path, tmp_path: Path
) -> None:
    expected = summarize(TEXTS, system=run, set={"generation.precision": precision})
    folder = run / f"ctranslate2-{precision}"
    assert summarize(TEXTS, system=folder) == expected
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    assert summarize(TEXTS, system=copy, base=str(tiny_model), set=as_the_run(run)) == expected
    assert len(set(expected)) > 1


def test_parts_of_a_run_stand_for_it(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(run / "training")
    (tmp_path / "int8").symlink_to(run / "ctranslate2-int8")
    monkeypatch.chdir(run / "training")
    for path in (run / "training", tmp_path / "link", ".", run / "training" / "..", "..", "../training"):
        found = find_system(path)
        assert isinstance(found, RunSystem)
        assert (found.key, found.config.generation.precision) == ("lora", "fp32")
    generation = find_system(tmp_path / "int8", set=["decoding.num_beams=2"]).config.generation
    assert (generation.engine, generation.precision) == ("ctranslate2", "int8")


def test_a_training_folder_elsewhere_is_an_adapter_of_its_base(
    run: Path, tiny_model: Path, tmp_path: Path, cache: Path
) -> None:
    copy = shutil.copytree(run / "training", tmp_path / "adapter")
    before = sorted(copy.iterdir())
    assert summarize(TEXTS, system=copy, set=as_the_run(run)) == summarize(TEXTS, system=run)
    assert sorted(copy.iterdir()) == before
    named = json.loads((copy / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    assert named == str(tiny_model)


@pytest.mark.parametrize(
    ("where", "set", "said"),
    [
        ("run", {"generation.precision": "fp32"}, r"generation\.precision: fp32: .*stays in int8; leave it out"),
        ("run", ["generation.engine=torch"], r"generation\.engine: torch cannot read .*ctranslate2-int8"),
        ("copy", ["generation.precision=bf16"], r"generation\.precision: bf16: .*stays in int8"),
        ("copy", {"generation.engine": "torch"}, r"generation\.engine: torch cannot read"),
    ],
)
def test_a_conversion_stays_in_its_precision(
    where: str, set: Any, said: str, run: Path, tiny_model: Path, tmp_path: Path
) -> None:
    folder, base = run / "ctranslate2-int8", None
    if where == "copy":
        folder, base = Path(shutil.copytree(folder, tmp_path / "copy")), str(tiny_model)
    with pytest.raises(ConfigError, match=said) as caught:
        find_system(folder, base=base, set=set)
    assert "\n" not in str(caught.value)


def test_what_ctranslate2_itself_converts_writes_what_the_model_writes(tiny_model: Path, tmp_path: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    folder = tmp_path / "converted"
    try:
        with warnings.catch_warnings(action="ignore"):
            TransformersConverter(str(tiny_model)).convert(str(folder))
    except (ImportError, AttributeError, TypeError) as error:
        pytest.skip(f"its converter does not work with this transformers: {error}")
    set = {"decoding.max_new_tokens": 12}
    assert summarize(TEXTS, system=folder, base=str(tiny_model), set=set) == summarize(
        TEXTS, system=tiny_model, set=set
    )
    with pytest.raises(ConfigError, match="stays in the precision that it was converted in"):
        find_system(folder, base=str(tiny_model), set={"generation.precision": "int8"})


def test_a_base_is_asked_for_and_told_by_its_tokens(
    converted: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(tiny_model, tmp_path / "other"))
    change_base(other, "tokenizer")
    talk = tmp_path / "talk.txt"
    talk.write_text("Anna: Hi there.\nBen: Hello.\n", encoding="utf-8")
    for base, said in (
        ([], "give the model that it was made from with --base"),
        (["--base", str(other)], "calls token 40 "),
        (["--base", "bundled"], "it was not made from bundled"),
        (["--base", str(tmp_path)], "it has no config.json"),
    ):
        for extra in ([], ["--dry-run"], ["--output", str(tmp_path / "out.jsonl")]):
            assert main(["summarize", str(talk), "--system", str(converted), *base, *extra]) == 2
            captured = capsys.readouterr()
            assert said in " ".join(captured.err.split())
            assert len([line for line in captured.err.splitlines() if "Error: " in line]) == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_tokens_that_the_model_has_no_rows_for_do_not_count(run: Path, converted: Path, tiny_model: Path) -> None:
    base = Path(shutil.copytree(tiny_model, converted.with_name("base")))
    path = base / "tokenizer.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    size = json.loads((base / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    image = {"id": size, "content": "<image>", "special": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    values["added_tokens"].append(image | flags)
    path.write_text(json.dumps(values), encoding="utf-8")
    set = as_the_run(run)
    assert summarize(TEXTS, system=converted, base=str(base), set=set) == summarize(TEXTS, system=run)


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def without_manifest(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    """As another converter leaves a folder, which says nothing of its files."""

    def apply(folder: Path) -> None:
        (folder / "manifest.json").unlink()
        damage(folder)

    return apply


def change_facts(**changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        values = json.loads((folder / "dialora.json").read_text(encoding="utf-8"))
        (folder / "dialora.json").write_text(json.dumps(values | changes), encoding="utf-8")

    return without_manifest(apply)


def cut(folder: Path) -> None:
    content = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(content[: len(content) // 2])


def turn_a_bit(folder: Path) -> None:
    content = bytearray((folder / "model.bin").read_bytes())
    content[-9] ^= 64
    (folder / "model.bin").write_bytes(content)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 123456\n"
VOCABULARY = "shared_vocabulary.json"
DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a turned bit": (turn_a_bit, "is damaged: its files are not those that were written"),
    "another vocabulary": (write(VOCABULARY, b'["a"]'), "is damaged: its files are not those"),
    "no vocabulary": (lambda folder: (folder / VOCABULARY).unlink(), f"neither {VOCABULARY} nor vocabulary.json"),
    "an empty model": (without_manifest(write("model.bin", b"")), "model.bin is empty"),
    "a pointer": (without_manifest(write("model.bin", LFS)), "model.bin is a Git LFS pointer"),
    "half a model": (without_manifest(cut), "CTranslate2 cannot load it: .*; convert again"),
    "zeros": (without_manifest(write("model.bin", bytes(5000))), "CTranslate2 cannot load it: .*; convert again"),
    "text": (without_manifest(write("model.bin", b"hello" * 99)), "CTranslate2 cannot load it: .*; convert again"),
    "half a list": (without_manifest(write(VOCABULARY, b'["<pad>", ')), f"{VOCABULARY}: is damaged"),
    "bytes": (without_manifest(write(VOCABULARY, b"\xff\xfe")), f"{VOCABULARY}: is damaged"),
    "a deep list": (without_manifest(write(VOCABULARY, b"[" * 99999)), f"{VOCABULARY}: is damaged"),
    "no list": (without_manifest(write(VOCABULARY, b'{"<pad>": 0}')), f"{VOCABULARY}: is damaged"),
    "numbers": (without_manifest(write(VOCABULARY, b"[1, 2]")), f"{VOCABULARY}: is damaged"),
    "a short list": (without_manifest(write(VOCABULARY, b'["<pad>", "</s>"]')), "has 2 tokens, not"),
    "no facts": (without_manifest(write("dialora.json", b"{}")), "dialora.json: is damaged"),
    "facts of a kind": (without_manifest(write("dialora.json", b"[1]")), "dialora.json holds list"),
    "no end": (change_facts(end_ids=[]), "dialora.json: is damaged"),
    "an end that is text": (change_facts(end_ids=["</s>"]), "dialora.json: is damaged"),
    "an end beyond all": (change_facts(end_ids=[10**6]), f"dialora.json: does not go with {VOCABULARY}"),
    "another kind": (change_facts(is_causal=True), "dialora.json: does not go with vocabulary.json"),
    "an unknown precision": (change_facts(precision="int3"), "CTranslate2 cannot load it"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_conversion_is_refused_in_a_line(name: str, converted: Path, tiny_model: Path) -> None:
    damage, said = DAMAGES[name]
    damage(converted)
    with pytest.raises(ModelError, match=said) as caught:
        summarize(TEXTS, system=converted, base=str(tiny_model))
    assert str(converted) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_refused_vocabulary_is_refused_again(converted: Path, tiny_model: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(tiny_model, tmp_path / "other"))
    change_base(other, "tokenizer")
    loaded = dialora.load(converted, base=str(other))
    for _ in range(2):
        with pytest.raises(ModelError, match="it was not made from"):
            loaded.summarize("Hello there.")


def test_a_causal_conversion_of_something_else_says_what_is_lacking(
    converted: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (converted / "manifest.json").unlink()
    (converted / "dialora.json").unlink()
    (converted / VOCABULARY).rename(converted / "vocabulary.json")
    with pytest.raises(DialoraError, match="does not say what ends a summary; give the model that it was made from"):
        summarize(TEXTS, system=converted, base=str(tiny_model))

"""Exports: what the run writes and no other thing, complete, and usable without being told anything more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import dialora
from dialora import api
from dialora.errors import ConfigError, DialoraError, ExportError, ModelError
from dialora.export import FORMS
from dialora.export.export import name_base
from dialora.export.forms import Source, onnx
from dialora.store import load_json
from dialora.systems.kinds.system import RunSystem
from tests.conftest import change_base
from tests.export.conftest import Exports, build_runs

TALK = "#Person1#: Are you coming tonight?\n#Person2#: No, I am ill. Tomorrow perhaps."
EVERY = [pytest.param(to, marks=pytest.mark.slow) if to == "onnx" else to for to in sorted(FORMS)]
"""Tracing graphs takes some seconds, even of one layer."""


@pytest.mark.parametrize("to", EVERY)
def test_an_export_writes_what_its_run_writes_and_says_so(exports: Exports, runs: Path, to: str) -> None:
    record = load_json(exports[to] / "export.json")
    gate = record["gate"]
    assert gate["passed"]
    assert gate["num_equal"] == gate["num_dialogues"] == 8
    assert gate["largest_score_difference"] <= 1e-3
    assert gate["seconds"] > 0
    assert gate["num_bytes"] > 0
    assert (record["form"], record["precision"], record["method"]) == (to, "fp32", "lora")
    theirs = dialora.load(runs, method="lora", set={"generation.engine": "torch"}).summarize([TALK])
    assert [one.text for one in dialora.load(exports[to]).summarize([TALK])] == [one.text for one in theirs]


@pytest.mark.parametrize("to", EVERY)
def test_an_export_reads_and_names_speakers_as_its_run(exports: Exports, runs: Path, to: str) -> None:
    ours, theirs = dialora.load(exports[to]), dialora.load(runs, method="lora")
    assert ours.system.style == theirs.system.style is not None
    assert ours.system.config.decoding == theirs.system.config.decoding
    assert ours.system.config.data.max_source_length == theirs.system.config.data.max_source_length
    assert ours.show_input("Anna: Is it late?\nBob: Nine.") == theirs.show_input("Anna: Is it late?\nBob: Nine.")


@pytest.mark.parametrize("to", EVERY)
def test_an_export_is_readable_by_others_and_names_nothing_of_this_machine(
    exports: Exports, tiny_model: Path, to: str
) -> None:
    for path in exports[to].rglob("*"):
        assert path.stat().st_mode & 0o777 == (exports[to] / "export.json").stat().st_mode & 0o777 or path.is_dir()
        if path.suffix == ".json":
            text = path.read_text(encoding="utf-8")
            assert str(tiny_model) not in text
            assert str(exports[to].parent) not in text


def flip(weights: dict[str, torch.Tensor]) -> None:
    """Damage the largest matrix that a summary depends on."""
    name = max((one for one in weights if "embed" not in one and "shared" not in one), key=lambda n: weights[n].numel())
    weights[name] = -weights[name]


def damage_safetensors(folder: Path) -> None:
    path = next(folder.glob("*model.safetensors"))
    weights = load_file(path)
    flip(weights)
    save_file(weights, path, metadata={"format": "pt"})


WO = "decoder.block.0.layer.2.DenseReluDense.wo.weight"


def damage_bytes(name: str) -> Callable[[Path], None]:
    """Turn the sign of a matrix that no method here trains, wherever it stands in a file."""

    def damage(folder: Path) -> None:
        path = folder / name
        content = path.read_bytes()
        weight = load_file(TINY[0] / "model.safetensors")[WO]
        forms = [one.contiguous().numpy() for one in (weight, weight.T)]
        found = [one for one in forms if one.tobytes() in content]
        assert found
        for one in found:
            content = content.replace(one.tobytes(), (-one).tobytes())
        path.write_bytes(content)

    return damage


TINY: list[Path] = []
"""The folder of the runs' base, once it is made."""


@pytest.fixture(autouse=True, scope="session")
def _know_tiny(tiny_model: Path) -> None:
    TINY.append(tiny_model)


DAMAGES = {
    "adapter": damage_safetensors,
    "merged": damage_safetensors,
    "ctranslate2": damage_bytes("model.bin"),
    "onnx": damage_bytes("decoder.onnx.data"),
}


def write_damaged(monkeypatch: pytest.MonkeyPatch, to: str, damage: Callable[[Path], None]) -> None:
    kind = type(FORMS[to])
    write = kind.write

    def damaged(self: Any, source: Any, folder: Path) -> None:
        write(self, source, folder)
        damage(folder)

    monkeypatch.setattr(kind, "write", damaged)


@pytest.mark.parametrize("to", EVERY)
def test_a_damaged_export_is_refused_and_leaves_nothing_and_is_marked_where_it_is_forced(
    exports: Exports, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    if to == "onnx":  # tracing it once is enough
        monkeypatch.setattr(onnx, "write_graphs", lambda _, folder: copy_graphs(exports["onnx"], folder))
    write_damaged(monkeypatch, to, DAMAGES[to])
    with pytest.raises(ExportError, match=r"was not exported: .*--force"):
        api.export_run(runs, method="lora", to=to, output=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    made = api.export_run(runs, method="lora", to=to, output=tmp_path / "out", force=True)
    assert not made.verdict.passed
    gate = load_json(tmp_path / "out" / "export.json")["gate"]
    assert not gate["passed"]
    assert gate["reasons"]
    with pytest.warns(UserWarning, match="was exported with --force although"):
        dialora.load(tmp_path / "out").summarize(TALK)


def copy_graphs(export: Path, folder: Path) -> None:
    for path in export.glob("*.onnx*"):
        shutil.copy(path, folder)


@pytest.mark.parametrize(("to", "name"), [("ctranslate2", "model.bin"), ("merged", "model.safetensors")])
def test_an_export_that_cannot_be_loaded_again_is_refused(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, name: str
) -> None:
    write_damaged(monkeypatch, to, lambda folder: (folder / name).write_bytes(b"nothing") and None)
    with pytest.raises(ExportError, match="it cannot be used once it is written") as refused:
        api.export_run(runs, method="lora", to=to, output=tmp_path / "out")
    assert ".writing" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_graph_that_cannot_be_loaded_again_is_refused(
    exports: Exports, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "write_graphs", lambda _, folder: copy_graphs(exports["onnx"], folder))
    write_damaged(monkeypatch, "onnx", lambda folder: (folder / "decoder.onnx").write_bytes(b"nothing") and None)
    with pytest.raises(ExportError, match=r"cannot be used once it is written .*decoder\.onnx"):
        api.export_run(runs, method="lora", to="onnx", output=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_that_reads_otherwise_is_refused(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_damaged(monkeypatch, "merged", lambda folder: change_base(folder, "tokenizer"))
    with pytest.raises(ExportError, match="it reads other tokens"):
        api.export_run(runs, method="lora", to="merged", output=tmp_path / "out")


def test_scaled_outputs_are_refused_although_greedy_summaries_are_the_same(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tie(folder: Path) -> None:
        values = load_json(folder / "config.json") | {"scale_decoder_outputs": True, "tie_word_embeddings": True}
        (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")

    write_damaged(monkeypatch, "merged", tie)
    with pytest.raises(ExportError, match="a beam search's score is") as refused:
        api.export_run(runs, method="zero_shot", to="merged", output=tmp_path / "out")
    assert "greedy" not in str(refused.value)


@pytest.mark.parametrize(("to", "precision"), [("ctranslate2", "int8"), ("merged", "bf16")])
def test_a_lower_precision_is_judged_by_rouge_with_its_interval(
    runs: Path, tmp_path: Path, to: str, precision: str
) -> None:
    verdict = api.export_run(runs, method="full", to=to, precision=precision, output=tmp_path / "x", force=True).verdict
    assert verdict.precision == precision
    for metric, (mean, low, high) in verdict.differences.items():
        assert low <= mean <= high
        assert mean == pytest.approx(verdict.scores[metric] - verdict.scores_run[metric])
    assert verdict.passed == all(mean >= -0.01 or high >= 0 for mean, _, high in verdict.differences.values())


@pytest.mark.parametrize(
    ("method", "to", "precision", "said"),
    [
        ("prompt", "merged", "fp32", "does not merge into its base; use --to adapter"),
        ("prompt", "onnx", "fp32", "does not merge into its base; use --to adapter"),
        ("full", "adapter", "fp32", "it is a whole model; use --to merged"),
        ("zero_shot", "adapter", "fp32", "it is a whole model; use --to merged"),
        ("lora", "gguf", "fp32", "is none of adapter, ctranslate2, merged, onnx"),
        ("lora", "onnx", "int8", "--precision int8: --to onnx has fp32"),
        ("lora", "merged", "fp64", "precision"),
    ],
)
def test_what_has_no_such_form_is_told_in_one_line(
    runs: Path, tmp_path: Path, method: str, to: str, precision: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        api.export_run(runs, method=method, to=to, precision=precision, output=tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_is_exported_as_an_adapter(runs: Path, tmp_path: Path) -> None:
    assert api.export_run(runs, method="prompt", to="adapter", output=tmp_path / "out").verdict.passed


def test_what_lies_at_the_output_stays(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        api.export_run(runs, method="lora", to="merged", output=tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_model_that_is_no_run_has_nothing_to_be_compared_with(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no run"):
        api.export_run(tiny_model, to="merged", output=tmp_path / "out")


def test_a_run_without_its_data_is_told(runs: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(runs, tmp_path / "copy"))
    shutil.rmtree(copy / "data")
    with pytest.raises(DialoraError, match="holds no data"):
        api.export_run(copy, method="lora", to="merged", output=tmp_path / "out")


@pytest.mark.parametrize("to", EVERY)
def test_a_damaged_or_half_copied_export_is_told_in_one_line(exports: Exports, tmp_path: Path, to: str) -> None:
    record = Path(shutil.copytree(exports[to], tmp_path / "record"))
    values = load_json(record / "export.json") | {"max_source_length": 64}
    (record / "export.json").write_text(json.dumps(values))
    largest = Path(shutil.copytree(exports[to], tmp_path / "largest"))
    max(largest.rglob("*"), key=lambda path: path.stat().st_size).unlink()
    unsealed = Path(shutil.copytree(exports[to], tmp_path / "unsealed"))
    (unsealed / "manifest.json").unlink()
    unsaid = Path(shutil.copytree(exports[to], tmp_path / "unsaid"))
    (unsaid / "export.json").unlink()
    for folder in (record, largest, unsealed, unsaid):
        with pytest.raises(ModelError, match=r"or is not what was written there.*export it again") as refused:
            dialora.load(folder).summarize(TALK)
        assert "\n" not in str(refused.value)


def test_an_adapters_base_is_found_from_where_both_are_now(tiny_model: Path, small_data: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    base = Path(shutil.copytree(tiny_model, first / "models" / "base"))
    build_runs(first / "run", base, small_data, {"lora": {"r": 4}})
    made = api.export_run(first / "run", method="lora", to="adapter", output=first / "out" / "adapter")
    named = load_json(made.folder / "adapter_config.json")["base_model_name_or_path"]
    assert named == "../../models/base"
    written = dialora.load(made.folder).summarize(TALK)
    first.rename(tmp_path / "second")
    moved = tmp_path / "second" / "out" / "adapter"
    assert dialora.load(moved).summarize(TALK) == written
    away = Path(shutil.move(tmp_path / "second" / "models" / "base", tmp_path / "elsewhere"))
    with pytest.raises(ModelError, match="is not there; give it with --base"):
        dialora.load(moved)
    assert dialora.load(moved, base=str(away)).summarize(TALK) == written
    change_base(away, "weights")
    with pytest.raises(ModelError, match="is not the base model that this was made from"):
        dialora.load(moved, base=str(away)).summarize(TALK)


def test_the_adapter_of_a_hub_id_names_it_with_its_commit(runs: Path, tmp_path: Path) -> None:
    system = dialora.load(runs, method="lora").system
    assert isinstance(system, RunSystem)
    hub = {"model": "owner/name", "model_revision": "0123abcd"}
    named = replace(system, config=system.config.model_copy(update=hub))
    vars(named)["tokenizer"] = system.tokenizer
    FORMS["adapter"].write(Source(named, torch.nn.Identity(), "fp32", name_base("owner/name", tmp_path)), tmp_path)
    values = load_json(tmp_path / "adapter_config.json")
    assert (values["base_model_name_or_path"], values["revision"]) == ("owner/name", "0123abcd")


def test_a_precision_that_a_converted_folder_was_not_made_in_is_refused(exports: Exports) -> None:
    asked = {"generation.precision": "int8"}
    with pytest.raises(ConfigError, match="is converted, and stays in fp32"):
        dialora.load(exports["ctranslate2"], set=asked).summarize(TALK)


@pytest.mark.parametrize("to", EVERY)
def test_an_exported_tokenizer_cuts_and_pads_nothing_by_itself(exports: Exports, to: str) -> None:
    from tokenizers import Tokenizer

    path = next(exports[to].rglob("tokenizer.json"))
    assert load_json(path)["truncation"] is None
    assert load_json(path)["padding"] is None
    assert len(Tokenizer.from_file(str(path)).encode(TALK * 40).ids) > 500

"""Exports of bases of every kind: each passes its gate, or is refused in one line; none is wrong without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

import dialora
from dialora import api
from dialora.errors import ConfigError
from tests.export.conftest import build_runs
from tests.models.families.tiny import build_folder

TALK = "#Person1#: Are you coming tonight?\n#Person2#: No, I am ill."
LORA = {"lora": {"r": 4}}


@pytest.mark.parametrize("to", ["adapter", "merged", "ctranslate2"])
@pytest.mark.parametrize("kind", ["bart", "mt5", "umt5", "llama", "gpt2", "qwen2"])
def test_other_kinds_of_bases_are_exported_as_t5_is(kind: str, to: str, small_data: Path, tmp_path: Path) -> None:
    base = build_folder(kind, tmp_path / kind, chat=kind == "llama")
    runs = build_runs(tmp_path / "runs", base, small_data, LORA)
    made = api.export_run(runs, to=to, output=tmp_path / "out")
    assert made.verdict.passed
    theirs = dialora.summarize([TALK], system=runs, set={"generation.engine": "torch"})
    assert dialora.summarize([TALK], system=made.folder)[0].text == theirs[0].text  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bart", "mt5"])
def test_other_encoder_decoders_become_graphs(kind: str, small_data: Path, tmp_path: Path) -> None:
    runs = build_runs(tmp_path / "runs", build_folder(kind, tmp_path / kind), small_data, LORA)
    assert api.export_run(runs, to="onnx", output=tmp_path / "out").verdict.passed


@pytest.mark.parametrize(
    ("kind", "to", "said"), [("longt5", "ctranslate2", "it has no models"), ("llama", "onnx", "encoder-decoders")]
)
def test_what_a_form_lacks_is_told_in_one_line(kind: str, to: str, said: str, small_data: Path, tmp_path: Path) -> None:
    runs = build_runs(tmp_path / "runs", build_folder(kind, tmp_path / kind), small_data, LORA)
    with pytest.raises(ConfigError, match=said) as refused:
        api.export_run(runs, to=to, output=tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()

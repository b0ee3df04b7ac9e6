"""The bundled experiment's LoRA through the gate of every form."""

from __future__ import annotations

from pathlib import Path

import pytest

import dialora
from dialora import api
from tests import sizes

NUM_DIALOGUES = 40 if sizes.IS_QUICK else 120
TALK = "#Person1#: Are you coming tonight?\n#Person2#: No, I am ill. Tomorrow perhaps."


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = dialora.load_experiment("bundled", sizes.FEW_STEPS)
    root = tmp_path_factory.mktemp("bundled") / "run"
    api.compare(config.model_copy(update={"methods": {"lora": config.methods["lora"]}}), output=root)
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    ("to", "precision"),
    [("adapter", "fp32"), ("merged", "fp32"), ("ctranslate2", "fp32"), ("ctranslate2", "int8"), ("onnx", "fp32")],
)
def test_the_bundled_lora_passes_every_gate(run: Path, tmp_path: Path, to: str, precision: str) -> None:
    verdict = api.export_run(run, to=to, precision=precision, output=tmp_path / "out").verdict
    assert verdict.passed
    assert verdict.num_dialogues == NUM_DIALOGUES
    if precision == "fp32":
        assert verdict.num_equal == NUM_DIALOGUES
        assert verdict.largest_score_difference is not None
        assert verdict.largest_score_difference < 1e-5
    else:
        assert verdict.num_bytes is not None
        assert verdict.num_bytes < 12e6
    theirs = dialora.summarize([TALK], system=run, set={"generation.engine": "torch"})
    ours = dialora.summarize([TALK], system=tmp_path / "out")
    if precision == "fp32":
        assert ours[0].text == theirs[0].text  # type: ignore[index]

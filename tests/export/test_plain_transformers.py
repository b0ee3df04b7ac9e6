"""Adapters and merged models where there is no dialora: plain transformers 5 and 4 write what the run writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dialora
from tests.export.conftest import Exports

READER = Path(__file__).with_name("plain_reader.py")
TALK = "#Person1#: Are you coming tonight?\n#Person2#: No, I am ill. Tomorrow perhaps."


def ask(python: str, folder: Path, base: Path | None, texts: list[str], **options: Any) -> dict[str, Any]:
    asked = {"folder": str(folder), "base": base and str(base), "texts": texts} | options
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    made = subprocess.run(
        [python, str(READER)], input=json.dumps(asked), capture_output=True, text=True, env=environment, check=False
    )
    assert made.returncode == 0, made.stderr[-2000:]
    return dict(json.loads(made.stdout))


@pytest.fixture(params=[5, 4])
def python(request: pytest.FixtureRequest) -> str:
    """A Python with plain transformers and PEFT: this one, and one with transformers 4."""
    if request.param == 5:
        return sys.executable
    if "DIALORA_TRANSFORMERS4" not in os.environ:
        pytest.skip("no Python with transformers 4 is given (set DIALORA_TRANSFORMERS4 to its path)")
    return os.environ["DIALORA_TRANSFORMERS4"]


@pytest.mark.slow
@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("to", ["adapter", "merged"])
def test_plain_transformers_writes_the_same(
    exports: Exports, runs: Path, tiny_model: Path, python: str, to: str, beams: int
) -> None:
    from dialora.data.tokens import tokenize_sources
    from dialora.generation import TorchEngine, decode_summary, write_all

    system = dialora.load(runs, method="lora").system
    sources = tokenize_sources([TALK, TALK + TALK], system.tokenizer, prompt=system.prompt, max_length=128)
    ids = [list(source.input_ids) for source in sources]
    changes = {"num_beams": beams, "early_stopping": beams > 1, "no_repeat_ngram_size": 3}
    decoding = system.config.decoding.model_copy(update=changes)
    ours = write_all(TorchEngine(system.load(), system.tokenizer, decoding), ids, decoding)
    options = {"max_length": 128, "max_new_tokens": decoding.max_new_tokens, "no_repeat_ngram_size": 3, "beams": beams}
    texts = [system.config.prompt.format(dialogue=talk) for talk in (TALK, TALK + TALK)]
    made = ask(python, exports[to], tiny_model if to == "adapter" else None, texts, **options)
    assert made["transformers"].startswith("5" if python == sys.executable else "4")
    assert made["ids"] == ids
    assert made["new_ids"] == [one.new_ids for one in ours]
    assert made["summaries"] == [decode_summary(system.tokenizer, one.new_ids) for one in ours]
    if beams > 1:
        assert made["scores"] == pytest.approx([one.score for one in ours], abs=1e-3)

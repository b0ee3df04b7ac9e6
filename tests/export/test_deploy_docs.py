"""What docs/deploy.md shows of using an export without dialora, executed."""

import re
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora import api
from tests.conftest import ROOT

TALK = "#Person1#: Are you coming tonight?\n#Person2#: No, I am ill {really}."
TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"<!-- (\w+) -->\n```python\n(.*?)```", TEXT, re.S))
GREEDY: dict[str, Any] = {"decoding.num_beams": 1, "decoding.no_repeat_ngram_size": 0}
NO_BIGRAM_TWICE = GREEDY | {"decoding.no_repeat_ngram_size": 2}
BEAMS = {"decoding.num_beams": 3, "decoding.no_repeat_ngram_size": 3, "decoding.length_penalty": 2.0}


@pytest.mark.parametrize(
    ("to", "decoding"),
    [
        ("ctranslate2", NO_BIGRAM_TWICE),
        ("ctranslate2", BEAMS),
        ("merged", GREEDY),
        ("merged", NO_BIGRAM_TWICE),
        ("merged", BEAMS),
        pytest.param("onnx", GREEDY, marks=pytest.mark.slow),
        pytest.param("onnx", NO_BIGRAM_TWICE, marks=pytest.mark.slow),
    ],
)
def test_the_snippets_write_what_the_run_writes(runs: Path, tmp_path: Path, to: str, decoding: dict[str, Any]) -> None:
    api.export_run(runs, method="lora", to=to, output=tmp_path / "out", set=decoding)
    names: dict[str, Any] = {"folder": str(tmp_path / "out"), "dialogue": TALK}
    exec(SNIPPETS[to], names)
    system = dialora.load(runs, method="lora", set={"generation.engine": "torch"} | decoding)
    assert names["summary"].strip() == system.summarize(TALK).text  # type: ignore[union-attr]


def test_what_the_snippets_have_to_heed_changes_summaries(runs: Path) -> None:
    # Else they could leave it out, and the test above would not tell.
    made = {
        dialora.load(runs, method="lora", set={"generation.engine": "torch"} | decoding).summarize(TALK).text  # type: ignore[union-attr]
        for decoding in (GREEDY, NO_BIGRAM_TWICE, BEAMS)
    }
    assert len(made) == 3


def test_every_form_has_a_snippet_or_stands_in_one() -> None:
    assert set(SNIPPETS) == {"merged", "ctranslate2", "onnx"}
    assert "PeftModel.from_pretrained" in SNIPPETS["merged"]

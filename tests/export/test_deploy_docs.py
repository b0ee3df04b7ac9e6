"""What docs/deploy.md shows of using an export without dialora, executed."""

import re
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora import api
from tests.conftest import ROOT

TALK = "#Person1#: Are you coming tonight?\n#Person2#: No, I am ill."
TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"<!-- (\w+) -->\n```python\n(.*?)```", TEXT, re.S))


@pytest.mark.parametrize("to", ["ctranslate2", "merged", pytest.param("onnx", marks=pytest.mark.slow)])
def test_the_snippets_write_what_the_run_writes(runs: Path, tmp_path: Path, to: str) -> None:
    api.export_run(runs, method="lora", to=to, output=tmp_path / "out")
    names: dict[str, Any] = {"folder": str(tmp_path / "out"), "dialogue": TALK}
    exec(SNIPPETS[to], names)
    theirs = dialora.summarize([TALK], system=runs, method="lora", set={"generation.engine": "torch"})
    assert names["summary"].strip() == theirs[0].text  # type: ignore[index]


def test_every_form_has_a_snippet_or_stands_in_one() -> None:
    assert set(SNIPPETS) == {"merged", "ctranslate2", "onnx"}
    assert "PeftModel.from_pretrained" in SNIPPETS["merged"]

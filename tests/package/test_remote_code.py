"""No checkpoint's own code is run: whatever loads one says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dialora
from dialora.scoring.learned.kinds.bertscore import BertScore
from dialora.scoring.learned.reader import locate

SOURCE = Path(dialora.__file__).parent
LOADERS = {"from_pretrained", "from_config"}
WITHOUT_CODE = {"PeftModel", "PeftConfig", "GenerationConfig", "TransformerSpec", "TransformerDecoderModelSpec"}
"""Loaders that know no such option: they read weights and settings and nothing else, or sizes alone (CTranslate2's)."""


def list_unsaid(source: str) -> list[str]:
    """Return what loads a checkpoint in a module without `trust_remote_code=False`, or `**locate(…)` that says it."""
    tree = ast.parse(source)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    # `Reader` calls its `build` with what `locate` gives.
    handed = {
        id(keyword.value)
        for node in calls.values()
        if isinstance(node.func, ast.Name) and node.func.id == "Reader"
        for keyword in node.keywords
        if keyword.arg == "build"
    }

    def unsaid() -> Iterator[str]:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or node.attr not in LOADERS or id(node) in handed:
                continue
            if ast.unparse(node.value).rpartition(".")[2] in WITHOUT_CODE:
                continue
            call = calls.get(id(node))
            if call is None or not any(map(says_no, call.keywords)):
                yield f"line {node.lineno}: {ast.unparse(node)}"

    return list(unsaid())


def says_no(keyword: ast.keyword) -> bool:
    value = keyword.value
    if keyword.arg is None:
        return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "locate"
    return keyword.arg == "trust_remote_code" and isinstance(value, ast.Constant) and value.value is False


def test_all_that_loads_a_checkpoint_refuses_its_code() -> None:
    files = sorted(SOURCE.rglob("*.py"))
    found = {file: list_unsaid(file.read_text(encoding="utf-8")) for file in files}
    assert {file.name: lines for file, lines in found.items() if lines} == {}
    assert locate(BertScore(model=str(SOURCE / "assets" / "base")), key="x")["trust_remote_code"] is False


@pytest.mark.parametrize(
    "source",
    [
        "AutoConfig.from_pretrained(x)",
        "AutoModel.from_config(x, trust_remote_code=True)",
        "T5Model.from_pretrained(x, **options)",
        "load = AutoModel.from_pretrained",
        "read(build=AutoModel.from_pretrained)",
    ],
)
def test_a_loader_that_does_not_say_it_is_found(source: str) -> None:
    assert len(list_unsaid(source)) == 1

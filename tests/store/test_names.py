"""Only the store spells a file or folder name of a run directory."""

import ast
from collections.abc import Iterator
from pathlib import Path

from dialora.store import names
from tests.conftest import ROOT

SOURCE = ROOT / "src" / "dialora"
SPELLED = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
FOLDERS = {name for name in SPELLED if "." not in name.lstrip(".")}
FILES = SPELLED - FOLDERS
PARTS = ("ctranslate2-", "checkpoint-", "scores-", "-trial-", ".writing")
"""Of names that a number or another name is part of."""
OTHERS = {
    ("config/loading.py", "experiment.yaml"),  # of a message: the store stands above the configuration
    ("data/reading/folders.py", "data"),  # of a data set in the hub's layout
    ("models/weights.py", "model.safetensors"),  # of a checkpoint, as transformers names it
}


def find_names(code: str) -> Iterator[tuple[int, str]]:
    """Yield where a file's name is spelled, and a folder's behind a slash."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            parts = node.value.split("/")
            yield from ((node.lineno, part) for part in parts if part in FILES)
            yield from ((node.lineno, part) for part in parts[:-1] if part in FOLDERS)
            yield from ((node.lineno, part) for part in PARTS if node.value.startswith(part) or node.value == part)
        is_slash = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        if is_slash and isinstance(node.right, ast.Constant) and node.right.value in FOLDERS:
            yield node.lineno, str(node.right.value)


def test_names_are_found_where_they_are_spelled() -> None:
    code = 'a = folder / "training" / "predictions.jsonl"\nb = f"ctranslate2-{precision}"\nc = {"training": 1}\n'
    code += 'd = f"{folder}/report.html"\ne = f"figures/{name}.svg"\n'
    assert sorted(find_names(code)) == [
        (1, "predictions.jsonl"), (1, "training"), (2, "ctranslate2-"), (4, "report.html"), (5, "figures"),
    ]  # fmt: skip


def test_no_other_room_spells_a_name_of_a_run_directory() -> None:
    found = set()
    for path in SOURCE.rglob("*.py"):
        place = path.relative_to(SOURCE).as_posix()
        if not place.startswith("store/"):
            found |= {(place, name) for _, name in find_names(Path(path).read_text(encoding="utf-8"))}
    assert found == OTHERS

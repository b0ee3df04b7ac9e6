"""The package as a whole: public names, the README's promises, the bundled data."""

import ast
import importlib
import json
import pkgutil
import re
import sys
import tomllib
from collections import Counter
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import dialora
from dialora.config import BUNDLED, DataConfig, load_experiment
from dialora.data.examples import load_dataset
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [m.name for m in pkgutil.walk_packages(dialora.__path__, "dialora.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", ["dialora", *MODULES])
def test_public_names_exist_and_are_sorted(name: str) -> None:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert names == sorted(names, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    for public in names:
        assert getattr(module, public) is not None


def test_the_readmes_experiment_is_the_shipped_one() -> None:
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", README, re.S) if "methods:" in b)
    assert load_experiment({"name": "seed"} | yaml.safe_load(block)) == load_experiment("seed")


def test_the_readmes_tree_names_every_module() -> None:
    tree = README.split("## The files")[1]
    for path in (ROOT / "src" / "dialora").iterdir():
        if not path.name.startswith("_") and path.name != "py.typed":
            assert path.name in tree, path.name


def test_the_readmes_python_names_what_there_is() -> None:
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "import dialora" in b)
    for name in re.findall(r"dialora\.(\w+)", block):
        assert name in dialora.__all__


def test_the_bundled_dialogues_are_what_their_card_says() -> None:
    dataset = load_dataset(DataConfig(source=BUNDLED))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (480, 68, 120)
    assert {len(e.references) for e in dataset.test} == {2}
    examples = (*dataset.train, *dataset.validation, *dataset.test)
    for example in examples:
        speakers = {turn.split(":")[0] for turn in example.dialogue.splitlines()}
        assert 60 <= len(example.dialogue.split()) <= 220, example.id
        assert 2 <= len(speakers) <= 4, example.id
        for reference in example.references:
            assert 15 <= len(reference.split()) <= 35, example.id
            assert set(re.findall(r"#Person\d#", reference)) <= speakers, example.id
    tagged = sum(e.dialogue.startswith("#Person1#") for e in examples)
    assert 0.7 < tagged / len(examples) < 0.9


def test_no_two_bundled_dialogues_or_summaries_are_alike() -> None:
    dataset = load_dataset(DataConfig(source=BUNDLED))
    examples = (*dataset.train, *dataset.validation, *dataset.test)
    for texts, limit in ([e.dialogue for e in examples], 0.1), ([e.references[0] for e in examples], 0.25):
        pairs = [_word_pairs(text) for text in texts]
        places: dict[tuple[str, str], list[int]] = {}
        for at, own in enumerate(pairs):
            for pair in own:
                places.setdefault(pair, []).append(at)
        for at, own in enumerate(pairs):
            shared = Counter(other for pair in own for other in places[pair] if other > at)
            for other, count in shared.items():
                share = count / (len(own) + len(pairs[other]) - count)
                assert share < limit, (
                    f"{examples[at].id} and {examples[other].id} share {share:.0%} of their word pairs"
                )


def test_the_two_references_of_a_bundled_test_dialogue_are_two() -> None:
    for example in load_dataset(DataConfig(source=BUNDLED)).test:
        first, second = (_word_pairs(reference) for reference in example.references)
        assert len(first & second) / len(first | second) < 0.85, example.id


def _word_pairs(text: str) -> set[tuple[str, str]]:
    words = re.findall(r"[a-z0-9']+", re.sub(r"#person\d#", "", text.lower()))
    return set(pairwise(words))


def test_the_bundled_base_is_a_small_untied_t5_in_safetensors() -> None:
    folder = ROOT / "src" / "dialora" / "assets" / "base"
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "t5"
    assert config["tie_word_embeddings"] is False
    assert sum(path.stat().st_size for path in folder.iterdir()) < 30e6
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors", ".md"}


def test_dependencies_are_names_and_versions_alone() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        requirement = line.split("#")[0].strip()
        assert not requirement or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", requirement), line
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [name for names in project.get("optional-dependencies", {}).values() for name in names]
    assert not [name for name in (*project["dependencies"], *optional) if "/" in name or "@" in name]
    assert "://" not in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    imported = {name for path in (ROOT / "src").rglob("*.py") for name in _list_imports(path)}
    imported -= {"dialora", *sys.stdlib_module_names}
    optional = {"bitsandbytes", "codecarbon", "onnxruntime", "ray", "sacrebleu", "submitit"}
    names = packages_distributions()
    assert imported - set(names) <= optional
    found = {_normalise(names[module][0]) for module in imported & set(names)}
    declared = {_normalise(re.split(r"[<>=\[]", line)[0]) for line in project["dependencies"]}
    assert found - optional <= declared
    # Of rouge_score the version stands in every protocol; forms are read by starlette with python-multipart.
    assert declared - found == {"python-multipart", "rouge-score"}


def _list_imports(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {module.split(".")[0] for module in modules}


def _normalise(name: str) -> str:
    return name.lower().replace("_", "-")

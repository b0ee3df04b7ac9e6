"""A new family is one file: the one of docs/architecture.md, run as it stands there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dialora
from dialora.config import load_experiment
from dialora.errors import ModelError
from dialora.methods import METHODS
from dialora.models.adapters import apply_method, load_system, save_system
from dialora.models.bases import settle
from dialora.models.families import FAMILIES
from dialora.models.loading import load_base_model, load_tokenizer
from tests.conftest import ROOT, build_experiment_values
from tests.models.families.test_families import Base, build_base, run
from tests.models.families.tiny import build_folder

SIZES = {"ffn_dim": 48, "word_embed_proj_dim": 32}


@pytest.fixture
def toy() -> Iterator[None]:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(code, {"__name__": "dialora.models.families.opt"})
    yield
    del FAMILIES["opt"]


def test_without_the_file_the_kind_is_not_known(small_data: Path, tmp_path: Path) -> None:
    folder = build_folder("opt", tmp_path, **SIZES)
    with pytest.raises(ModelError, match=r"is a 'opt' model; dialora adapts .* \(docs/architecture\.md\)"):
        settle(load_experiment(build_experiment_values(folder, small_data)))


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("name", ["full", "lora"])
def test_a_model_trains_is_saved_and_writes_the_same_again(name: str, small_data: Path, tmp_path: Path) -> None:
    base: Base = build_base("opt", small_data, tmp_path / "base", **SIZES)
    model, result, method = run(base, name, tmp_path / "work")
    assert result.losses[-1] < result.losses[0]
    save_system(model, load_tokenizer(base.config), tmp_path / "saved", base=base.config.model)
    again = load_system(base.config, method, tmp_path / "saved")
    written = base.summarize(again)
    assert written == base.summarize(model) == base.summarize(again, one_by_one=True)
    assert any(written)


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("name", ["ia3", "last_layers", "ln_tuning", "lora_all", "decoder"])
def test_methods_find_its_parts_by_their_names(name: str, small_data: Path, tmp_path: Path) -> None:
    config = settle(load_experiment(build_experiment_values(build_folder("opt", tmp_path, **SIZES), small_data)))
    options = {"num_layers": 1} if name == "last_layers" else {}
    adapted = apply_method(load_base_model(config), METHODS[name](**options), key=name)
    assert any(parameter.requires_grad for parameter in adapted.parameters())


@pytest.mark.usefixtures("toy")
def test_the_verbs_know_it(small_data: Path, tmp_path: Path) -> None:
    values = build_experiment_values(build_folder("opt", tmp_path, **SIZES), small_data)
    assert list(dialora.params(values)["method"]) == ["zero_shot", "full", "lora"]
    assert (dialora.check(values)["status"] != "failed").all()

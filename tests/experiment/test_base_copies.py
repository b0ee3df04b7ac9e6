"""A copy of a base is that base: to `params` and `check` as to an experiment that runs."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.errors import ModelError
from tests.conftest import change_base


@pytest.fixture
def copied(experiment: dict[str, Any], tiny_model: Path, tmp_path: Path) -> dict[str, Any]:
    """Two systems, of which one names a copy of the base."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    methods = {"lora": {"r": 4}, "lora_copy": {"method": "lora", "r": 4, "model": str(copy)}}
    return experiment | {"methods": methods}


def test_a_copy_is_counted_and_checked_as_the_base_that_it_copies(copied: dict[str, Any]) -> None:
    assert "base" not in dialora.params(copied)
    checks = dialora.check(copied)
    assert (checks["status"] != "failed").all()
    assert {"weights", "labels"} <= set(checks.index)


def test_a_copy_of_which_a_file_differs_is_another_base(copied: dict[str, Any], tmp_path: Path) -> None:
    change_base(tmp_path / "copy", "weights")
    name = Path(copied["model"]).name
    assert list(dialora.params(copied)["base"]) == [name, "copy"]
    assert {f"weights ({name})", "weights (copy)"} <= set(dialora.check(copied).index)


def test_beside_another_base_a_copy_is_called_as_what_it_copies(
    copied: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(tiny_model, tmp_path / "other")
    change_base(other, "weights")
    copied["methods"]["lora_other"] = {"method": "lora", "r": 4, "model": str(other)}
    name = tiny_model.name
    assert list(dialora.params(copied)["base"]) == [name, name, "other"]
    assert {each for each in dialora.check(copied).index if each.startswith("weights")} == {
        f"weights ({name})",
        "weights (other)",
    }


def test_a_base_that_is_not_there_is_told_as_ever(copied: dict[str, Any], tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "copy")
    checks = dialora.check(copied)
    failed = checks[checks["status"] == "failed"]
    assert any("copy: no such folder" in detail for detail in failed["detail"])
    with pytest.raises(ModelError, match=r"methods\.lora_copy\.model: .*copy: no such folder"):
        dialora.params(copied)

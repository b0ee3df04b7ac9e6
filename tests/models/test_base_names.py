"""What an adapter calls its base: a name that means the same elsewhere, and the commit of a hub id."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dialora import load_experiment
from dialora.errors import ModelError
from dialora.models.checkpoint import find_commit, name_base
from dialora.systems import find_system

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _cache(base: Path, root: Path, hub_id: str, commit: str = COMMIT) -> None:
    """Put a model into a hub cache, as a download would."""
    folder = root / f"models--{hub_id.replace('/', '--')}"
    shutil.copytree(base, folder / "snapshots" / commit)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path) -> Iterator[Path]:
    """A hub cache that holds `someone/tiny-base`."""
    root = tmp_path / "hub"
    _cache(tiny_model, root, "someone/tiny-base")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root))
    find_commit.cache_clear()
    yield root
    find_commit.cache_clear()


def test_of_a_hub_id_the_commit_is_named(experiment: dict[str, Any], hub: Path) -> None:
    config = load_experiment(experiment | {"model": "someone/tiny-base"})
    assert name_base(config) == ("someone/tiny-base", COMMIT)


@pytest.mark.parametrize("relative", [True, False])
def test_a_folder_is_called_as_the_experiment_calls_it(
    experiment: dict[str, Any], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    shutil.copytree(tiny_model, tmp_path / "models" / "base")
    monkeypatch.chdir(tmp_path)
    name = "models/base" if relative else str(tmp_path / "models" / "base")
    assert name_base(load_experiment(experiment | {"model": name})) == (name, None)


def test_the_bundled_base_is_a_word(experiment: dict[str, Any]) -> None:
    assert name_base(load_experiment(experiment | {"model": "bundled"})) == ("bundled", None)


def test_an_adapter_is_put_on_the_commit_that_it_names(hub: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    settings = {"base_model_name_or_path": "someone/tiny-base", "revision": COMMIT}
    (adapter / "adapter_config.json").write_text(json.dumps(settings))
    # The branch has moved on to a commit that is not here.
    (hub / "models--someone--tiny-base" / "refs" / "main").write_text("f" * 40)
    assert find_system(adapter).config.model_revision == COMMIT
    (adapter / "adapter_config.json").write_text(json.dumps(settings | {"revision": None}))
    find_commit.cache_clear()
    with pytest.raises(ModelError, match="someone/tiny-base"):
        find_system(adapter)

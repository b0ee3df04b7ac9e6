"""Hub ids whose files cannot be had, and what is no base: one line that says what to do, at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import DialoraError, ModelError
from dialora.models import hub
from dialora.models.bases import load_family, settle
from dialora.models.checkpoint import find_commit, require_weights
from dialora.models.loading import check_weights, load_base_model, load_tokenizer

COMMIT = "0123456789" * 4


def build(model: str) -> ExperimentConfig:
    return load_experiment({"name": "x", "model": model, "data": {"source": "bundled"}, "methods": {"lora": {}}})


@pytest.fixture
def cache(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache as `hf download` leaves it: somebody/model, whole, and nothing that says what is not there."""
    root = tmp_path / "hub"
    folder = root / "models--somebody--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    shutil.copytree(tiny_model, folder / "snapshots" / COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root))
    find_commit.cache_clear()
    hub._failed.clear()
    return folder / "snapshots" / COMMIT


def answer(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    """Let the hub answer everything with an error; returns what it was asked for."""
    asked = []

    def fail(source: str, name: str, **_: Any) -> str:
        asked.append(name)
        raise error

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    monkeypatch.setattr("huggingface_hub.is_offline_mode", lambda: False)
    find_commit.cache_clear()
    hub._failed.clear()
    return asked


def make_error(name: str) -> Exception:
    from types import SimpleNamespace

    from huggingface_hub import errors

    kind = getattr(errors, name)
    if name == "LocalEntryNotFoundError":
        return kind("no connection")  # type: ignore[no-any-return]
    return kind("x", response=SimpleNamespace(headers={}, status_code=401, request=None))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GatedRepoError", "it is gated: accept its terms at https://huggingface.co/a/b, then log in"),
        ("RepositoryNotFoundError", "no such model, or it is private"),
        ("RevisionNotFoundError", "it has no revision"),
        ("LocalEntryNotFoundError", "the hub cannot be reached"),
        ("HfHubHTTPError", "the hub answers 401"),
    ],
)
def test_what_the_hub_refuses_is_one_line(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, make_error(name))
    with pytest.raises(ModelError, match=said) as caught:
        load_family(build("a/b"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_hub_that_is_away_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, make_error("LocalEntryNotFoundError"))
    for _ in range(3):
        with pytest.raises(DialoraError, match="cannot be reached"):
            settle(build("a/b"))
    assert len(asked) == 1
    monkeypatch.setattr(hub, "PATIENCE", 0.0)
    with pytest.raises(DialoraError, match="cannot be reached"):
        settle(build("a/b"))
    assert len(asked) == 2


def test_offline_a_model_is_what_the_cache_has_of_it(cache: Path) -> None:
    (cache / "generation_config.json").unlink(missing_ok=True)
    config = settle(build("somebody/model"))
    assert find_commit("somebody/model", None) == COMMIT
    found = check_weights(config)
    assert found is not None
    assert found[0] > 0
    assert len(load_tokenizer(config)) > 100
    assert load_base_model(config).num_parameters() > 0
    with pytest.raises(ModelError, match="not in the cache, and HF_HUB_OFFLINE is set"):
        settle(build("somebody/other"))


def test_an_adapters_hub_id_is_told_from_a_models(cache: Path) -> None:
    for path in cache.iterdir():
        path.unlink()
    (cache / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "google/flan-t5-base"}))
    with pytest.raises(ModelError, match=r"it is a PEFT adapter, not a whole model: give its base \(google/flan-t5-ba"):
        settle(build("somebody/model"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, r"'bert' model \(BertForMaskedLM\), which writ"),
        ({"model_type": "gemma3", "vision_config": {}}, "which reads more than text; dialora adapts T5"),
        ({"model_type": "mamba", "architectures": ["MambaForCausalLM"]}, "it is a 'mamba' model; dialora adapts T5"),
        ({"architectures": ["XModel"]}, "names no model_type"),
    ],
)
def test_another_kind_of_model_is_told_what_it_is(values: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=said):
        load_family(build(str(tmp_path)))


@pytest.mark.parametrize("key", ["quantization_config", "quantization"])
def test_a_quantized_model_is_told_what_to_take(key: str, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "m")
    values = json.loads((tmp_path / "m" / "config.json").read_text()) | {key: {"bits": 4, "quant_method": "awq"}}
    (tmp_path / "m" / "config.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=r"quantized, .* give the model that they were made from .*qlora") as caught:
        load_base_model(build(str(tmp_path / "m")))
    assert str(caught.value).count("give") == 1


@pytest.mark.parametrize("has_config", [True, False])
def test_a_folder_of_gguf_is_told_from_an_empty_one(has_config: bool, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "model-Q4_K_M.gguf").write_bytes(b"GGUF")
    if has_config:
        shutil.copy(tiny_model / "config.json", tmp_path)
    with pytest.raises(ModelError, match=r"(it holds GGUF files|it holds \.gguf files).*as safetensors"):
        require_weights(str(tmp_path))
    if has_config:
        with pytest.raises(ModelError, match=r"it holds \.gguf files"):
            load_base_model(build(str(tmp_path)))

"""The card of a trained folder: it is about this system, names no path, and its code writes what dialora writes."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

import dialora
from dialora import api
from dialora.config import load_experiment
from dialora.data.tokens import Prompt
from dialora.experiment.trained_card import render_trained_card
from dialora.models.usage import EXAMPLE
from dialora.store import Stage
from dialora.store.stage import read_key
from tests.cards import read_code, run_code

HOSTILE = "</script>```\n# A heading\n---\n{dialogue}\u202e' + \"quotes\\"


@pytest.fixture(scope="module")
def runs(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training of two methods, whose greedy summaries would repeat themselves."""
    from tests.conftest import build_experiment_values

    root = tmp_path_factory.mktemp("runs") / "tiny"
    values = build_experiment_values(tiny_model, small_data)
    values["decoding"] = {"max_new_tokens": 12, "no_repeat_ngram_size": 2}
    api.train(values, output=root)
    return root


@pytest.mark.parametrize("method", ["lora", "full"])
def test_code_of_the_card_writes_what_dialora_writes(runs: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = runs.glob(f"{method}-s0-*")
    card = (run / "training" / "README.md").read_text(encoding="utf-8")
    (ours,) = api.summarize([EXAMPLE], system=run, set=["generation.engine=torch"])
    assert ours.text
    assert run_code(read_code(card), run / "training", monkeypatch) == ours.text


@pytest.mark.parametrize("method", ["lora", "full"])
def test_card_says_what_this_is_and_names_no_path(runs: Path, method: str, tiny_model: Path, small_data: Path) -> None:
    (run,) = runs.glob(f"{method}-s0-*")
    text = (run / "training" / "README.md").read_text(encoding="utf-8")
    card = ModelCard(text)
    assert card.data.library_name == {"lora": "peft", "full": "transformers"}[method]
    assert f"`{method}`" in card.text
    assert f"Base: {tiny_model.name}" in card.text
    assert f"Data: {small_data.name}" in card.text
    assert "More Information Needed" not in text
    assert "Model ID" not in text
    assert str(tiny_model.parent) not in text
    assert str(Path(dialora.__file__).parent) not in text


def test_a_card_is_a_part_of_its_stage(runs: Path) -> None:
    for run in runs.glob("*-s0-*/training"):
        assert Stage(run, read_key(run)).is_complete
    # One that is edited is no longer what was written.
    card = next(runs.glob("lora-s0-*/training")) / "README.md"
    before = card.read_bytes()
    card.write_bytes(before + b"more")
    try:
        assert not Stage(card.parent, read_key(card.parent)).is_complete
    finally:
        card.write_bytes(before)


def test_bundled_base_is_found_by_plain_peft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dialora.methods import LoRA
    from dialora.models.adapters import apply_method, save_system
    from dialora.models.checkpoint import name_base
    from dialora.models.families import family_of
    from dialora.models.loading import load_base_model, load_tokenizer

    config = load_experiment("bundled", ["decoding.max_new_tokens=8"])
    model, tokenizer = apply_method(load_base_model(config), LoRA(r=2), key="lora"), load_tokenizer(config)
    base, revision = name_base(config)
    special = family_of(model).describe_special(model, tokenizer)
    card = render_trained_card(config, "lora", Prompt(config.prompt), special, is_adapter=True, seed=0)
    save_system(model, tokenizer, tmp_path, base=base, revision=revision, card=card)
    (ours,) = api.summarize(
        [EXAMPLE],
        system=tmp_path,
        set=["generation.engine=torch", "decoding.max_new_tokens=8", "decoding.no_repeat_ngram_size=3"],
    )
    assert run_code(read_code(card), tmp_path, monkeypatch) == ours.text
    assert str(Path(dialora.__file__).parent) not in card + (tmp_path / "adapter_config.json").read_text()


def test_terms_of_the_data_stand_in_it(experiment: dict[str, Any]) -> None:
    values = experiment | {"model": "bundled", "data": {"source": "Samsung/samsum"}}
    text = render_trained_card(load_experiment(values), "lora", Prompt("{dialogue}"), {}, is_adapter=True, seed=0)
    assert ModelCard(text).data.license == "cc-by-nc-nd-4.0"
    assert "nothing adapted from it may be shared" in text


def test_without_a_card_there_is_none(tmp_path: Path, tiny_model: Path, experiment: dict[str, Any]) -> None:
    from dialora.methods import LoRA
    from dialora.models.adapters import apply_method, save_system
    from dialora.models.loading import load_base_model, load_tokenizer

    config = load_experiment(experiment)
    model = apply_method(load_base_model(config), LoRA(r=2), key="lora")
    save_system(model, load_tokenizer(config), tmp_path, base=config.model)
    assert not (tmp_path / "README.md").exists()


def test_hostile_prompt_stays_inside_its_string(experiment: dict[str, Any]) -> None:
    config = load_experiment(experiment | {"prompt": HOSTILE})
    card = render_trained_card(config, "lora", Prompt(HOSTILE), {}, is_adapter=True, seed=0)
    code = read_code(card)
    found: dict[str, Any] = {}
    exec(next(line for line in code.splitlines() if line.startswith("prompt = ")), found)
    assert found["prompt"] == HOSTILE
    assert "\u202e" not in card
    assert card.count("\n# ") == 1

"""FLAN-T5's two embedding matrices, through everything that could tie them; and what loading says when it fails."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ModelError
from dialora.methods import Full, LoRA
from dialora.models.adapters import apply_method, load_adapter, merged, save_system
from dialora.models.checkpoint import resolve_model
from dialora.models.counting import count_methods, count_parameters
from dialora.models.loading import build_meta_model, load_base_model, load_tokenizer


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


def test_the_notebooks_numbers_come_from_the_config_alone(real_data: Path) -> None:
    config = load_experiment("seed", {"model": str(real_data / "flan-t5-base")})
    counts = count_methods(config)
    assert counts["zero_shot"].total == counts["full"].trainable == 247_577_856
    assert counts["lora"].trainable == 3_538_944
    assert counts["lora"].total == 251_116_800
    assert round(counts["lora"].percent, 2) == 1.41


@pytest.mark.filterwarnings("ignore:Input and output embeddings are no longer tied:UserWarning")
def test_the_head_survives_load_lora_merge_save_load(config: ExperimentConfig, tmp_path: Path) -> None:
    model = load_base_model(config)
    head = model.lm_head.weight.detach().clone()
    assert not torch.equal(head, model.shared.weight)
    adapted: Any = apply_method(model, LoRA(), key="lora")
    with merged(adapted):
        adapted.get_base_model().tie_weights()
    whole = adapted.merge_and_unload()
    whole.tie_weights()
    save_system(whole, load_tokenizer(config), tmp_path, base=config.model)
    again = load_base_model(config.model_copy(update={"model": str(tmp_path)}))
    assert torch.equal(again.lm_head.weight, head)
    assert count_parameters(again) == count_parameters(build_meta_model(config))


def test_plain_transformers_reads_the_export_as_it_is_meant(config: ExperimentConfig, tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    model = apply_method(load_base_model(config), Full(), key="full")
    save_system(model, load_tokenizer(config), tmp_path, base=config.model)
    # transformers 4 ties and rescales when this says true.
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is False
    plain = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    ids = torch.arange(10, 30).reshape(2, 10)
    inputs = {"input_ids": ids, "decoder_input_ids": ids}
    with torch.no_grad():
        assert torch.equal(plain.eval()(**inputs).logits, model.eval()(**inputs).logits)


def test_a_tied_checkpoint_stays_tied(config: ExperimentConfig, tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    tied = T5Config(vocab_size=400, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, decoder_start_token_id=0)
    T5ForConditionalGeneration(tied).save_pretrained(tmp_path)
    loaded = load_base_model(config.model_copy(update={"model": str(tmp_path)}))
    assert loaded.lm_head.weight is loaded.shared.weight
    assert loaded.config.scale_decoder_outputs


def test_a_pickled_adapter_loads_without_running_it(config: ExperimentConfig, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = apply_method(load_base_model(config), LoRA(r=2), key="lora")
    save_system(model, load_tokenizer(config), tmp_path, base=config.model)
    torch.save(load_file(tmp_path / "adapter_model.safetensors"), tmp_path / "adapter_model.bin")
    (tmp_path / "adapter_model.safetensors").unlink()
    loaded = load_adapter(load_base_model(config), tmp_path)
    assert count_parameters(loaded).total == count_parameters(model).total


def test_an_adapter_for_another_model_is_one_line(config: ExperimentConfig, real_data: Path) -> None:
    with pytest.raises(ModelError, match="cannot be put on") as caught:
        load_adapter(load_base_model(config), real_data / "lora-adapter-flan-t5-base-r8")
    assert "\n" not in str(caught.value)


def test_a_missing_folder_and_one_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        resolve_model("./nowhere")
    with pytest.raises(ModelError, match=r"has no config\.json"):
        resolve_model(str(tmp_path))


def test_a_shipped_experiment_without_its_model_says_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no such folder; `make smollm`"):  # and no hub is asked
        resolve_model(load_experiment("smollm").model)


def test_another_kind_of_model_is_refused(config: ExperimentConfig, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="is a 'bert' model; dialora adapts T5"):
        build_meta_model(config.model_copy(update={"model": str(tmp_path)}))


def test_a_damaged_checkpoint_is_one_line(config: ExperimentConfig, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_base_model(config.model_copy(update={"model": str(tmp_path)}))
    assert "\n" not in str(caught.value)


def test_weights_do_not_lie_where_the_file_happens_to_put_them(config: ExperimentConfig) -> None:
    # Kernels round by alignment; the file's differs with the length of its header.
    assert {parameter.data_ptr() % 64 for parameter in load_base_model(config).parameters()} == {0}

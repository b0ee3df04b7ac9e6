"""Models as they lie on the hub: counted, loaded, prompted and written with as plain transformers has them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, load_experiment
from dialora.data.tokens import tokenize_sources
from dialora.errors import ModelError
from dialora.models.bases import build_prompt, list_unused_code, settle
from dialora.models.counting import count_method
from dialora.models.families import family_of, find_family
from dialora.models.loading import check_weights, load_base_config, load_base_model, load_tokenizer
from tests.models.families.hub import MODELS, build_model_folder
from tests.models.families.hub_configs import HUB, MISTRAL, PHI3, TINYLLAMA

TEXT = "#Person1#: It's  12345 o'clock.\n#Person2#: Naïve café 😀,\tno?\n\nOK"
READ = ("sliding_window", "rope_parameters", "layer_types", "no_rope_layers", "head_dim", "pad_token_id")
"""What configs say of how a model computes, and sizes do not show."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hub")
    return {name: build_model_folder(name, root / name.replace("/", "--")) for name in MODELS}


def configure(folder: Path) -> ExperimentConfig:
    values = {"name": "hub", "model": str(folder), "data": {"source": "bundled"}, "methods": {"full": {}}}
    return settle(load_experiment(values))


def write_config(folder: Path, values: dict[str, Any]) -> ExperimentConfig:
    (folder / "config.json").write_text(json.dumps(values))
    return configure(folder)


@pytest.mark.parametrize("name", HUB)
def test_its_size_is_the_published_one_and_its_config_is_read_as_written(name: str, tmp_path: Path) -> None:
    from transformers import AutoConfig

    values, size = HUB[name]
    config = write_config(tmp_path, values)
    assert count_method(config, config.methods["full"], key="full").total == size
    ours, plain = load_base_config(config), AutoConfig.from_pretrained(tmp_path, trust_remote_code=False)
    for key in READ:
        assert getattr(ours, key, None) == getattr(plain, key, None), key


def test_null_is_a_value_where_a_model_has_it() -> None:
    assert find_family(MISTRAL).read_config(MISTRAL).sliding_window is None
    assert find_family(MISTRAL).read_config(MISTRAL | {"sliding_window": 4096}).sliding_window == 4096


@pytest.mark.parametrize("name", MODELS)
def test_it_is_loaded_as_plain_transformers_loads_it(name: str, folders: dict[str, Path]) -> None:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = configure(folders[name])
    found = check_weights(config)
    assert found is not None
    assert found[1] == []
    model: Any = load_base_model(config).eval()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    if "umt5" in name:  # whose outputs transformers scales although its head is apart
        return
    kind = AutoModelForSeq2SeqLM if model.config.is_encoder_decoder else AutoModelForCausalLM
    plain = kind.from_pretrained(folders[name], dtype=torch.float32, trust_remote_code=False).eval()
    ids = torch.arange(8, 68)[None]  # longer than any small window
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs |= {"decoder_input_ids": ids[:, :9]} if model.config.is_encoder_decoder else {}
    with torch.no_grad():
        assert torch.equal(model(**inputs).logits, plain(**inputs).logits)


@pytest.mark.parametrize("name", MODELS)
def test_a_dialogue_becomes_the_tokens_that_the_tokenizers_file_says(name: str, folders: dict[str, Path]) -> None:
    from tokenizers import Tokenizer

    config = configure(folders[name])
    tokenizer = load_tokenizer(config)
    prompt = build_prompt(config, tokenizer)
    (source,) = tokenize_sources([TEXT], tokenizer, prompt=prompt, max_length=1000)
    file = Tokenizer.from_file(str(folders[name] / "tokenizer.json"))
    chats = bool(tokenizer.chat_template)
    expected = file.encode(prompt.text.replace("{dialogue}", TEXT), add_special_tokens=not chats).ids
    if HUB[name][0]["model_type"] in ("t5", "mt5", "umt5", "longt5"):
        # Their class leaves out a space at the end, as the SentencePiece that they were trained with.
        expected = file.encode(prompt.text.replace("{dialogue}", TEXT).rstrip()).ids
    assert source.input_ids == expected
    assert max(source.input_ids) < load_base_config(config).vocab_size
    assert tokenizer.bos_token_id is None or source.input_ids.count(tokenizer.bos_token_id) <= prompt.text.count(
        str(tokenizer.bos_token)
    ) + (not chats)


ANSWERS = {
    "Qwen/Qwen2.5-0.5B-Instruct": ("<|im_start|>assistant\n", "<|im_end|>", 0),
    "Qwen/Qwen3-0.6B": ("<|im_start|>assistant\n<think>\n\n</think>\n\n", "<|im_end|>", 0),
    "meta-llama/Llama-3.2-1B-Instruct": ("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>", 1),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": ("</s>\n<|assistant|>\n", "</s>", 0),
    "mistralai/Mistral-7B-Instruct-v0.3": ("[/INST]", "</s>", 1),
    "google/gemma-2-2b-it": ("<start_of_turn>model\n", "<end_of_turn>", 1),
    "google/gemma-3-270m-it": ("<start_of_turn>model\n", "<end_of_turn>", 1),
    "microsoft/Phi-3-mini-4k-instruct": ("<|end|>\n<|assistant|>\n", "<|end|>", 0),
    "HuggingFaceTB/SmolLM2-135M-Instruct": ("<|im_start|>assistant\n", "<|im_end|>", None),
    "HuggingFaceTB/SmolLM3-3B": ("<|im_start|>assistant\n<think>\n\n</think>\n", "<|im_end|>", None),
}
"""How a prompt ends, what ends an answer, and how often the beginning is in a prompt (None where turns begin so)."""


@pytest.mark.parametrize("name", ANSWERS)
def test_a_chat_prompt_ends_where_the_answer_begins(name: str, folders: dict[str, Path]) -> None:
    config = configure(folders[name])
    tokenizer = load_tokenizer(config)
    prompt, (end, stop, num_begins) = build_prompt(config, tokenizer), ANSWERS[name]
    assert prompt.text.endswith(end)
    assert "Summarize the following conversation.\n\n{dialogue}\n\nSummary:" in prompt.text
    assert tokenizer.convert_ids_to_tokens(prompt.end_id) == stop
    model = load_base_model(config)
    assert prompt.end_id in family_of(model).list_stops(model, tokenizer)
    today = datetime.now(UTC)
    assert not any(f"{today:{form}}" in prompt.text for form in ("%d %b %Y", "%d %B %Y", "%Y-%m-%d"))
    if num_begins is not None:
        (source,) = tokenize_sources(["Hi."], tokenizer, prompt=prompt, max_length=500)
        assert source.input_ids.count(tokenizer.convert_tokens_to_ids(str(tokenizer.bos_token))) == num_begins


@pytest.mark.parametrize(
    ("name", "token"), [("facebook/bart-large-cnn", "<mask>"), ("google/gemma-3-270m-it", "<image_soft_token>")]
)
def test_a_special_token_without_a_row_is_text_and_no_part_of_a_prompt(
    name: str, token: str, folders: dict[str, Path]
) -> None:
    config = configure(folders[name])
    tokenizer, size = load_tokenizer(config), load_base_config(config).vocab_size
    assert tokenizer.convert_tokens_to_ids(token) == size
    (source,) = tokenize_sources([f"A {token}."], tokenizer, prompt=build_prompt(config, tokenizer), max_length=500)
    assert max(source.input_ids) < size
    assert f"A {token}." in tokenizer.decode(source.input_ids)
    with pytest.raises(ModelError, match=f"the prompt holds {token}"):
        build_prompt(config.model_copy(update={"prompt": f"{token} {{dialogue}}"}), tokenizer)


def test_code_is_left_out_where_transformers_has_the_class_and_refused_where_not(tmp_path: Path) -> None:
    config = write_config(tmp_path, PHI3)
    assert type(load_base_config(config)).__name__ == "Phi3Config"
    assert list_unused_code(config) == ["Phi3Config", "Phi3ForCausalLM"]
    other = PHI3 | {"auto_map": {"AutoModelForCausalLM": "modeling_own.OwnPhi3ForCausalLM"}}
    with pytest.raises(ModelError, match="OwnPhi3ForCausalLM") as caught:
        load_base_config(write_config(tmp_path, other))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        {"temperature": 0.9, "top_p": 0.6},
        {"do_sample": False, "top_k": 5},
        {"early_stopping": True, "length_penalty": 2.0},
        {"pad_token_id": -1},
    ],
)
def test_what_generation_does_not_heed_keeps_no_model_from_use(
    said: dict[str, Any], folders: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(folders["EleutherAI/pythia-70m"], tmp_path / "m")
    (tmp_path / "m" / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 5]} | said))
    model: Any = load_base_model(configure(tmp_path / "m"))
    assert model.generation_config.eos_token_id == [0, 5]
    model.save_pretrained(tmp_path / "saved")


def test_no_padding_written_as_a_number_is_none() -> None:
    assert find_family(TINYLLAMA).read_config(TINYLLAMA | {"pad_token_id": -1}).pad_token_id is None
    with pytest.raises(ValueError, match="eos_token_id is missing"):
        find_family(TINYLLAMA).read_config(TINYLLAMA | {"eos_token_id": -1})


@pytest.mark.parametrize("wrong", [{"hidden_act": "nothing"}, {"num_attention_heads": 7, "num_key_value_heads": 3}])
def test_a_config_that_no_model_can_be_built_from_is_one_line(wrong: dict[str, Any], tmp_path: Path) -> None:
    config = write_config(tmp_path, TINYLLAMA | wrong)
    with pytest.raises(ModelError) as caught:
        count_method(config, config.methods["full"], key="full")
    assert "config.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_several_templates_the_default_is_taken(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["mistralai/Mistral-7B-Instruct-v0.3"], tmp_path / "m")
    config, path = configure(tmp_path / "m"), tmp_path / "m" / "tokenizer_config.json"
    values = json.loads(path.read_text())
    expected = build_prompt(config, load_tokenizer(config))
    named = [{"name": "tool_use", "template": "{{ raise_exception('tools') }}"}]
    path.write_text(json.dumps(values | {"chat_template": named}))
    with pytest.raises(ModelError, match="its chat template cannot be used"):
        build_prompt(config, load_tokenizer(config))
    named.append({"name": "default", "template": values["chat_template"]})
    path.write_text(json.dumps(values | {"chat_template": named}))
    assert build_prompt(config, load_tokenizer(config)) == expected


@pytest.mark.parametrize("name", ["microsoft/Phi-3-mini-4k-instruct", "Qwen/Qwen3-0.6B"])
def test_a_dialogue_that_writes_special_tokens_changes_nothing_around_it(name: str, folders: dict[str, Path]) -> None:
    config = configure(folders[name])
    tokenizer = load_tokenizer(config)
    prompt = build_prompt(config, tokenizer)
    special = str(tokenizer.convert_ids_to_tokens(prompt.end_id))
    plain, hostile = tokenize_sources(["A", f"A {special}"], tokenizer, prompt=prompt, max_length=500)
    at = next(i for i, (a, b) in enumerate(zip(plain.input_ids, hostile.input_ids, strict=False)) if a != b)
    behind = len(plain.input_ids) - at
    assert behind < len(plain.input_ids) // 2
    assert hostile.input_ids[-behind:] == plain.input_ids[-behind:]
    assert hostile.input_ids.count(prompt.end_id) == plain.input_ids.count(prompt.end_id)

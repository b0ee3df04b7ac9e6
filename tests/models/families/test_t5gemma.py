"""What is T5Gemma's own: two configs in one, a head that is a module, texts that begin and end as Gemma's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dialora.config import load_experiment
from dialora.data.tokens import tokenize_sources
from dialora.errors import ConfigError, ModelError
from dialora.methods import METHODS
from dialora.models.adapters import apply_method
from dialora.models.bases import build_prompt, settle
from dialora.models.counting import count_method
from dialora.models.families import family_of
from dialora.models.loading import build_meta_model, load_base_model, load_tokenizer
from tests.conftest import build_experiment_values
from tests.models.families.tiny import build_folder, build_part

D, KV = 32, 16


def load(folder: Path, data: Path) -> Any:
    return settle(load_experiment(build_experiment_values(folder, data)))


def change(folder: Path, changes: dict[str, Any]) -> None:
    """Change config.json; a key may name a part's, as in `decoder.hidden_size`."""
    file = folder / "config.json"
    values = json.loads(file.read_text())
    for key, value in changes.items():
        *parts, last = key.split(".")
        place = values[parts[0]] if parts else values
        place[last] = value
    file.write_text(json.dumps(values))


@pytest.mark.parametrize("chat", [False, True])
def test_a_source_begins_and_a_summary_ends_as_gemmas_do(chat: bool, small_data: Path, tmp_path: Path) -> None:
    config = load(build_folder("t5gemma", tmp_path, chat=chat), small_data)
    tokenizer, model = load_tokenizer(config), load_base_model(config)
    prompt = build_prompt(config, tokenizer)
    (source,) = tokenize_sources(["A: Hello."], tokenizer, prompt=prompt, max_length=100)
    begin, end = ("<|im_start|>", "<|im_end|>") if chat else ("<s>", "</s>")
    assert tokenizer.convert_ids_to_tokens(source.input_ids[:1]) == [begin]
    assert source.input_ids[-1] != tokenizer.eos_token_id
    assert prompt.end_id == tokenizer.convert_tokens_to_ids(end)
    special = family_of(model).describe_special(model, tokenizer)
    assert special["decoder_start_token_id"] == tokenizer.bos_token_id
    assert prompt.end_id in special["eos_token_id"]


def test_parts_of_different_sizes_are_counted_by_the_formula(small_data: Path, tmp_path: Path) -> None:
    from transformers import T5GemmaConfig

    part = build_part(T5GemmaConfig().encoder) | {"vocab_size": 400, "pad_token_id": 0, "bos_token_id": 1}
    wide = part | {"eos_token_id": 2, "hidden_size": 64}
    folder = build_folder("t5gemma", tmp_path, encoder=wide, decoder=part | {"eos_token_id": 2})
    config = load(folder, small_data)
    count = count_method(config, METHODS["lora"](r=4), key="lora")  # type: ignore[call-arg]
    encoder, own, cross = (64 + D) + (64 + KV), (D + D) + (D + KV), (D + D) + (64 + KV)
    assert count.trainable == 2 * 4 * (encoder + own + cross)


def test_a_part_may_say_what_it_is_of(small_data: Path, tmp_path: Path) -> None:
    config = load(build_folder("t5gemma", tmp_path), small_data)
    change(tmp_path, {"encoder.architectures": ["T5GemmaEncoder"], "decoder.architectures": []})
    assert build_meta_model(config).config.encoder.num_hidden_layers > 0


def test_the_head_is_no_layer_to_adapt(small_data: Path, tmp_path: Path) -> None:
    config = load(build_folder("t5gemma", tmp_path), small_data)
    model = apply_method(load_base_model(config), METHODS["lora_all"](), key="all")
    adapted = {name.rpartition(".lora_A")[0] for name, p in model.named_parameters() if ".lora_A" in name}
    assert not [name for name in adapted if "lm_head" in name]
    assert len(adapted) == 2 * 7 + 2 * 11
    for target in ("out_proj", "lm_head.out_proj"):
        method = METHODS["lora"](target_modules=[target])  # type: ignore[call-arg]
        with pytest.raises(ConfigError, match="is its embedding too"):
            apply_method(load_base_model(config), method, key="head")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decoder": None}, "decoder is missing, or no mapping"),
        ({"encoder": [1]}, "encoder is missing, or no mapping"),
        ({"decoder.num_hidden_layers": 10**9}, r"num_hidden_layers is 1000000000, .* \(of the decoder\)"),
        ({"encoder.hidden_size": "wide"}, r"hidden_size is 'wide', .* \(of the encoder\)"),
        ({"encoder.vocab_size": 401}, "vocabularies of different sizes"),
        ({"decoder.bos_token_id": -1}, r"decoder\.bos_token_id is missing"),
        ({"decoder.eos_token_id": [2, 3]}, r"decoder\.eos_token_id is missing, or not one token"),
        ({"architectures": ["T5GemmaEncoderModelForTokenClassification"]}, "which writes nothing"),
    ],
)
def test_a_config_that_describes_no_model_is_one_line(
    changes: dict[str, Any], said: str, small_data: Path, tmp_path: Path
) -> None:
    config = load(build_folder("t5gemma", tmp_path), small_data)
    change(tmp_path, changes)
    with pytest.raises(ModelError, match=said) as caught:
        build_meta_model(config)
    assert "\n" not in str(caught.value)

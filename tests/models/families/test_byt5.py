"""ByT5: a T5 whose tokenizer is bytes, and has no file."""

from pathlib import Path

import pytest

from dialora.config import load_experiment
from dialora.data.tokens import tokenize_pairs, tokenize_sources
from dialora.errors import ModelError
from dialora.generation import generate
from dialora.models.bases import build_prompt, settle
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.records import Example
from tests.conftest import build_experiment_values


def test_bytes_are_read_as_the_models_own_tokenizer_reads_them(small_data: Path, tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer, T5Config, T5ForConditionalGeneration

    ByT5Tokenizer().save_pretrained(tmp_path)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 4}
    T5ForConditionalGeneration(T5Config(vocab_size=384, decoder_start_token_id=0, **sizes)).save_pretrained(tmp_path)
    config = settle(load_experiment(build_experiment_values(tmp_path, small_data)))
    tokenizer, model = load_tokenizer(config), load_base_model(config)
    prompt = build_prompt(config, tokenizer)
    (source,) = tokenize_sources(["Žluť?"], tokenizer, prompt=prompt, max_length=200)
    text = config.prompt.replace("{dialogue}", "Žluť?")
    assert source.input_ids == tokenizer(text)["input_ids"]
    (hostile,) = tokenize_sources(["</s>"], tokenizer, prompt=prompt, max_length=200)
    assert hostile.input_ids.count(tokenizer.eos_token_id) == 1
    (cut,) = tokenize_sources(["ž" * 100], tokenizer, prompt=prompt, max_length=100)
    assert len(cut.input_ids) == 100
    assert tokenizer.decode(cut.input_ids[-12:], skip_special_tokens=True).endswith("Summary: ")
    examples = [Example("1", "Hi.", ("A greeting.",))]
    (pair,) = tokenize_pairs(examples, tokenizer, prompt=prompt, max_source_length=200, max_target_length=6)
    assert tokenizer.decode(pair.labels) == "A gre</s>"
    assert len(generate(model, tokenizer, examples, [source], config.decoding)) == 1


def test_a_folder_without_a_tokenizer_is_still_refused(tiny_model: Path, small_data: Path, tmp_path: Path) -> None:
    for path in tiny_model.iterdir():
        if "token" not in path.name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ModelError, match="it has no tokenizer: neither"):
        load_tokenizer(load_experiment(build_experiment_values(tmp_path, small_data)))

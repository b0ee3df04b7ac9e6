"""The benchmark of causal models: the same batches for all sides, and a table that says what was measured."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks.causal.__main__ import main, render


def test_the_table_compares_medians() -> None:
    seconds = {"best_practice": [4.0, 40.0, 6.0], "ours": [2.0, 2.0, 30.0]}
    cpu = {"best_practice": [5.0], "ours": [2.5]}
    found = {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "peak_memory_bytes": dict.fromkeys(seconds, 2**30),
        "loads": [0.5, 1.25, 3.0],
    }
    lines = render("full", found, threads=2).splitlines()
    assert lines[2] == "| `Trainer`, bf16 autocast | 6.00 | 5.00 | 1.33 | 1,024 | 3.00 × as fast |"
    assert lines[3] == "| dialora | 2.00 | 2.50 | 4.00 | 1,024 |  |"
    assert lines[-1].endswith("medians of 3 steps in turns, 2 threads, load 0.5 to 3.0.")


def test_a_missing_model_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines() == [f"{tmp_path}: no model. `make smollm` makes it."]


@pytest.mark.slow
def test_all_sides_make_their_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["src", "."]))
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel()
    special, alphabet = ["<pad>", "<end>"], pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator([], trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<end>")
    tokenizer.chat_template = "{{ messages[0]['content'] }}\n"
    tokenizer.save_pretrained(tmp_path / "model")
    config = LlamaConfig(
        vocab_size=made.get_vocab_size(), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, pad_token_id=0, bos_token_id=None, eos_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    assert main(["--model", str(tmp_path / "model"), "--steps", "2", "--output", str(tmp_path / "out")]) == 0
    assert "× as fast" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "benchmarks-causal-lora.json").read_text())
    assert {len(values) for values in found["seconds"].values()} == {2}
    assert set(found["seconds"]) == {"best_practice", "best_practice_bf16", "ours"}

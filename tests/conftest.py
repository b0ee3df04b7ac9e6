"""Fixtures: real data where it lies, and a tiny T5 with FLAN-T5's layout made in memory."""

from __future__ import annotations

import json
import os
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DIALOGUES = ROOT / "src" / "dialora" / "assets" / "dialogues"

os.environ["HF_HUB_OFFLINE"] = "1"
# Models this small gain nothing from a second thread, and lose much where the machine is busy.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache that tests write into, none of which writes into the user's."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["DIALORA_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def workers() -> Iterator[None]:
    """Workers of experiments that tests run in this process."""
    from tests.kept_workers import keeping_workers

    with keeping_workers():
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("DIALORA_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data is not here (set DIALORA_DATA)")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A one-layer T5 v1.1 with random weights, an untied head and its own tokenizer, as a transformers folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("tiny")
    texts = [
        json.loads(line)["dialogue"] for line in (DIALOGUES / "train.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Replace("\n", " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([*texts[:40], string.printable], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=1,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
    )
    model = T5ForConditionalGeneration(config)
    model._tied_weights_keys = {k: v for k, v in model._tied_weights_keys.items() if k != "lm_head.weight"}
    model.all_tied_weights_keys.pop("lm_head.weight", None)
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.05)
    model.save_pretrained(folder)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {"tie_word_embeddings": False}))
    return folder


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 training, 6 validation and 8 test dialogues of the bundled set, as JSON lines."""
    folder = tmp_path_factory.mktemp("data")
    for name, size in (("train", 24), ("validation", 6), ("test", 8)):
        lines = (DIALOGUES / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:size]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def experiment(tiny_model: Path, small_data: Path) -> dict[str, Any]:
    """An experiment that runs in seconds."""
    return build_experiment_values(tiny_model, small_data)


def build_experiment_values(model: Path, data: Path) -> dict[str, Any]:
    """The experiment as plain values."""
    return {
        "name": "tiny",
        "model": str(model),
        "data": {"source": str(data), "max_source_length": 128, "max_target_length": 32},
        "methods": {"zero_shot": {}, "full": {"learning_rate": 1e-3}, "lora": {"r": 4, "learning_rate": 1e-2}},
        "training": {"num_train_epochs": 2, "per_device_train_batch_size": 4, "num_evaluations": 2},
        "decoding": {"max_new_tokens": 12},
        "scoring": {"num_resamples": 500},
    }


def change_base(folder: Path, kind: str) -> None:
    """Make a model's folder another model's of the same layout and sizes: in its weights, tokenizer or config."""
    from safetensors.torch import load_file, save_file

    if kind == "weights":
        weights = load_file(folder / "model.safetensors")
        weights["lm_head.weight"] = weights["lm_head.weight"].roll(7, 0).contiguous()
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    path = folder / ("tokenizer.json" if kind == "tokenizer" else "config.json")
    values = json.loads(path.read_text(encoding="utf-8"))
    if kind == "tokenizer":
        pieces = values["model"]["vocab"]
        pieces[40:60] = pieces[40:60][::-1]
    else:
        values["layer_norm_epsilon"] *= 1e4
    path.write_text(json.dumps(values), encoding="utf-8")


def random_words(rng: random.Random, size: int) -> str:
    """Random lower-case words."""
    return " ".join("".join(rng.choices(string.ascii_lowercase, k=rng.randint(1, 8))) for _ in range(size))


def pytest_configure(config: pytest.Config) -> None:
    """Hide a GPU from all tests but those of `-m gpu`: the others are about what the processor does."""
    if config.getoption("markexpr") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def leave_out_dropout(model: Any) -> Any:
    """Let a model draw nothing; return it."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    return model


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests first in both halves, of which two workers begin with one each: begun last, or all by one
    worker, they would keep the other waiting."""
    slow = [item for item in items if item.get_closest_marker("slow") is not None]
    fast = [item for item in items if item.get_closest_marker("slow") is None]
    first = len(slow) // 2
    between = len(items) // 2 - first
    items[:] = [*slow[:first], *fast[:between], *slow[first:], *fast[between:]]

"""The two models that are measured: the bundled base, and FLAN-T5-base's layout with random weights.

Gives folders in transformers format. The layout comes from the real config and tokenizer where `DIALORA_DATA` has
them, else from the same numbers and the bundled tokenizer. Its output row of the end token is zero, so that greedy
decoding never ends early in any engine: every side writes the same number of tokens.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmarks.measured.samples import data_folder
from benchmarks.settings import BUNDLED, SEED, Settings
from dialora.models.checkpoint import resolve_model

SHAPE: dict[str, Any] = {
    "vocab_size": 32128,
    "d_model": 768,
    "d_kv": 64,
    "d_ff": 2048,
    "num_heads": 12,
    "dropout_rate": 0.1,
    "feed_forward_proj": "gated-gelu",
    "decoder_start_token_id": 0,
    "tie_word_embeddings": False,
}
"""google/flan-t5-base's config.json."""


def find_model(model: str, settings: Settings) -> Path:
    """Return the folder of a model; the layout's is made by `build_layout`."""
    if model == BUNDLED:
        return Path(resolve_model(BUNDLED))
    is_real = (data_folder() / "flan-t5-base").is_dir()
    return settings.folder / "models" / (model if is_real else f"{model}-without-tokenizer")


def build_layout(folder: Path, *, num_layers: int, shape: dict[str, Any] | None = None) -> None:
    """Save FLAN-T5-base's layout with `num_layers` layers and random weights, unless it is there.

    `shape` replaces numbers of the layout, for tests.
    """
    if (folder / "model.safetensors").is_file():
        return
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from dialora.models.families.t5_head import export_tie

    real = data_folder() / "flan-t5-base"
    values: dict[str, Any] = T5Config.get_config_dict(str(real))[0] if real.is_dir() else dict(SHAPE)
    values |= {"num_layers": num_layers, "num_decoder_layers": num_layers} | (shape or {})
    torch.manual_seed(SEED)
    config = T5Config.from_dict(values)
    model: Any = T5ForConditionalGeneration(config)
    model._tied_weights_keys = {k: v for k, v in model._tied_weights_keys.items() if k != "lm_head.weight"}
    model.all_tied_weights_keys.pop("lm_head.weight", None)
    head = torch.randn(config.vocab_size, config.d_model) * config.d_model**-0.5
    head[config.eos_token_id] = 0
    model.lm_head.weight = torch.nn.Parameter(head)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = real if real.is_dir() else Path(resolve_model(BUNDLED))
    for path in tokenizer.iterdir():
        if path.name.startswith(("tokenizer", "special_tokens", "spiece")):
            shutil.copy(path, folder / path.name)
    model.save_pretrained(folder)
    export_tie(model, folder)


__all__ = ["SHAPE", "build_layout", "find_model"]

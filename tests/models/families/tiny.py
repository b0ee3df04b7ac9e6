"""Tiny random models of every family with tokenizers trained here, as folders in transformers' format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.conftest import DIALOGUES

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIZE = 400
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 512,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "num_layers": 2,
    "num_decoder_layers": 1,
    "num_heads": 4,
    "d_kv": 8,
    "d_ff": 48,
    "local_radius": 7,
    "sliding_window": 64,
    "query_pre_attn_scalar": 8,
    "layer_types": None,
}
"""Sizes by every name that a config class may have for them."""
DROPOUT = ("attention_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "hidden_dropout", "dropout", "dropout_rate")
CAUSAL = (
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "smollm3",
    "gemma",
    "gemma2",
    "gemma3_text",
    "olmo2",
    "phi3",
    "phi",
    "gpt2",
    "gpt_neox",
)


def build_folder(model_type: str, folder: Path, *, chat: bool = False, **options: Any) -> Path:
    """Write a tiny model of this type, its tokenizer beside it."""
    from transformers import AutoConfig

    from dialora.models.families.family import find_model_class

    tokenizer = train_tokenizer(model_type, chat=chat)
    tokenizer.save_pretrained(folder)
    default = AutoConfig.for_model(model_type)
    sizes = {key: value for key, value in SMALL.items() if hasattr(default, key)}
    still = {key: 0.0 for key in DROPOUT if hasattr(default, key)}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "vocab_size": SIZE}
    if default.is_encoder_decoder:
        ids["decoder_start_token_id"] = 0 if model_type in ("mt5", "umt5", "longt5", "pegasus") else 2
    if model_type == "t5gemma":
        options = {"encoder": (part := build_part(default.encoder) | ids), "decoder": part, **options}
    torch.manual_seed(0)
    model = find_model_class(default)(type(default)(**(sizes | still | ids | options)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and parameter.requires_grad:
                # So that a summary depends on its dialogue, and does not repeat what it begins with.
                parameter.mul_(40.0 if "embed_positions" in name else 4.0)
    model.save_pretrained(folder)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values))
    return folder


def build_part(default: Any) -> dict[str, Any]:
    """The sizes of an encoder or decoder that has a config of its own."""
    sizes = {key: value for key, value in SMALL.items() if hasattr(default, key)}
    return sizes | {key: 0.0 for key in DROPOUT if hasattr(default, key)}


def train_tokenizer(model_type: str, *, chat: bool = False) -> Any:
    """Train byte-level pieces on a few dialogues; special tokens stand as this kind of model has them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import AutoConfig, PreTrainedTokenizerFast

    lines = (DIALOGUES / "train.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([json.loads(line)["dialogue"] for line in lines], trainer)
    if AutoConfig.for_model(model_type).is_encoder_decoder and model_type != "t5gemma":
        single = "<s> $A </s>" if model_type in ("bart", "mbart") else "$A </s>"
    else:
        single = "<s> $A"
    ends = [("<s>", 1), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=ends)
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    if chat:
        made.chat_template = CHAT
    return made

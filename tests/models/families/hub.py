"""Models as they lie on the hub, made small: the same keys, names of weights, types and files, random weights.

What transformers would save today differs in all of these, so nothing here is saved by it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tests.models.families import hub_templates as templates
from tests.models.families.hub_configs import HUB
from tests.models.families.hub_tokenizers import write_tokenizer

SMALL = {
    "d_model": 32, "hidden_size": 32, "n_embd": 32, "d_ff": 48, "intermediate_size": 48, "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48, "num_layers": 2, "num_decoder_layers": 2, "num_hidden_layers": 2, "n_layer": 2,
    "encoder_layers": 2, "decoder_layers": 2, "num_heads": 4, "num_attention_heads": 4, "n_head": 4,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "num_key_value_heads": 2, "d_kv": 8, "head_dim": 8,
    "query_pre_attn_scalar": 8, "max_position_embeddings": 512, "n_positions": 512, "n_ctx": 512, "local_radius": 7,
    "max_window_layers": 2, "extra_pos_embeddings": 1,
}  # fmt: skip
TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Model:
    """What a model's folder on the hub holds."""

    tokenizer: str
    settings: dict[str, Any]
    """tokenizer_config.json."""
    ids: dict[str, Any]
    """Of config.json, as tokens."""
    generation: dict[str, Any] | None = None
    """generation_config.json, its ids as tokens."""
    template: str | None = None
    """chat_template.jinja."""
    prefix: str = ""
    """What names of weights on disk begin without."""
    renamed: dict[str, str] = field(default_factory=dict)
    besides: tuple[str, ...] = ()
    """Weights that lie there and mean nothing, as patterns of the shapes of others."""
    is_pickled: bool = False
    num_files: int = 1
    num_more: int = 0
    """Rows that the tokenizer has no pieces for; below zero pieces that there are no rows for."""


def _t5(**options: Any) -> Model:
    settings = {
        "additional_special_tokens": [f"<extra_id_{at}>" for at in range(100)], "eos_token": "</s>", "extra_ids": 100,
        "model_max_length": 512, "pad_token": "<pad>", "sp_model_kwargs": {}, "tokenizer_class": "T5Tokenizer",
        "special_tokens_map_file": "/home/x/special_tokens_map.json", "unk_token": "<unk>",
    }  # fmt: skip
    ids = {"eos_token_id": "</s>", "pad_token_id": "<pad>", "decoder_start_token_id": "<pad>"}
    return Model("t5", settings, ids, generation=ids, num_more=28, **options)


def _bart(**options: Any) -> Model:
    ids = {
        "bos_token_id": "<s>", "pad_token_id": "<pad>", "eos_token_id": "</s>", "decoder_start_token_id": "</s>",
        "forced_bos_token_id": "<s>", "forced_eos_token_id": "</s>",
    }  # fmt: skip
    copies = {"model.encoder.embed_tokens.weight": "model.shared.weight", "lm_head.weight": "model.shared.weight"}
    copies["model.decoder.embed_tokens.weight"] = "model.shared.weight"
    return Model(
        "bart", {"model_max_length": 1024}, ids, generation=ids | {"num_beams": 4, "max_length": 142,
        "min_length": 56, "early_stopping": True, "length_penalty": 2.0, "no_repeat_ngram_size": 3},
        besides=("final_logits_bias",), renamed=copies, **options,
    )  # fmt: skip


def _pegasus() -> Model:
    masks = ["<mask_1>", *(f"<unk_{at}>" for at in range(2, 103))]
    settings = {
        "model_max_length": 512, "offset": 103, "tokenizer_class": "PegasusTokenizer", "mask_token": "<mask_2>",
        "mask_token_sent": "<mask_1>", "additional_special_tokens": masks, "pad_token": "<pad>", "eos_token": "</s>",
        "unk_token": "<unk>",
    }  # fmt: skip
    ids = {"pad_token_id": "<pad>", "eos_token_id": "</s>", "bos_token_id": "<pad>", "forced_eos_token_id": "</s>"}
    ids["decoder_start_token_id"] = "<pad>"
    decoding = {"length_penalty": 0.6, "max_length": 64, "num_beams": 8}
    return Model("pegasus", settings, ids, ids | decoding, besides=("final_logits_bias",), is_pickled=True)


def _mbart() -> Model:
    settings = {
        "language_codes": "ML50", "src_lang": None, "tgt_lang": None, "bos_token": "<s>", "eos_token": "</s>",
        "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
        "tokenizer_class": "MBart50Tokenizer", "additional_special_tokens": ["ar_AR", "de_DE", "en_XX"],
    }  # fmt: skip
    ids = {"bos_token_id": "<s>", "pad_token_id": "<pad>", "eos_token_id": "</s>", "forced_eos_token_id": "</s>"}
    ids["decoder_start_token_id"] = "</s>"
    decoding = {"early_stopping": True, "max_length": 200, "num_beams": 5}
    return Model("mbart50", settings, ids, ids | decoding, besides=("final_logits_bias",), is_pickled=True)


END = "<|endoftext|>"
GPT2_BUFFERS = ("h.{}.attn.bias",)
NEOX_BUFFERS = ("gpt_neox.layers.{}.attention.bias", "gpt_neox.layers.{}.attention.masked_bias")
NEOX_BUFFERS += ("gpt_neox.layers.{}.attention.rotary_emb.inv_freq",)
SAMPLED = {"do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.1}
PHI3_SETTINGS = {
    "add_bos_token": False, "add_eos_token": False, "bos_token": "<s>", "eos_token": END, "pad_token": END,
    "unk_token": "<unk>", "legacy": False, "padding_side": "left", "sp_model_kwargs": {},
    "tokenizer_class": "LlamaTokenizer", "chat_template": templates.PHI3,
}  # fmt: skip
PHI3_IDS = {"bos_token_id": "<s>", "eos_token_id": END, "pad_token_id": END}
PHI3 = Model(
    "phi3", PHI3_SETTINGS, PHI3_IDS, PHI3_IDS | {"eos_token_id": [END, "<|assistant|>", "<|end|>"]}, num_files=2
)
GEMMA_SETTINGS = {
    "add_bos_token": True, "add_eos_token": False, "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>",
    "unk_token": "<unk>", "tokenizer_class": "GemmaTokenizer", "spaces_between_special_tokens": False,
}  # fmt: skip
GEMMA_IDS = {"bos_token_id": "<bos>", "eos_token_id": "<eos>", "pad_token_id": "<pad>"}
GEMMA_GENERATION = GEMMA_IDS | {"cache_implementation": "hybrid", "eos_token_id": ["<eos>", "<end_of_turn>"]}
QWEN_SETTINGS = {
    "add_bos_token": False, "add_prefix_space": False, "bos_token": None, "eos_token": "<|im_end|>",
    "errors": "replace", "pad_token": END, "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer",
    "unk_token": None, "clean_up_tokenization_spaces": False, "model_max_length": 131072,
}  # fmt: skip
QWEN_GENERATION = SAMPLED | {"bos_token_id": END, "pad_token_id": END, "eos_token_id": ["<|im_end|>", END]}
END_ALONE = {"bos_token_id": END, "eos_token_id": END}

MODELS: dict[str, Model] = {
    "facebook/bart-large-cnn": _bart(num_more=-1),
    "facebook/bart-base": _bart(),
    "google/pegasus-xsum": _pegasus(),
    "facebook/mbart-large-50-many-to-many-mmt": _mbart(),
    "google/mt5-small": _t5(is_pickled=True),
    "google/umt5-small": _t5(is_pickled=True),
    "google/long-t5-tglobal-base": _t5(),
    "google-t5/t5-small": _t5(
        renamed={"encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"},
        besides=("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",),
    ),
    "google/flan-t5-small": _t5(),
    "Qwen/Qwen2.5-0.5B-Instruct": Model(
        "qwen", QWEN_SETTINGS | {"chat_template": templates.QWEN25},
        {"bos_token_id": END, "eos_token_id": "<|im_end|>"}, QWEN_GENERATION, num_more=17,
    ),
    "Qwen/Qwen3-0.6B": Model(
        "qwen", QWEN_SETTINGS | {"chat_template": templates.QWEN3}, {"bos_token_id": END, "eos_token_id": "<|im_end|>"},
        QWEN_GENERATION, num_more=17, renamed={"lm_head.weight": "model.embed_tokens.weight"},
    ),
    "meta-llama/Llama-3.2-1B-Instruct": Model(
        "llama3",
        {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "clean_up_tokenization_spaces": True,
        "model_input_names": ["input_ids", "attention_mask"], "model_max_length": 131072,
        "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": templates.LLAMA3},
        {"bos_token_id": "<|begin_of_text|>", "eos_token_id": ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"]},
        {"bos_token_id": "<|begin_of_text|>", "eos_token_id": ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"],
        "do_sample": True, "temperature": 0.6, "top_p": 0.9},
    ),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": Model(
        "llama2",
        {"bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": False,
        "model_max_length": 2048, "pad_token": "</s>", "padding_side": "right", "sp_model_kwargs": {},
        "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>", "use_default_system_prompt": False,
        "chat_template": templates.TINYLLAMA},
        {"bos_token_id": "<s>", "eos_token_id": "</s>"},
        {"bos_token_id": "<s>", "eos_token_id": "</s>", "max_length": 2048, "pad_token_id": "<unk>"},
    ),
    "mistralai/Mistral-7B-Instruct-v0.3": Model(
        "mistral",
        {"add_bos_token": True, "add_eos_token": False, "add_prefix_space": True, "bos_token": "<s>",
        "eos_token": "</s>", "legacy": False, "pad_token": None, "sp_model_kwargs": {}, "unk_token": "<unk>",
        "tokenizer_class": "LlamaTokenizer", "chat_template": templates.MISTRAL},
        {"bos_token_id": "<s>", "eos_token_id": "</s>"}, {"bos_token_id": "<s>", "eos_token_id": "</s>"}, num_files=3,
    ),
    "google/gemma-2b": Model("gemma", GEMMA_SETTINGS, GEMMA_IDS, GEMMA_IDS, num_files=2),
    "google/gemma-2-2b-it": Model(
        "gemma", GEMMA_SETTINGS | {"chat_template": templates.GEMMA}, GEMMA_IDS, GEMMA_GENERATION, num_files=2
    ),
    "google/gemma-3-270m-it": Model(
        "gemma3", GEMMA_SETTINGS | {"image_token": "<image_soft_token>"}, GEMMA_IDS,
        GEMMA_GENERATION | {"do_sample": True, "top_k": 64, "top_p": 0.95}, template=templates.GEMMA3, num_more=-1,
    ),
    "microsoft/phi-2": Model(
        "phi", {"add_prefix_space": False, "bos_token": END, "eos_token": END, "unk_token": END,
        "model_max_length": 2048, "tokenizer_class": "CodeGenTokenizer"}, END_ALONE, END_ALONE, num_more=22,
    ),
    "microsoft/Phi-3-mini-4k-instruct": PHI3,
    "microsoft/Phi-3.5-mini-instruct": PHI3,
    "HuggingFaceTB/SmolLM2-135M-Instruct": Model(
        "smollm2",
        {"add_prefix_space": False, "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "unk_token": END,
        "model_max_length": 8192, "tokenizer_class": "GPT2Tokenizer", "vocab_size": 49152,
        "chat_template": templates.SMOLLM2},
        {"bos_token_id": "<|im_start|>", "eos_token_id": "<|im_end|>", "pad_token_id": "<|im_end|>"},
        {"bos_token_id": "<|im_start|>", "eos_token_id": "<|im_end|>", "pad_token_id": "<|im_end|>"},
    ),
    "HuggingFaceTB/SmolLM3-3B": Model(
        "smollm3", {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "fast": False,
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 131072},
        {"bos_token_id": "<|begin_of_text|>", "eos_token_id": "<|im_end|>",
        "pad_token_id": "<|finetune_right_pad_id|>"},
        {"bos_token_id": "<|begin_of_text|>", "eos_token_id": "<|im_end|>", "do_sample": True, "temperature": 0.6},
        template=templates.SMOLLM3, num_files=2,
    ),
    "allenai/OLMo-2-0425-1B": Model(
        "olmo2", {"add_prefix_space": False, "bos_token": END, "eos_token": END, "pad_token": "<|pad|>",
        "unk_token": END, "tokenizer_class": "GPT2Tokenizer"}, {"eos_token_id": END, "pad_token_id": "<|pad|>"},
        {"eos_token_id": END, "pad_token_id": "<|pad|>"}, num_more=5,
    ),
    "openai-community/gpt2": Model(
        "gpt2", {"model_max_length": 1024}, END_ALONE, END_ALONE, prefix="transformer.", besides=GPT2_BUFFERS
    ),
    "distilbert/distilgpt2": Model(
        "gpt2", {"model_max_length": 1024}, END_ALONE, END_ALONE,
        besides=("transformer.h.{}.attn.bias",), renamed={"lm_head.weight": "transformer.wte.weight"},
    ),
    "EleutherAI/pythia-70m": Model(
        "neox", {"unk_token": END, "bos_token": END, "eos_token": END, "add_prefix_space": False,
        "tokenizer_class": "GPTNeoXTokenizer"}, END_ALONE, besides=NEOX_BUFFERS, num_more=27,
        renamed={"embed_out.weight": "lm_head.weight"},
    ),
}  # fmt: skip


def build_model_folder(name: str, folder: Path) -> Path:
    """Write a small model of the hub with random weights."""
    model = MODELS[name]
    more = {} if model.template is None else {"chat_template.jinja": model.template}
    ids = write_tokenizer(folder, model.tokenizer, model.settings, **more)
    config = _shrink(HUB[name][0], max(ids.values()) + 1 + model.num_more) | _number(model.ids, ids)
    (folder / "config.json").write_text(json.dumps(config))
    if model.generation is not None:
        generation = _number(model.generation, ids) | {"_from_model_config": True, "transformers_version": "4.40.0"}
        (folder / "generation_config.json").write_text(json.dumps(generation))
    _write_weights(model, config, folder)
    return folder


def _number(values: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    def find(value: Any) -> Any:
        return [find(each) for each in value] if isinstance(value, list) else ids.get(value, value)

    return {key: find(value) if key.endswith("token_id") else value for key, value in values.items()}


def _shrink(config: dict[str, Any], size: int) -> dict[str, Any]:
    """Return a config with the same keys, made small where it is large."""
    small = {key: SMALL.get(key, value) for key, value in config.items()} | {"vocab_size": size}
    kinds = ["sliding_attention", "full_attention"] if config.get("sliding_window") else None
    for key, value in {"layer_types": kinds or ["full_attention"] * 2, "no_rope_layers": [1, 0]}.items():
        small |= {key: value} if key in config else {}
    if "partial_rotary_factor" in config:
        small["partial_rotary_factor"] = 0.5
    if "sliding_window_pattern" in config:
        small["sliding_window_pattern"] = 2
    if config.get("sliding_window"):
        small["sliding_window"] = 24
    scaling = config.get("rope_scaling")
    if scaling and "long_factor" in scaling:
        small["rope_scaling"] = scaling | {key: scaling[key][:4] for key in ("long_factor", "short_factor")}
        small["original_max_position_embeddings"] = 128
    elif scaling:
        small["rope_scaling"] = scaling | {"original_max_position_embeddings": 128}
    return small


def _write_weights(model: Model, config: dict[str, Any], folder: Path) -> None:
    from safetensors.torch import save_file

    from dialora.models.families import find_family

    family = find_family(config)
    torch.manual_seed(0)
    built: Any = family.build_model(family.read_config({k: v for k, v in config.items() if k != "auto_map"}))
    state = {name: weight.detach() for name, weight in built.state_dict().items()}
    tied = {name: own for name, own in built.all_tied_weights_keys.items() if own in state}
    dtype = TYPES.get(config.get("torch_dtype", ""), torch.float32)
    weights = {
        name.removeprefix(model.prefix): (_spread(name, weight)).to(dtype)
        for name, weight in state.items()
        if name not in tied and (config["model_type"] != "pegasus" or "embed_positions" not in name)
    }
    for name, own in model.renamed.items():
        weights[name] = weights.pop(own) if name == "embed_out.weight" else weights[own].clone()
    for pattern in model.besides:
        for name in {pattern.format(layer) for layer in range(2)}:
            weights.setdefault(name, _make_needless(name, config, dtype))
    if model.is_pickled:
        torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
        return
    names = sorted(weights)
    parts = [names[at :: model.num_files] for at in range(model.num_files)]
    if model.num_files == 1:
        save_file({n: weights[n].contiguous() for n in names}, folder / "model.safetensors", metadata={"format": "pt"})
        return
    files = {f"model-{at + 1:05}-of-{len(parts):05}.safetensors": part for at, part in enumerate(parts)}
    for file, part in files.items():
        save_file({n: weights[n].contiguous() for n in part}, folder / file, metadata={"format": "pt"})
    where = {name: file for file, part in files.items() for name in part}
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _spread(name: str, weight: torch.Tensor) -> torch.Tensor:
    """Make summaries depend on their dialogues."""
    if weight.dim() < 2 or not weight.is_floating_point():
        return weight + 0.05 if re.search(r"\.bias$", name) else weight
    return weight * (40.0 if "embed_positions" in name else 4.0)


def _make_needless(name: str, config: dict[str, Any], dtype: torch.dtype) -> torch.Tensor:
    """Return what older checkpoints hold besides weights: masks, frequencies, a bias of nothing."""
    if name == "final_logits_bias":
        return torch.zeros(1, config["vocab_size"])
    if name.endswith("masked_bias"):
        return torch.tensor(-10000.0, dtype=dtype)
    if name.endswith("inv_freq"):
        return torch.ones(1, dtype=dtype)
    if name.endswith("relative_attention_bias.weight"):
        return torch.ones(32, config["num_heads"], dtype=dtype)
    return torch.ones(1, 1, 8, 8, dtype=dtype if config["model_type"] == "gpt2" else torch.bool).tril()

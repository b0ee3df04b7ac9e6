"""From a GGUF file to an ordinary `transformers` folder in bf16, proved by loading it again.

transformers reads the weights, and the tokenizer but for one step: the file names how text is cut before pieces are
looked up, which transformers leaves to the byte-level default. SmolLM2 cuts off every digit first.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from dialora.errors import DialoraError, ModelError

PRE_TOKENIZERS = {
    "smollm": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
}
"""`tokenizer.ggml.pre` → how text is cut before pieces are looked up."""


class ConversionError(DialoraError):
    """The folder that was written is not the model that was read."""


def convert(path: Path, folder: Path, *, card: str) -> None:
    """Write the model in `path` to `folder` with tokenizer, chat template, configs and `card` as its README.

    The folder takes its place whole, instead of what was there. Raises ModelError for a file that cannot be converted,
    ConversionError when the folder loads as another model than was read.
    """
    cut = _find_pre_tokenizer(path)
    source = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    tokenizer = AutoTokenizer.from_pretrained(**source)
    read = AutoModelForCausalLM.from_pretrained(
        **source, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    tokenizer.backend_tokenizer.pre_tokenizer = cut
    tokenizer.model_max_length = read.config.max_position_embeddings
    model = _without_origin(read).eval()
    for parameter in model.parameters():  # and no buffer: rotary frequencies stay in fp32
        parameter.data = parameter.data.to(torch.bfloat16)
    model.config.dtype = torch.bfloat16
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    model.save_pretrained(fresh)
    tokenizer.save_pretrained(fresh)
    (fresh / "README.md").write_text(card, encoding="utf-8")
    _prove(model, tokenizer, fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)


def _find_pre_tokenizer(path: Path) -> Any:
    try:
        from gguf import GGUFReader
    except ImportError:
        raise ModelError("reading a GGUF file needs the package gguf: pip install 'dialora[smollm]'") from None
    field = GGUFReader(path).fields.get("tokenizer.ggml.pre")
    name = None if field is None else field.contents()
    if name not in PRE_TOKENIZERS:
        known = ", ".join(PRE_TOKENIZERS)
        raise ModelError(f"{path.name}: tokenizer.ggml.pre is {name!r}; this recipe knows {known} alone")
    return PRE_TOKENIZERS[name]()


def _without_origin(read: Any) -> Any:
    """Return the model as if it had been built from its config: nothing in it says that it was quantized."""
    values = read.config.to_dict()
    for key in ("quantization_config", "_name_or_path", "_model_name_or_path", "unk_token_id"):
        values.pop(key, None)
    # The file holds single precision: 9.999999747378752e-06 stands for 1e-05.
    values["rms_norm_eps"] = float(f"{values['rms_norm_eps']:.6g}")
    model = AutoModelForCausalLM.from_config(type(read.config).from_dict(values), dtype=torch.float32)
    model.load_state_dict(read.state_dict())
    generation = model.generation_config
    generation.bos_token_id, generation.eos_token_id = values["bos_token_id"], values["eos_token_id"]
    generation.pad_token_id = values["pad_token_id"]
    return model


@torch.no_grad()
def _prove(model: Any, tokenizer: Any, folder: Path) -> None:
    loaded, own = load(folder)
    text = ask(own, "Who called at 10:45?")
    if text != ask(tokenizer, "Who called at 10:45?"):
        raise ConversionError(f"{folder}: the reloaded tokenizer has another chat template")
    batch = own(text, return_tensors="pt")
    if not torch.equal(batch["input_ids"], tokenizer(text, return_tensors="pt")["input_ids"]):
        raise ConversionError(f"{folder}: the reloaded tokenizer cuts text otherwise")
    if not torch.equal(model(**batch).logits, loaded(**batch).logits):
        raise ConversionError(f"{folder}: the reloaded model gives other logits")


def load(folder: Path) -> tuple[Any, Any]:
    """Return model, in bf16 for use, and tokenizer of a folder, with nothing but transformers."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True).eval()
    return model, AutoTokenizer.from_pretrained(folder, local_files_only=True)


def ask(tokenizer: Any, question: str) -> str:
    """Return the text that a chat of one question is to the model."""
    message = {"role": "user", "content": question}
    text: str = tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    return text


@torch.no_grad()
def reply(folder: Path, question: str, *, max_new_tokens: int = 60) -> str:
    """Return what the model in `folder` answers, greedily."""
    model, tokenizer = load(folder)
    batch = tokenizer(ask(tokenizer, question), return_tensors="pt")
    written = model.generate(**batch, do_sample=False, max_new_tokens=max_new_tokens)
    text: str = tokenizer.decode(written[0, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return text.strip()


@torch.no_grad()
def measure_loss(folder: Path, text: str) -> float:
    """Return the mean of −log p over the tokens of `text` after the first, in nats."""
    model, tokenizer = load(folder)
    batch = tokenizer(text, return_tensors="pt")
    return float(model(**batch, labels=batch["input_ids"]).loss)


__all__ = ["PRE_TOKENIZERS", "ConversionError", "ask", "convert", "load", "measure_loss", "reply"]

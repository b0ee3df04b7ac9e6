"""Build the small T5 (v1.1 layout, as FLAN-T5) and export it as an ordinary `transformers` folder.

transformers v5 ties the output layer of every T5 that is built from its config; FLAN-T5's is untied. So
`build_model` gives `lm_head` a matrix of its own and `export` writes `tie_word_embeddings: false`, checks the
reloaded logits and refuses to leave a folder that would load as another model.

The random initialisation of T5 needs thousands of steps before cross-attention looks at the source at all.
`_prime_copying` starts it close to a copying circuit: one encoder head carries the previous token,
cross-attention looks for the place whose previous token is the one just written (after "Mimetic
Initialization of Self-Attention Layers", arXiv 2305.09828, and induction heads, arXiv 2209.11895).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
)

from recipes.base.tokenizer import save_tokenizer


@dataclass(frozen=True)
class Size:
    """The numbers that decide how large the model is."""

    vocab_size: int = 8192
    d_model: int = 256
    d_ff: int = 704
    num_layers: int = 3
    num_heads: int = 4
    d_kv: int = 64


def build_config(size: Size) -> T5Config:
    """Return the configuration, untied and without dropout (one pass over the data cannot overfit)."""
    return T5Config(
        vocab_size=size.vocab_size,
        d_model=size.d_model,
        d_kv=size.d_kv,
        d_ff=size.d_ff,
        num_layers=size.num_layers,
        num_decoder_layers=size.num_layers,
        num_heads=size.num_heads,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )


def build_model(size: Size) -> T5ForConditionalGeneration:
    """Build the untied model from torch's current seed."""
    model = T5ForConditionalGeneration(build_config(size))
    assert not model.config.scale_decoder_outputs
    # Starting as the scaled embedding, the output layer can name a copied token from the first step on.
    model.lm_head.weight = nn.Parameter(model.shared.weight.detach().clone() * size.d_model**-0.5)
    _prime_copying(model, size)
    return model


@torch.no_grad()
def _prime_copying(model: T5ForConditionalGeneration, size: Size) -> None:
    width, inner = size.d_model, size.num_heads * size.d_kv
    basis = torch.linalg.qr(torch.randn(width, width))[0][:, :inner].T  # (inner, width), orthonormal rows
    carried = torch.linalg.qr(torch.randn(width, width))[0][:, : size.d_kv].T  # where the previous token is written
    read = basis[: size.d_kv]
    first = model.encoder.block[0].layer[0].SelfAttention
    # Buckets of T5: 1 is "one before", 17 "one after" (bidirectional, 32 buckets).
    first.relative_attention_bias.weight[1, 0] += 8.0
    first.relative_attention_bias.weight[17, 1] += 8.0
    model.decoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight[1, 0] += 6.0
    first.v.weight[: size.d_kv] = read
    first.o.weight[:, : size.d_kv] = carried.T
    for block in model.decoder.block:
        cross = block.layer[1].EncDecAttention
        for head in range(size.num_heads):
            rows = slice(head * size.d_kv, (head + 1) * size.d_kv)
            noise = 0.3 * torch.randn(2, size.d_kv, width) * width**-0.5
            # T5 has no 1/sqrt(d_kv) in its attention; it is in the size of q.
            cross.q.weight[rows] = (read + noise[0]) * size.d_kv**-0.5
            cross.k.weight[rows] = carried + noise[1]
        cross.v.weight.copy_(basis)
        cross.o.weight.copy_(basis.T)


def decode(model: T5ForConditionalGeneration, source: Tensor, decoder_input: Tensor) -> Tensor:
    """Return what `lm_head` reads: (B, S), (B, T) → (B, T, d_model)."""
    mask = source.ne(0)
    states = model.encoder(input_ids=source, attention_mask=mask).last_hidden_state
    hidden: Tensor = model.decoder(
        input_ids=decoder_input, encoder_hidden_states=states, encoder_attention_mask=mask, use_cache=False
    ).last_hidden_state
    return hidden


def export(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerBase, folder: Path, card: str) -> None:
    """Write the folder anew in bf16 and prove that it loads as the same untied model."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    half = T5ForConditionalGeneration(model.config)
    half.lm_head.weight = nn.Parameter(half.lm_head.weight.detach().clone())
    half.load_state_dict(model.state_dict())
    half = half.to(torch.bfloat16).eval()
    half.save_pretrained(fresh)
    _write_config(fresh)
    save_tokenizer(tokenizer, fresh)
    (fresh / "README.md").write_text(card, encoding="utf-8")
    (fresh / "model.safetensors").chmod(0o644)  # written for its owner only, but packaged for all
    _check(half, fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _write_config(folder: Path) -> None:
    """Say `tie_word_embeddings: false`, which v5 would write as true, and keep generation free of limits."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["tie_word_embeddings"] = False
    config["architectures"] = ["T5ForConditionalGeneration"]
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    generation = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n", encoding="utf-8")


@torch.no_grad()
def _check(model: T5ForConditionalGeneration, folder: Path) -> None:
    loaded = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer("Summarize the following conversation. #Person1#: Hello!", return_tensors="pt")
    start = torch.zeros(1, 1, dtype=torch.long)
    before = model(**batch, decoder_input_ids=start).logits
    after = loaded(**batch, decoder_input_ids=start).logits
    assert torch.equal(before, after), "the reloaded model gives other logits"
    assert loaded.lm_head.weight.data_ptr() != loaded.shared.weight.data_ptr(), "the reloaded model is tied"

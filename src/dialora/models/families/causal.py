"""Causal models: decoders alone, which read prompt and dialogue and go on with the summary.

The prompt is a message in the tokenizer's chat template where it has one, else as it stands; a summary ends with the
template's end of an answer, else with the end token. Only the summary and its end are learned. Kinds differ in the
names of their modules and config keys alone, which `Names` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dialora.config.parts import BaseParts, ModuleNames
from dialora.data.tokens import CausalCollator, Collator, Prompt
from dialora.models.families.chat import build_message, list_ends
from dialora.models.families.conversion import refuse_keys, require_activation, require_rotation
from dialora.models.families.family import Family, fit_source
from dialora.models.families.plain_config import read_plain_config

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dialora.models.layout import Layout

PROMPT = "Summarize the following conversation.\n\n{dialogue}\n\nSummary:\n"
RATES = "the usual one for fine-tuning models of this kind, as in Alpaca and the TRL examples; a T5 takes higher ones"


@dataclass(frozen=True, slots=True)
class Names:
    """How one kind of causal model calls its modules."""

    queries_and_values: tuple[str, ...] = ("q_proj", "v_proj")
    scaled: tuple[str, ...] = ("k_proj", "v_proj", "down_proj")
    scaled_inputs: tuple[str, ...] = ("down_proj",)
    norms: tuple[str, ...] = ("input_layernorm", "post_attention_layernorm", "model.norm")
    blocks: str = "model.layers"
    final_norm: str = "model.norm"
    is_transposed: bool = False
    loader: str | None = None
    """Which of `generation/loaders` gives it to CTranslate2; None where CTranslate2 has no such model."""


LLAMA = Names(loader="Llama")
LLAMA_LIKE = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
GEMMA_NORMS = (*LLAMA.norms, "pre_feedforward_layernorm", "post_feedforward_layernorm")
QK_NORMS = ("q_norm", "k_norm")
NAMES = {
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": Names(norms=(*LLAMA.norms, *QK_NORMS), loader="Llama"),
    "gemma": Names(loader="Gemma"),
    "gemma2": Names(norms=GEMMA_NORMS, loader="Gemma2"),
    "gemma3_text": Names(norms=(*GEMMA_NORMS, *QK_NORMS), loader="Gemma2"),
    # Some of its layers have no positions.
    "smollm3": Names(),
    "olmo2": Names(norms=("post_attention_layernorm", "post_feedforward_layernorm", "model.norm", *QK_NORMS)),
    # Queries, keys and values are one matrix.
    "phi3": Names(queries_and_values=("qkv_proj",), scaled=("qkv_proj", "down_proj"), loader="Phi3"),
    "phi": Names(
        scaled=("k_proj", "v_proj", "fc2"),
        scaled_inputs=("fc2",),
        norms=("input_layernorm", "final_layernorm"),
        final_norm="model.final_layernorm",
        loader="Phi",
    ),
    "gpt2": Names(
        queries_and_values=("c_attn",),
        scaled=("c_attn", "mlp.c_proj"),
        scaled_inputs=("mlp.c_proj",),
        norms=("ln_1", "ln_2", "ln_f"),
        blocks="transformer.h",
        final_norm="transformer.ln_f",
        is_transposed=True,
        loader="GPT2",
    ),
    "gpt_neox": Names(
        queries_and_values=("query_key_value",),
        scaled=("query_key_value", "dense_4h_to_h"),
        scaled_inputs=("dense_4h_to_h",),
        norms=("input_layernorm", "post_attention_layernorm", "final_layer_norm"),
        blocks="gpt_neox.layers",
        final_norm="gpt_neox.final_layer_norm",
        loader="GPTNeoX",
    ),
}
"""By model_type."""


class Causal(Family):
    """What all causal models share; a kind says its `names`."""

    names: ClassVar[Mapping[str, Names]]
    """By model_type."""
    prompt = PROMPT
    is_causal = True
    rates = dict.fromkeys(("full", "decoder", "last_layers"), (2e-5, 2e-6, 2e-4, RATES))

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Return the config of a causal model."""
        config = read_plain_config(values, writers=("ForCausalLM", "LMHeadModel"))
        if getattr(config, "eos_token_id", None) is None:
            raise ValueError("config.json: eos_token_id is missing, with which summaries end")
        return config

    def describe_layout(self, model: PreTrainedModel, values: Mapping[str, Any]) -> Layout:
        """Return what a checkpoint has to hold; older ones hold what is computed anew."""
        from dialora.models.layout import describe_layout

        ignored = (r"rotary_emb\.inv_freq$", r"attn\.masked_bias$", r"attn\.bias$", r"attention\.(masked_)?bias$")
        # GPT-NeoX's head on disk, whatever transformers calls it.
        return describe_layout(model, ignored=ignored, renamed={"embed_out.weight": "lm_head.weight"})

    def name_modules(self, model_type: str) -> ModuleNames:
        """Return what this kind calls its layers."""
        names = self.names[model_type]
        return ModuleNames(
            queries_and_values=names.queries_and_values, scaled=names.scaled, scaled_inputs=names.scaled_inputs
        )

    def describe_parts(self, model: PreTrainedModel) -> BaseParts:
        """Return the parts of a causal model."""
        config: Any = model.config
        names = self.names[config.model_type]
        heads = config.num_attention_heads
        kept = getattr(config, "num_key_value_heads", None) or heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        return BaseParts(
            queries_and_values=names.queries_and_values,
            scaled=names.scaled,
            scaled_inputs=names.scaled_inputs,
            task_type="CAUSAL_LM",
            norms=names.norms,
            decoder=(names.blocks, names.final_norm, "lm_head"),
            blocks=names.blocks,
            final_norm=names.final_norm,
            head_is_embedding=bool(config.tie_word_embeddings),
            width=config.hidden_size,
            num_heads=heads,
            num_layers=config.num_hidden_layers,
            prefix_width=kept * width,
            prefix_heads=kept,
            prefix_layers=config.num_hidden_layers,
            is_transposed=names.is_transposed,
        )

    def prepare_tokenizer(self, tokenizer: PreTrainedTokenizerBase, config: Any) -> None:
        """Check a tokenizer; where it has no padding, padding is the end token, which masks tell from an end."""
        if tokenizer.eos_token_id is None:
            raise ValueError("its tokenizer has no end token (eos_token in tokenizer_config.json)")
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.padding_side = "left"  # for whoever uses what is saved: a summary follows on its source

    def build_prompt(self, text: str, tokenizer: PreTrainedTokenizerBase) -> Prompt:
        """Return a prompt as a message of the tokenizer's chat template, or as it stands."""
        return build_message(text, tokenizer)

    def build_collator(self, pad_id: int) -> Collator:
        """Return what puts a target behind its source."""
        return CausalCollator(pad_id)

    def list_stops(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
        """Return the end tokens of config, checkpoint and tokenizer, and the chat template's."""
        return list_ends(model, tokenizer)

    def describe_special(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """Return `generate`'s special tokens: any stop ends a summary."""
        return {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": list(self.list_stops(model, tokenizer))}

    def choose_source_length(self, values: Mapping[str, Any], *, before: int, behind: int) -> int:
        """Return what fits before a summary."""
        return fit_source(values, reserve=before + behind)

    def count_positions(self, config: Any) -> int | None:
        """Return how many tokens prompt, dialogue and summary may have together."""
        return int(config.max_position_embeddings)

    def count_window(self, config: Any) -> int | None:
        """Return the window of sliding attention, where a layer has it."""
        window = getattr(config, "sliding_window", None)
        is_used = "sliding_attention" in (getattr(config, "layer_types", None) or ["sliding_attention"])
        return int(window) if window and is_used else None

    def name_loader(self, config: Any) -> str:
        """Return the kind's loader."""
        loader = self.names[config.model_type].loader
        if loader is None:
            return super().name_loader(config)
        require_activation(config)
        require_rotation(config)
        refuse_keys(config, ("attn_logit_softcapping", "qk_layernorm", "use_bidirectional_attention"))
        return loader

    def cut_new(self, sequences: Tensor, num_source: int) -> Tensor:
        """Return what follows on the sources, (B, T)."""
        return sequences[:, num_source:]


class LlamaLike(Causal):
    """Llama and what differs from it in sizes and norms of queries and keys: SmolLM, Mistral, Qwen."""

    model_types = LLAMA_LIKE
    label = "Llama and its like"
    is_lean = True
    names: ClassVar[Mapping[str, Names]] = {kind: NAMES[kind] for kind in LLAMA_LIKE}


class OtherCausal(Causal):
    """Gemma, OLMo, Phi, GPT-2 and GPT-NeoX."""

    model_types = tuple(kind for kind in NAMES if kind not in LLAMA_LIKE)
    label = "other causal models"
    names: ClassVar[Mapping[str, Names]] = {kind: NAMES[kind] for kind in NAMES if kind not in LLAMA_LIKE}


__all__ = ["Causal", "LlamaLike", "Names", "OtherCausal"]

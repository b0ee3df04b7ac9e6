"""T5Gemma: an encoder-decoder made of two Gemmas, which begins and ends texts as Gemma does.

Encoder and decoder have configs of their own, and may be of different sizes; the output head is a module with the
matrix in it. Instruction-tuned ones have a chat template, which stands around the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dialora.config.parts import BaseParts, ModuleNames
from dialora.data.tokens import Prompt
from dialora.models.families.causal import PROMPT, RATES
from dialora.models.families.chat import build_message, list_ends
from dialora.models.families.family import Family, fit_source
from dialora.models.families.plain_config import is_token, read_plain_config

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NAMES = ModuleNames(
    queries_and_values=("q_proj", "v_proj"), scaled=("k_proj", "v_proj", "down_proj"), scaled_inputs=("down_proj",)
)
PART = "t5_gemma_module"
NORMS = tuple(
    f"{place}_{part}_layernorm" for part in ("self_attn", "cross_attn", "feedforward") for place in ("pre", "post")
)


class T5Gemma(Family):
    """T5Gemma."""

    model_types = ("t5gemma",)
    label = "T5Gemma"
    prompt = PROMPT
    rates = dict.fromkeys(("full", "decoder", "last_layers"), (2e-5, 2e-6, 2e-4, RATES))

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Return the config of a T5Gemma, that of both its parts."""
        parts = {}
        for name in ("encoder", "decoder"):
            part = values.get(name)
            if not isinstance(part, dict):
                raise ValueError(f"config.json: {name} is missing, or no mapping")
            # What is only said of the whole holds for both parts.
            shared = {key: values[key] for key in ("vocab_size", "tie_word_embeddings") if key in values}
            try:
                parts[name] = read_plain_config(shared | part | {"model_type": PART}, writers=())
            except ValueError as error:
                raise ValueError(f"{error} (of the {name})") from error
        if parts["encoder"].vocab_size != parts["decoder"].vocab_size:
            raise ValueError("config.json: encoder and decoder have vocabularies of different sizes")
        whole = {"vocab_size": parts["decoder"].vocab_size} | dict(values)
        config = read_plain_config(whole, writers=("ForConditionalGeneration",), **parts)
        for key in ("pad_token_id", "bos_token_id", "eos_token_id"):
            if not is_token(getattr(config.decoder, key)):
                raise ValueError(f"config.json: decoder.{key} is missing, or not one token")
            setattr(config, key, getattr(config.decoder, key))
        config.use_cache = config.decoder.use_cache  # of the whole, as all other configs have it
        return config

    def name_modules(self, model_type: str) -> ModuleNames:
        """Return Gemma's names."""
        return NAMES

    def describe_parts(self, model: PreTrainedModel) -> BaseParts:
        """Return the parts of a T5Gemma."""
        config: Any = model.config
        encoder, decoder = config.encoder, config.decoder
        return BaseParts(
            queries_and_values=NAMES.queries_and_values,
            scaled=NAMES.scaled,
            scaled_inputs=NAMES.scaled_inputs,
            task_type="SEQ_2_SEQ_LM",
            norms=(*NORMS, "encoder.norm", "decoder.norm"),
            decoder=("model.decoder", "lm_head"),
            blocks="model.decoder.layers",
            final_norm="model.decoder.norm",
            head_is_embedding=bool(config.tie_word_embeddings),
            width=encoder.hidden_size,
            num_heads=encoder.num_attention_heads,
            num_layers=encoder.num_hidden_layers,
            prefix_width=decoder.num_key_value_heads * decoder.head_dim,
            prefix_heads=decoder.num_key_value_heads,
            prefix_layers=decoder.num_hidden_layers,
            quantizes_all_but=("out_proj",),
        )

    def build_prompt(self, text: str, tokenizer: PreTrainedTokenizerBase) -> Prompt:
        """Return a prompt as a message of the tokenizer's chat template, or as it stands; Gemma ends no source."""
        return build_message(text, tokenizer)

    def list_stops(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
        """Return the end tokens of config, checkpoint and tokenizer, and the chat template's."""
        return list_ends(model, tokenizer)

    def describe_special(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """Return `generate`'s special tokens: the decoder begins with its beginning of a text, any stop ends."""
        config: Any = model.config
        return {
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": list(self.list_stops(model, tokenizer)),
            "decoder_start_token_id": config.decoder.bos_token_id,
        }

    def choose_source_length(self, values: Mapping[str, Any], *, before: int, behind: int) -> int:
        """Return what the encoder has positions for."""
        return fit_source(values.get("encoder") or {}, reserve=before)

    def count_positions(self, config: Any) -> int | None:
        """Return how long a text may be."""
        return min(int(part.max_position_embeddings) for part in (config.encoder, config.decoder))


__all__ = ["T5Gemma"]

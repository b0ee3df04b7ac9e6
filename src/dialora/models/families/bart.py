"""BART, mBART and Pegasus: encoder-decoders that read a text without being told what to do.

Their decoder begins with the token that config.json names, and the first token written may be forced, as mBART's
language is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dialora.config.parts import BaseParts, ModuleNames
from dialora.models.families.conversion import require_activation
from dialora.models.families.family import Family, fit_source
from dialora.models.families.plain_config import is_token, read_plain_config

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dialora.models.layout import Layout

RATES = "the BART paper's and its authors' code for summarization, 3e-5 (arXiv 1910.13461)"
NAMES = ModuleNames(queries_and_values=("q_proj", "v_proj"), scaled=("k_proj", "v_proj", "fc2"), scaled_inputs=("fc2",))


class Bart(Family):
    """BART, mBART and Pegasus."""

    model_types = ("bart", "mbart", "pegasus")
    label = "BART and Pegasus"
    rates = dict.fromkeys(("full", "decoder", "last_layers"), (3e-5, 3e-6, 3e-4, RATES))

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Return the config of a BART, with what its summaries begin with."""
        config = read_plain_config(values, writers=("ForConditionalGeneration",))
        if not config.is_encoder_decoder:
            raise ValueError("it is a decoder alone; give a model with its encoder")
        for key in ("pad_token_id", "eos_token_id", "decoder_start_token_id"):
            if not is_token(getattr(config, key, None)):
                raise ValueError(f"config.json: {key} is missing, or not one token")
        return config

    def describe_layout(self, model: PreTrainedModel, values: Mapping[str, Any]) -> Layout:
        """Return what a checkpoint has to hold; what is zero or computed in all of them may be left out."""
        from dialora.models.layout import describe_layout

        computed = (f"{name}.weight" for name in _list_computed(model))
        return describe_layout(model, optional=("final_logits_bias", *computed))

    def name_modules(self, model_type: str) -> ModuleNames:
        """Return BART's names."""
        return NAMES

    def describe_parts(self, model: PreTrainedModel) -> BaseParts:
        """Return the parts of a BART."""
        config: Any = model.config
        decoder: Any = model.get_submodule("model.decoder")
        return BaseParts(
            queries_and_values=NAMES.queries_and_values,
            scaled=NAMES.scaled,
            scaled_inputs=NAMES.scaled_inputs,
            task_type="SEQ_2_SEQ_LM",
            norms=tuple(sorted({name.rpartition(".")[2] for name in _list_norms(model)})),
            decoder=("model.decoder", "lm_head"),
            blocks="model.decoder.layers",
            # Pegasus and mBART end with a norm; BART's last layer has its own.
            final_norm="model.decoder.layer_norm" if hasattr(decoder, "layer_norm") else None,
            head_is_embedding=bool(config.tie_word_embeddings),
            width=config.d_model,
            num_heads=config.encoder_attention_heads,
            num_layers=config.encoder_layers,
            prefix_width=config.d_model,
            prefix_heads=config.decoder_attention_heads,
            prefix_layers=config.decoder_layers,
            computed=tuple(_list_computed(model)),
        )

    def choose_source_length(self, values: Mapping[str, Any], *, before: int, behind: int) -> int:
        """Return what there are positions for."""
        return fit_source(values, reserve=before)

    def count_positions(self, config: Any) -> int | None:
        """Return how long a text may be; Pegasus's positions have an end too."""
        return int(config.max_position_embeddings)

    def name_loader(self, config: Any) -> str:
        """Return BART's loader."""
        require_activation(config)
        return "Bart"

    def describe_special(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """Return `generate`'s special tokens, the first one forced where the checkpoint says so."""
        owner: Any = model
        forced = getattr(owner.config, "forced_bos_token_id", None)
        if forced is None:
            forced = owner.generation_config.forced_bos_token_id
        return super().describe_special(model, tokenizer) | ({} if forced is None else {"forced_bos_token_id": forced})


def _list_computed(model: PreTrainedModel) -> list[str]:
    """Return the names of Pegasus's positions, which are sines."""
    return [name for name, module in model.named_modules() if type(module).__name__.startswith("PegasusSinusoidal")]


def _list_norms(model: PreTrainedModel) -> list[str]:
    from torch import nn

    return [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]


__all__ = ["Bart"]

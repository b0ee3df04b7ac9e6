"""T5 in all its versions: T5, T5 v1.1, FLAN-T5; mT5, umT5, LongT5.

FLAN-T5 and all later ones have an output head apart from the embedding, which transformers 5 would tie; see `t5_head`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dialora.config import DEFAULT_PROMPT
from dialora.config.parts import BaseParts, ModuleNames
from dialora.models.families.conversion import require_activation
from dialora.models.families.family import Family
from dialora.models.families.t5_config import read_layout_values
from dialora.models.families.t5_head import export_tie, is_tied, mark_tie, separate_head
from dialora.models.vocabulary import require_end

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dialora.models.layout import Layout


class T5Like(Family):
    """What all T5s share."""

    prompt = DEFAULT_PROMPT
    heeds_generation_config = False
    # Its class cuts as SentencePiece did in training; the file's steps leave a token for a space at the end.
    reads_tokenizer_file = False

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Return the config of a T5, with a mark whether head and embedding are one matrix."""
        from transformers import AutoConfig

        read = read_layout_values(values)
        config = AutoConfig.for_model(str(values["model_type"])).from_dict(read)
        return (
            config
            if hasattr(config, "scale_decoder_outputs")
            else mark_tie(config, tied=read.get("tie_word_embeddings", True))
        )

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """Take the output head out of the tie where the checkpoint has it apart."""
        return separate_head(model)

    def describe_layout(self, model: PreTrainedModel, values: Mapping[str, Any]) -> Layout:
        """Return what a T5's checkpoint has to hold; of one that is said to be tied transformers 5 saves no head."""
        from dialora.models.layout import describe_layout

        # Not by the config, which forgets what this key says.
        optional = () if values.get("tie_word_embeddings") is False else ("lm_head.weight",)
        return describe_layout(model, optional=optional, is_gated=bool(model.config.is_gated_act))

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write whether head and embedding are one, as transformers 4 reads it."""
        export_tie(model, folder)

    def prepare_tokenizer(self, tokenizer: PreTrainedTokenizerBase, config: Any) -> None:
        """Check a tokenizer's own tokens, and that it ends a text as T5 has always read it."""
        super().prepare_tokenizer(tokenizer, config)
        require_end(tokenizer)

    def name_modules(self, model_type: str) -> ModuleNames:
        """Return T5's names."""
        return ModuleNames(queries_and_values=("q", "v"), scaled=("k", "v", "wo"), scaled_inputs=("wo",))

    def describe_parts(self, model: PreTrainedModel) -> BaseParts:
        """Return the parts of a T5."""
        config = model.config
        names = self.name_modules(config.model_type)
        return BaseParts(
            queries_and_values=names.queries_and_values,
            scaled=names.scaled,
            scaled_inputs=names.scaled_inputs,
            task_type="SEQ_2_SEQ_LM",
            norms=("layer_norm", "final_layer_norm"),
            decoder=("decoder", "lm_head"),
            blocks="decoder.block",
            final_norm="decoder.final_layer_norm",
            head_is_embedding=is_tied(config),
            width=config.d_model,
            num_heads=config.num_heads,
            num_layers=config.num_layers,
            prefix_width=config.d_kv * config.num_heads,
            prefix_heads=config.num_heads,
            prefix_layers=config.num_decoder_layers,
            # As in transformers: T5 casts activations to the type of `wo`'s weights, and the head is small.
            quantizes_all_but=("lm_head", "wo"),
        )


class T5(T5Like):
    """T5, T5 v1.1, FLAN-T5."""

    model_types = ("t5",)
    label = "T5"
    is_lean = True
    has_encoder_cache = True

    def name_loader(self, config: Any) -> str:
        """Return T5's loader."""
        require_activation(config)
        return "T5"


class LaterT5(T5Like):
    """mT5, umT5 and LongT5: T5's parts in classes of their own, which the lean step does not know."""

    model_types = ("mt5", "umt5", "longt5")
    label = "later T5s"
    loaders: ClassVar[Mapping[str, str]] = {"mt5": "MT5", "umt5": "UMT5"}

    def name_loader(self, config: Any) -> str:
        """Return the kind's loader; LongT5 looks at its neighbours alone, which CTranslate2 does not."""
        if config.model_type not in self.loaders:
            return super().name_loader(config)
        require_activation(config)
        return self.loaders[config.model_type]


__all__ = ["T5", "LaterT5", "T5Like"]

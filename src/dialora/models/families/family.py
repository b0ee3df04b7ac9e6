"""Family: all that one kind of base model is, where kinds differ, from its config.json to the summaries it writes.

A family is a class with the `model_type`s of config.json that it stands for; it is found by being defined, as methods
are. What it does not say is as in most encoder-decoders. Importing this loads neither torch nor transformers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dialora.config import DataConfig
from dialora.config.parts import BaseParts, ModuleNames
from dialora.data.tokens import Collator, Prompt
from dialora.data.tokens.batches import MULTIPLE
from dialora.models.files import show
from dialora.models.vocabulary import require_same_ids

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from dialora.models.layout import Layout

SOURCE_LENGTH: int = DataConfig.model_fields["max_source_length"].default
"""What T5 was pretrained on."""
MIN_SOURCE = 8
"""The fewest that an experiment may name; that they are too few is said by the checks."""
LONGEST_SOURCE = 1024
"""Tokens that are read at most unless an experiment names more: what BART reads, and more than most dialogues have."""
FAMILIES: dict[str, Family] = {}
"""Every family by each of its model types."""


class Family:
    """One kind of base model."""

    model_types: ClassVar[tuple[str, ...]]
    label: ClassVar[str]
    """What it is called in messages."""
    prompt: ClassVar[str] = "{dialogue}"
    """Around the dialogue unless an experiment names another."""
    rates: ClassVar[Mapping[str, tuple[float, float, float, str]]] = {}
    """Of methods whose learning rate is another here than the method's own: rate, range from and to, and the source."""
    is_causal: ClassVar[bool] = False
    """Whether a summary follows on its source in one sequence."""
    is_lean: ClassVar[bool] = False
    """Whether `training.lean` knows its modules."""
    has_encoder_cache: ClassVar[bool] = False
    """Whether a frozen encoder may be run once for a whole training."""
    heeds_generation_config: ClassVar[bool] = True
    """Whether what its summaries begin or end with may stand in generation_config.json alone."""
    reads_tokenizer_file: ClassVar[bool] = True
    """Whether texts are cut as tokenizer.json says, where transformers' class of tokenizers has rules of its own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the family in FAMILIES under each of its model types."""
        super().__init_subclass__(**kwargs)
        FAMILIES.update(dict.fromkeys(vars(cls).get("model_types", ()), cls()))

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Return the transformers config of a config.json's values, and nothing of them that is no layout.

        Raises ValueError for what no model of this kind has.
        """
        raise NotImplementedError

    def build_model(self, config: Any) -> PreTrainedModel:
        """Build the model of a config, its weights drawn or on the meta device."""
        return self.finish(find_model_class(config)(config))

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """Return a model that was built or loaded as it is to be used: ties as its checkpoint has them."""
        return model

    def describe_layout(self, model: PreTrainedModel, values: Mapping[str, Any]) -> Layout:
        """Return what a checkpoint has to hold for a model, whose config.json has these values."""
        from dialora.models.layout import describe_layout

        return describe_layout(model)

    def export(self, model: nn.Module, folder: Path) -> None:
        """Correct what transformers has saved of a whole model, where others would read it otherwise."""

    def name_modules(self, model_type: str) -> ModuleNames:
        """Return which layers methods adapt where an experiment does not say it."""
        raise NotImplementedError

    def describe_parts(self, model: PreTrainedModel) -> BaseParts:
        """Return what methods need to know of a model of this kind."""
        raise NotImplementedError

    def prepare_tokenizer(self, tokenizer: PreTrainedTokenizerBase, config: Any) -> None:
        """Check a tokenizer's own tokens against its model's, and give it what it lacks. Raises ValueError."""
        require_same_ids(tokenizer, config)

    def build_prompt(self, text: str, tokenizer: PreTrainedTokenizerBase) -> Prompt:
        """Return a prompt with what this kind of model has around it, and how its tokens begin and end."""
        return Prompt(text)

    def build_collator(self, pad_id: int) -> Collator:
        """Return what makes batches of token ids into tensors."""
        return Collator(pad_id)

    def list_stops(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
        """Return the tokens that end a summary."""
        return (int(tokenizer.eos_token_id),)

    def describe_special(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """Return the special tokens of `generate`'s GenerationConfig."""
        config: Any = model.config
        return {
            "pad_token_id": config.pad_token_id,
            "eos_token_id": config.eos_token_id,
            "decoder_start_token_id": config.decoder_start_token_id,
        }

    def choose_source_length(self, values: Mapping[str, Any], *, before: int, behind: int) -> int:
        """Return how many tokens of prompt and dialogue are read unless an experiment names it.

        `values` are config.json's; `before` them stand so many vectors of a method, `behind` them so many tokens of a
        summary where it follows on its source.
        """
        return SOURCE_LENGTH

    def count_positions(self, config: Any) -> int | None:
        """Return how many tokens a sequence may have at most; None where there is no end."""
        return None

    def count_window(self, config: Any) -> int | None:
        """Return how many tokens a token of the model looks back on; None where it is all of them."""
        return None

    def name_loader(self, config: Any) -> str:
        """Return which of `generation/loaders` gives a model of this config to CTranslate2.

        Raises ValueError, which says what CTranslate2 lacks, where it cannot write with it.
        """
        raise ValueError(f"it has no models of model_type {config.model_type}")

    def explain_conversion(self, config: Any, num_tokens: int) -> str | None:
        """Return why CTranslate2 cannot write with a model where a source and its summary have at most so many tokens.

        None where it can.
        """
        try:
            self.name_loader(config)
        except ValueError as error:
            return str(error)
        window = self.count_window(config)
        if window is not None and window < num_tokens:
            return (
                f"it has no window of attention, and the base's (sliding_window) is of {window:,} tokens, where source "
                f"and summary may have {num_tokens:,}"
            )
        return None

    def cut_new(self, sequences: Tensor, num_source: int) -> Tensor:
        """Return what `generate` has written, (B, T), of its sequences: without the decoder's start token."""
        return sequences[:, 1:]


def fit_source(values: Mapping[str, Any], *, reserve: int = 0) -> int:
    """Return how many tokens of a source a config.json has positions for beside `reserve`, LONGEST_SOURCE at most."""
    positions = values.get("max_position_embeddings", values.get("n_positions"))
    if not isinstance(positions, int):
        return SOURCE_LENGTH
    fitting = min(LONGEST_SOURCE, positions - reserve)
    return max(MIN_SOURCE, fitting - fitting % MULTIPLE)


def find_family(values: Mapping[str, Any]) -> Family:
    """Return the family of a config.json's values. Raises ValueError, which says what is known, for any other."""
    kind = values.get("model_type")
    if isinstance(kind, str) and kind in FAMILIES:
        return FAMILIES[kind]
    raise ValueError(
        f"{_describe_kind(values)}; dialora adapts {list_families()}; another kind is a class in models/families "
        f"(docs/architecture.md)"
    )


def _describe_kind(values: Mapping[str, Any]) -> str:
    """Say what kind of model a config.json is of, and whether it is one that writes."""
    kind, named = values.get("model_type"), values.get("architectures")
    if kind is None:
        return "config.json names no model_type"
    said = f"it is a {show(repr(kind))} model"
    if any(f"{sense}_config" in values for sense in ("vision", "audio")):
        return f"{said}, which reads more than text"
    name = str(named[0]) if isinstance(named, list) and named else ""
    is_writer = not name or name.endswith(("ForConditionalGeneration", "ForCausalLM", "LMHeadModel"))
    return said if is_writer else f"{said} ({show(name)}), which writes nothing"


def family_of(model: Any) -> Family:
    """Return the family of a model that dialora has loaded, with an adapter on it or without."""
    return FAMILIES[model.config.model_type]


def list_families() -> str:
    """Return what bases there may be, as a message says it."""
    kinds: dict[str, list[str]] = {}
    for kind, family in FAMILIES.items():
        kinds.setdefault(family.label, []).append(kind)
    return ", ".join(f"{label} (model_type {', '.join(types)})" for label, types in kinds.items())


def find_model_class(config: Any) -> Any:
    """Return transformers' class of models that write, for a config."""
    import transformers
    from transformers.models.auto import modeling_auto

    kind = config.model_type
    tables: Sequence[Mapping[str, str]] = (
        modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    )
    writes = tables if config.is_encoder_decoder else tables[1:]
    return getattr(transformers, next(table[kind] for table in writes if kind in table))


__all__ = ["FAMILIES", "Family", "family_of", "find_family", "find_model_class", "fit_source", "list_families"]

"""The bases of an experiment, from their config.json alone: what kind each is, and what the experiment leaves to it.

An experiment says what it names; the rest (the prompt, the layers that are adapted, some learning rates) differs from
one kind of model to the next. `settle` fills it in once, before anything is planned, so that whatever follows finds all
of it in the experiment. Never imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dialora.config import DataConfig, ExperimentConfig
from dialora.config.parts import Rates
from dialora.data.tokens import Prompt
from dialora.data.tokens.plain import find_special
from dialora.errors import ModelError
from dialora.methods import METHODS, Method
from dialora.models.checkpoint import explain_no_config, naming_entry, opening
from dialora.models.families import Family, find_family
from dialora.models.files import find_file, list_names, read_object
from dialora.models.steering import list_code
from dialora.models.vocabulary import list_rowless

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONFIG = "config.json"
FULL = "full"
TARGETS = ("target_modules", "feedforward_modules")
"""Options of methods that a base fills in where they are None."""


def settle(config: ExperimentConfig) -> ExperimentConfig:
    """Return the experiment with everything named that it leaves to its bases; what it names stays. Raises ModelError.

    Settled once more it is the same, and no base is looked at: a finished experiment is read where its bases are not.
    """
    methods = dict(config.methods)
    for key in methods:
        with naming_entry(config, key):
            methods[key] = _settle_method(config, key)
    prompt = config.prompt if "prompt" in config.model_fields_set else load_family(config).prompt
    return config.model_copy(update={"prompt": prompt, "methods": methods, "data": _settle_data(config)})


def _settle_data(config: ExperimentConfig) -> DataConfig:
    """Return the data with a length of sources named that every base can read: all read the same of a dialogue."""
    data = config.data
    if "max_source_length" in data.model_fields_set:
        return data
    num_new = max(data.max_target_length, config.decoding.max_new_tokens)
    lengths = []
    for key, method in config.methods.items():
        with naming_entry(config, key):
            values, family = _find(config.for_method(key))
        before, between = method.count_virtual_tokens()
        lengths.append(family.choose_source_length(values, before=before, behind=between + num_new))
    return data.model_copy(update={"max_source_length": min(lengths)})


def _settle_method(config: ExperimentConfig, key: str) -> Method:
    """Return a method with its layers and rate named, and its prompt where it has a base of its own."""
    method, own = config.methods[key], config.for_method(key)
    fields, changes = type(method).model_fields, dict[str, Any]()
    if any(name in fields and getattr(method, name) is None for name in TARGETS):
        method = method.name_targets(load_family(own).name_modules(read_model_type(own)))
    if "learning_rate" in fields and "learning_rate" not in method.model_fields_set:
        changes["learning_rate"] = find_rates(own, type(method)).rate
    if method.model is not None and method.prompt is None:
        is_named = "prompt" in config.model_fields_set
        changes["prompt"] = config.prompt if is_named else load_family(own).prompt
    return method.model_copy(update=changes)


def name_targets(config: ExperimentConfig, method: type[Method]) -> dict[str, tuple[str, ...] | str | None]:
    """Return which layers a method adapts on the experiment's base unless its entry names others. Raises ModelError."""
    # Options that must be given are no layers.
    named = method.model_construct().name_targets(load_family(config).name_modules(read_model_type(config)))
    return {name: getattr(named, name) for name in TARGETS if name in method.model_fields}


def find_rates(config: ExperimentConfig, method: type[Method]) -> Rates:
    """Return the learning rates of a method that trains, on the experiment's base. Raises ModelError."""
    known = load_family(config).rates.get(method.name)
    if known is not None:
        return Rates(*known)
    share = 1.0
    if method.learning_rate_follows_full and (full := load_family(config).rates.get(FULL)) is not None:
        share = full[0] / METHODS[FULL].model_fields["learning_rate"].default
    usual = (method.model_fields["learning_rate"].default, *method.learning_rate_range)
    rate, low, high = (float(f"{one * share:.3g}") for one in usual)
    return Rates(rate, low, high, method.learning_rate_source)


def load_family(config: ExperimentConfig) -> Family:
    """Find out what kind of model the base is. Raises ModelError."""
    return _find(config)[1]


def read_model_type(config: ExperimentConfig) -> str:
    """Return the base's `model_type`. Raises ModelError."""
    return str(_find(config)[0]["model_type"])


def list_unused_code(config: ExperimentConfig) -> list[str]:
    """Return the classes that the base brings code for, which is never run. Raises ModelError."""
    return list_code(_find(config)[0])


def build_prompt(config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> Prompt:
    """Return the experiment's prompt as its base reads it. Raises ModelError."""
    values, family = _find(config)
    try:
        prompt = family.build_prompt(config.prompt, tokenizer)
    except ValueError as error:
        raise ModelError(f"model: {config.model}: {error}") from error
    rowless = list_rowless(tokenizer, values["vocab_size"]) if "vocab_size" in values else []
    if found := [token for token in find_special(prompt.text, tokenizer) if token in rowless]:
        raise ModelError(
            f"model: {config.model}: the prompt holds {list_names(found)}, which its tokenizer knows and the model "
            f"does not (vocab_size); take it out of the prompt"
        )
    return prompt


def read_config_values(source: str, revision: str | None) -> dict[str, Any]:
    """Read a model's config.json. Raises ValueError, OSError."""
    # What is in the cache is found without transformers, which takes seconds to load.
    path = find_file(source, CONFIG, revision, cached_only=True) or find_file(source, CONFIG, revision)
    if path is None:
        raise ValueError(explain_no_config(source, revision))
    return read_object(path)


def _find(config: ExperimentConfig) -> tuple[dict[str, Any], Family]:
    try:
        with opening(config) as (source, revision):
            values = read_config_values(source, revision)
        return values, find_family(values)
    except (OSError, ValueError) as error:
        raise ModelError(f"model: {config.model} cannot be loaded: {' '.join(str(error).split())[:500]}") from error


__all__ = [
    "build_prompt",
    "find_rates",
    "list_unused_code",
    "load_family",
    "name_targets",
    "read_config_values",
    "read_model_type",
    "settle",
]

"""Load a base model, its configuration and its tokenizer, from a folder or the hub, or lay it out without weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from dialora.config import ExperimentConfig
from dialora.errors import ModelError
from dialora.models.bases import load_family, read_config_values
from dialora.models.checkpoint import GENERATION, opening
from dialora.models.families import family_of, find_family
from dialora.models.families.family import find_model_class
from dialora.models.files import find_file, read_object
from dialora.models.generation_values import drop_idle
from dialora.models.layout import Layout
from dialora.models.steering import refuse_steering
from dialora.models.tokenizer_file import load_as_written
from dialora.models.vocabulary import SETTINGS, require_fast, require_rows, require_tokenizer_files
from dialora.models.weights import find_weights, read_headers, read_weights

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def load_base_config(config: ExperimentConfig) -> Any:
    """Load and check the base model's configuration, without weights. Raises ModelError."""
    with _opening(config) as (source, revision):
        values = read_config_values(source, revision)
        family = find_family(values)
        refuse_steering(values)
        return family.read_config(values)


def _find_layout(config: ExperimentConfig) -> Layout:
    model = build_meta_model(config)
    with _opening(config) as (source, revision):
        return family_of(model).describe_layout(model, read_config_values(source, revision))


def load_tokenizer(config: ExperimentConfig) -> PreTrainedTokenizerBase:
    """Load the base model's tokenizer. Raises ModelError where it is not there, or not this model's."""
    base, family = load_base_config(config), load_family(config)
    with _opening(config) as (source, revision):
        require_tokenizer_files(source, revision)
        try:
            tokenizer = load_as_written(source, revision, base, heeds_file=family.reads_tokenizer_file)
        except OSError:
            raise
        except Exception as error:  # what tokenizers raises has no type of its own
            raise ValueError(f"its tokenizer's files are damaged ({join_lines(error)}); download them again") from error
        require_fast(tokenizer)
        require_rows(tokenizer, base, has_settings=find_file(source, SETTINGS, revision) is not None)
        family.prepare_tokenizer(tokenizer, base)
    return tokenizer


def load_base_model(config: ExperimentConfig) -> PreTrainedModel:
    """Load the base model in fp32, its output head apart from its embedding where the checkpoint has both.

    Raises ModelError, which names the keys, where anything of it is missing, of another shape, or no number.
    """
    base, layout = load_base_config(config), _find_layout(config)
    with _opening(config) as (source, revision):
        files = find_weights(source, revision) or []
        layout.require(read_headers(files))
        model = find_model_class(base).from_pretrained(
            None, config=base, state_dict=read_weights(files, layout), dtype=torch.float32, trust_remote_code=False
        )
        model.name_or_path = source
        if (generation := _read_generation_config(source, revision)) is not None:
            model.generation_config = generation
    return family_of(model).finish(model)


def check_weights(config: ExperimentConfig) -> tuple[int, list[str]] | None:
    """Compare a checkpoint with its config.json by the headers of its files alone; nothing is downloaded.

    Returns the number of its matrices and the names of those that the model has no use for, or None for a hub id's that
    are not here yet. Raises ModelError as loading would, but for numbers that are not finite.
    """
    layout = _find_layout(config)
    with _opening(config) as (source, revision):
        files = find_weights(source, revision, cached_only=True)
        if files is None:
            return None
        headers = read_headers(files)
        _read_generation_config(source, revision)
        return len(headers), layout.require(headers)


def build_meta_model(config: ExperimentConfig) -> PreTrainedModel:
    """Build the base model's layout on the meta device: no weights are read, no memory is taken."""
    base = load_base_config(config)
    try:
        with torch.device("meta"):
            model = load_family(config).build_model(base)
    except Exception as error:  # sizes that do not go together and unknown names make torch raise anything
        raise ModelError(
            f"model: {config.model} cannot be built from its config.json ({type(error).__name__}: "
            f"{join_lines(error)}); give the one that its weights were saved with"
        ) from error
    model.name_or_path = config.model
    return model


@contextmanager
def _opening(config: ExperimentConfig) -> Iterator[tuple[str, str | None]]:
    """Open the base model, and turn what it cannot be read for into a ModelError."""
    with opening(config) as found, loading_explained(config.model):
        yield found


def _read_generation_config(source: str, revision: str | None) -> GenerationConfig | None:
    """Return what a checkpoint says of generation, if anything; dialora saves it again with what is trained."""
    from transformers import GenerationConfig

    path = find_file(source, GENERATION, revision)
    if path is None:
        return None
    values = read_object(path)
    try:
        config = GenerationConfig.from_dict(drop_idle(values))
        config.validate(strict=True)  # as saving does, when training is over
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{GENERATION} is not valid ({join_lines(error)}); mend or remove it") from error
    return config


@contextmanager
def loading_explained(name: str, *, key: str = "model") -> Iterator[None]:
    """Turn what loading raises for a missing or broken checkpoint into one line, and keep what it prints quiet.

    What it prints is bars, and a warning that the head of an untied checkpoint will not be tied, as it should not.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(f"{key}: {name} cannot be loaded: {join_lines(error)}") from error
    finally:
        logging.set_verbosity(verbosity)


def join_lines(error: BaseException) -> str:
    """Return what an error says as one line of at most 500 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 500 else text[:499] + "…"


__all__ = [
    "build_meta_model",
    "check_weights",
    "join_lines",
    "load_base_config",
    "load_base_model",
    "load_tokenizer",
    "loading_explained",
]

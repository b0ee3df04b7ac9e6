"""Load a base model, its configuration and its tokenizer, from a folder or the hub, or lay it out without weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch

from dialora.config import ExperimentConfig
from dialora.errors import ModelError
from dialora.models.checkpoint import find_commit, resolve_model
from dialora.models.head import separate_head
from dialora.models.weights import read_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODEL_TYPES = ("t5",)


def load_base_config(config: ExperimentConfig) -> Any:
    """Load and check the base model's configuration, without weights. Raises ModelError."""
    from transformers import AutoConfig

    source = resolve_model(config.model)
    with loading_explained(config.model):
        base = AutoConfig.from_pretrained(
            source, revision=find_commit(source, config.model_revision), trust_remote_code=False
        )
    if base.model_type not in MODEL_TYPES:
        raise ModelError(
            f"model: {config.model} is a {base.model_type!r} model; dialora adapts T5 (model_type "
            f"{', '.join(MODEL_TYPES)}): T5, T5 v1.1, FLAN-T5."
        )
    return base


def load_tokenizer(config: ExperimentConfig) -> PreTrainedTokenizerBase:
    """Load the base model's tokenizer. Raises ModelError."""
    from transformers import AutoTokenizer

    source = resolve_model(config.model)
    with loading_explained(config.model):
        return AutoTokenizer.from_pretrained(
            source, revision=find_commit(source, config.model_revision), trust_remote_code=False
        )


def load_base_model(config: ExperimentConfig) -> PreTrainedModel:
    """Load the base model in fp32, its output head apart from its embedding where the checkpoint has both.

    Raises ModelError.
    """
    from transformers import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING, AutoModelForSeq2SeqLM, GenerationConfig

    base, source = load_base_config(config), resolve_model(config.model)
    revision = find_commit(source, config.model_revision)
    with loading_explained(config.model):
        weights = read_weights(source, revision)
        if weights is None:  # an older checkpoint, in torch's own format
            model = AutoModelForSeq2SeqLM.from_pretrained(
                source, revision=revision, config=base, dtype=torch.float32, trust_remote_code=False
            )
        else:
            kind = MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING[type(base)]
            model = kind.from_pretrained(
                None, config=base, state_dict=weights, dtype=torch.float32, trust_remote_code=False
            )
            model.name_or_path = source
            with suppress(OSError):  # a checkpoint need not have one
                model.generation_config = GenerationConfig.from_pretrained(source, revision=revision)
    return separate_head(model)


def build_meta_model(config: ExperimentConfig) -> PreTrainedModel:
    """Build the base model's layout on the meta device: no weights are read, no memory is taken."""
    from transformers import AutoModelForSeq2SeqLM

    base = load_base_config(config)
    with torch.device("meta"):
        model = AutoModelForSeq2SeqLM.from_config(base, trust_remote_code=False)
    model.name_or_path = config.model
    return separate_head(model)


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
    """Return what an error says as one line of at most 300 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "…"


__all__ = [
    "MODEL_TYPES",
    "build_meta_model",
    "join_lines",
    "load_base_config",
    "load_base_model",
    "load_tokenizer",
    "loading_explained",
]

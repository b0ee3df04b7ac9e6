"""A system as a CTranslate2 model: its merged weights, its vocabulary by id, and the scale of its output head.

CTranslate2's own T5 converter asks `tie_word_embeddings` whether to scale the decoder's output by d_model ** -0.5.
transformers 5 sets that key to true for every T5 and moved its meaning to `scale_decoder_outputs`: an untied model
(T5 v1.1, FLAN-T5) would come out with wrong scores, beams and samples at right greedy tokens. Here the scale is set
from the key that says what the model does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dialora.config import ExperimentConfig, stable_hash
from dialora.errors import GenerationError
from dialora.measuring.clock import Stopwatch
from dialora.models.adapters import is_mergeable, merged
from dialora.models.checkpoint import identify_model
from dialora.store import Stage, load_json, names, save_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FORMAT = 1
"""Of what `convert_system` writes; a cache of another format is made anew."""

QUANTIZATION = {"fp32": "float32", "bf16": "bfloat16", "int8": "int8_float32"}
"""CTranslate2's name for each precision; int8 has 8-bit weights and activations, the rest in fp32."""


ACTIVATIONS = frozenset({"gelu", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "quick_gelu", "relu"})
ACTIVATIONS |= {"silu", "swish"}
"""Those that CTranslate2 has, by transformers' names."""


def find_version() -> str | None:
    """Return the installed version of CTranslate2, or None."""
    try:
        return version("ctranslate2")
    except PackageNotFoundError:
        return None


def explain_activation(name: str) -> str | None:
    """Return why a model with an activation (`dense_act_fn`) cannot be converted, None where it can."""
    return None if name in ACTIVATIONS else f"it has no activation {name} (dense_act_fn of the base's config.json)"


def identify_system(config: ExperimentConfig, training_key: str | None) -> str:
    """Return a hash of all that a system's weights and vocabulary depend on; `training_key` is its training stage's.

    The base counts beside that key, which says what was planned: what is loaded may be another where nothing pins it.
    """
    return stable_hash([training_key, identify_model(config)])


def converted_stage(folder: Path, *, system: str, precision: str) -> Stage:
    """Return where a system's converted model lies: `<folder>/ctranslate2-<precision>`.

    `system` is a hash of all that its weights and vocabulary depend on.
    """
    key = stable_hash([system, precision, FORMAT, find_version()])
    return Stage(folder / names.conversion(precision), key)


def read_converting_seconds(stage: Stage) -> float | None:
    """Return what making this converted model took, whenever that was; None where it is not there, or not known."""
    if not stage.is_complete:
        return None
    seconds: float | None = load_json(stage.folder / names.CONVERSION_FACTS).get("seconds")
    return seconds


def convert_system(model: nn.Module, tokenizer: PreTrainedTokenizerBase, stage: Stage, *, precision: str) -> Path:
    """Write a system as a CTranslate2 model, its adapter merged, and return the folder; nothing if it is there.

    One that is cut short, or holds another file than was written, is made anew: CTranslate2 would use it as it is.
    A model on a GPU lies in main memory meanwhile; afterwards all is as it was. Raises GenerationError when the adapter
    cannot be merged.
    """
    if stage.is_intact:
        return stage.folder
    if not is_mergeable(model):
        raise GenerationError("the adapter cannot be merged into the base model, so it cannot be converted.")
    watch = Stopwatch()
    system: Any = model
    base = system.get_base_model() if hasattr(system, "get_base_model") else system
    tokens = name_tokens(tokenizer, base.config.vocab_size)
    with stage.writing() as folder, _in_main_memory(model), merged(model), torch.no_grad():
        spec = _build_spec(base, tokenizer, tokens)
        spec.validate()
        _protect(spec)
        spec.optimize(quantization=QUANTIZATION[precision])
        spec.save(str(folder))
        facts = {"eos_token_id": base.config.eos_token_id, "precision": precision, "seconds": watch.read()}
        save_json(facts, folder / names.CONVERSION_FACTS)
    return stage.folder


@contextmanager
def _in_main_memory(model: nn.Module) -> Iterator[None]:
    """Have the weights in main memory for the time of the block: CTranslate2 reads them by their address."""
    device = next(model.parameters()).device
    model.to("cpu")
    try:
        yield
    finally:
        model.to(device)


def name_tokens(tokenizer: PreTrainedTokenizerBase, size: int) -> list[str]:
    """Return one name for each of the model's `size` ids, no two alike: the tokenizer's where it has one.

    CTranslate2 takes and gives names, not ids; a name that stood for two ids would turn one into the other.
    """
    names: list[str] = []
    taken: set[str] = set()
    known = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
    for i in range(size):
        name = known[i] if i < len(known) and known[i] is not None else f"<unused_{i}>"
        while name in taken:
            name = f"{name}#{i}"
        taken.add(name)
        names.append(name)
    return names


def _build_spec(model: Any, tokenizer: PreTrainedTokenizerBase, names: list[str]) -> Any:
    from ctranslate2.converters.transformers import T5Loader
    from ctranslate2.specs import model_spec

    config = model.config
    spec = T5Loader().get_model_spec(model)
    spec.decoder.scale_outputs = config.d_model**-0.5 if config.scale_decoder_outputs else model_spec.OPTIONAL
    spec.register_source_vocabulary(names)
    spec.register_target_vocabulary(names)
    spec.config.bos_token = names[config.pad_token_id]
    spec.config.eos_token = names[config.eos_token_id]
    spec.config.decoder_start_token = names[config.decoder_start_token_id]
    if tokenizer.unk_token_id is not None:
        spec.config.unk_token = names[tokenizer.unk_token_id]
    return spec


def _protect(spec: Any) -> None:
    """Let quantizing work on copies: CTranslate2 scales what it is given in place, which is the model's own."""
    from ctranslate2.specs import model_spec

    class Copied(model_spec.PyTorchVariable):  # type: ignore[misc]
        def numpy(self) -> Any:
            return super().numpy().copy()

    def protect(owner: Any, name: str, value: Any) -> None:
        if isinstance(value, model_spec.PyTorchVariable):
            setattr(owner, name.rpartition("/")[2], Copied(value.tensor))

    model_spec.visit_spec(spec, protect)


__all__ = [
    "QUANTIZATION",
    "convert_system",
    "converted_stage",
    "explain_activation",
    "find_version",
    "identify_system",
    "name_tokens",
    "read_converting_seconds",
]

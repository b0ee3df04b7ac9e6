"""A system as a CTranslate2 model: its merged weights (`loaders`), its vocabulary by id, and how summaries end.

What the engine has to know beside CTranslate2's own files stands in `dialora.json` of the folder.
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
from dialora.generation.loaders import LOADERS, read_epsilon
from dialora.measuring.clock import Stopwatch
from dialora.models.adapters import is_mergeable, merged
from dialora.models.checkpoint import identify_model
from dialora.models.families import family_of
from dialora.store import Stage, load_json, names, save_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FORMAT = 2
"""Of what `convert_system` writes; a cache of another format is made anew."""

QUANTIZATION = {"fp32": "float32", "bf16": "bfloat16", "int8": "int8_float32"}
"""CTranslate2's name for each precision; int8 has 8-bit weights and activations, the rest in fp32."""


def find_version() -> str | None:
    """Return the installed version of CTranslate2, or None."""
    try:
        return version("ctranslate2")
    except PackageNotFoundError:
        return None


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
    with stage.writing() as folder:
        write_converted(model, tokenizer, folder, precision=precision)
    return stage.folder


def write_converted(model: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path, *, precision: str) -> None:
    """Write a system whose adapter can be merged into a folder, as `convert_system` does."""
    watch = Stopwatch()
    system: Any = model
    base = system.get_base_model() if hasattr(system, "get_base_model") else system
    tokens = name_tokens(tokenizer, base.config.vocab_size)
    with _in_main_memory(model), merged(model), torch.no_grad():
        spec = _build_spec(base, tokenizer, tokens)
        spec.validate()
        _protect(spec)
        spec.optimize(quantization=QUANTIZATION[precision])
        spec.save(str(folder))
        facts = _describe(model, tokenizer) | {"precision": precision, "seconds": watch.read()}
        save_json(facts, folder / names.CONVERSION_FACTS)


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
    """Return a model's specification; special tokens that CTranslate2 does not find, it would add to the vocabulary."""
    family = family_of(model)
    spec = LOADERS[family.name_loader(model.config)]().build(model)
    special = family.describe_special(model, tokenizer)
    pad, ends = special["pad_token_id"], _list_ends(special)
    spec.config.layer_norm_epsilon = read_epsilon(model)
    spec.config.bos_token = names[pad]
    spec.config.eos_token = names[ends[0]]
    spec.config.unk_token = names[pad if tokenizer.unk_token_id is None else tokenizer.unk_token_id]
    if family.is_causal:
        spec.register_vocabulary(names)
        return spec
    spec.config.decoder_start_token = names[special["decoder_start_token_id"]]
    spec.register_source_vocabulary(names)
    spec.register_target_vocabulary(names)
    return spec


def _describe(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Return what the engine has to know: whether it goes on with its source, what ends it, what it begins with."""
    family = family_of(model)
    special = family.describe_special(model, tokenizer)
    first = special.get("forced_bos_token_id")
    return {
        "is_causal": family.is_causal,
        "end_ids": _list_ends(special),
        "first_ids": [] if first is None else [first],
    }


def _list_ends(special: dict[str, Any]) -> list[int]:
    ends = special["eos_token_id"]
    return list(ends) if isinstance(ends, list) else [ends]


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
    "find_version",
    "identify_system",
    "name_tokens",
    "read_converting_seconds",
    "write_converted",
]

"""How a saved system is used with plain transformers and PEFT, as Python that runs as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dialora.config import BUNDLED, ExperimentConfig
from dialora.data.tokens import Prompt
from dialora.models.bases import load_family

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

EXAMPLE = "#Person1#: Are you coming on Friday?\n#Person2#: Yes, after work. I will bring the tickets."

SETTINGS = "model.generation_config = decoding  # whatever the base brings"


def render_usage(
    config: ExperimentConfig,
    prompt: Prompt,
    special: Mapping[str, Any],
    *,
    is_adapter: bool,
    folder: str = ".",
    base: str | None = None,
) -> str:
    """Return code that loads a system from `folder`, a path or hub id, and writes a summary with the run's decoding.

    `special` are the family's special tokens of generation; `base` is what an adapter goes on, where that is not what
    its adapter_config.json names. No text in it can end its line, nor a fence around it. Raises ModelError.
    """
    is_causal = load_family(config).is_causal
    kind = "AutoModelForCausalLM" if is_causal else "AutoModelForSeq2SeqLM"
    imports = [f"from transformers import {kind}, AutoTokenizer, GenerationConfig"]
    loading = [f'model = {kind}.from_pretrained(folder, dtype="float32").eval()', SETTINGS]
    if is_adapter:
        needed, loading = _load_adapter(kind, base, is_bundled=config.model == BUNDLED)
        imports = needed + imports
    # What a chat template puts before a text stands in the prompt already.
    own = ", add_special_tokens=False" if prompt.has_own_ends and not prompt.begin_ids else ""
    new = "[inputs.input_ids.shape[1]:]" if is_causal else ""
    decoding = list_decoding(config, special)
    lines = [
        *imports,
        "",
        f"folder = {folder!r}",
        f"decoding = GenerationConfig({', '.join(f'{name}={value!r}' for name, value in decoding.items())})",
        *loading,
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "",
        f"prompt = {prompt.text!r}",
        f"dialogue = {EXAMPLE!r}",
        f'inputs = tokenizer(prompt.replace("{{dialogue}}", dialogue), return_tensors="pt"{own})',
        "ids = model.generate(**inputs)",
        f"summary = tokenizer.decode(ids[0]{new}, skip_special_tokens=True).strip()",
        "print(summary)",
    ]
    return "\n".join(lines)


def _load_adapter(kind: str, base: str | None, *, is_bundled: bool) -> tuple[list[str], list[str]]:
    """Return the imports and the lines that put an adapter on its base, a model of the class `kind`."""
    put = "model = PeftModel.from_pretrained(model, folder).eval()"
    load = f'model = {kind}.from_pretrained(base, dtype="float32")'
    if base is not None:
        return ["from peft import PeftModel"], [f"base = {base!r}  # where you have it", load, SETTINGS, put]
    if is_bundled:
        where = 'base = str(resources.files("dialora") / "assets" / "base")  # a part of dialora'
        return ["from importlib import resources", "", "from peft import PeftModel"], [where, load, SETTINGS, put]
    load = f'model = {kind}.from_pretrained(named.base_model_name_or_path, revision=named.revision, dtype="float32")'
    return ["from peft import PeftConfig, PeftModel"], [
        "named = PeftConfig.from_pretrained(folder)",
        load,
        SETTINGS,
        put,
    ]


def list_decoding(config: ExperimentConfig, special: Mapping[str, Any]) -> dict[str, Any]:
    """Return the GenerationConfig with which plain `generate` writes as a run's decoding does. Raises ModelError."""
    decoding = config.decoding
    values = {**special, "max_new_tokens": decoding.max_new_tokens, "num_beams": decoding.num_beams, "do_sample": False}
    if decoding.num_beams > 1:
        values |= {"length_penalty": decoding.length_penalty, "early_stopping": decoding.early_stopping}
    # Of a causal model `generate` would forbid what the dialogue says, too.
    if decoding.no_repeat_ngram_size and not load_family(config).is_causal:
        values["no_repeat_ngram_size"] = decoding.no_repeat_ngram_size
    return values


def read_special(config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase, folder: Path) -> dict[str, Any]:
    """Return the special tokens of generation of a system that is saved in `folder`, its weights unread.

    Raises ModelError, OSError.
    """
    from transformers import GenerationConfig

    from dialora.models.loading import load_base_config

    saved = SimpleNamespace(config=load_base_config(config), generation_config=GenerationConfig.from_pretrained(folder))
    values: dict[str, Any] = load_family(config).describe_special(saved, tokenizer)  # type: ignore[arg-type]
    return values


__all__ = ["EXAMPLE", "list_decoding", "read_special", "render_usage"]

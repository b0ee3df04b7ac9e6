"""How a saved system is used with plain transformers and PEFT, as Python that runs as it stands."""

from __future__ import annotations

from typing import Any

from dialora.config import BUNDLED, ExperimentConfig
from dialora.data.tokens import Prompt
from dialora.models.bases import load_family

EXAMPLE = "#Person1#: Are you coming on Friday?\n#Person2#: Yes, after work. I will bring the tickets."


def render_usage(
    config: ExperimentConfig, prompt: Prompt, *, is_adapter: bool, folder: str = ".", base: str | None = None
) -> str:
    """Return code that loads a system from `folder`, a path or hub id, and writes a summary with the run's decoding.

    `base` is what an adapter goes on, where that is not what its adapter_config.json names. No text in it can end its
    line, nor a fence around it. Raises ModelError.
    """
    is_causal = load_family(config).is_causal
    kind = "AutoModelForCausalLM" if is_causal else "AutoModelForSeq2SeqLM"
    imports = [f"from transformers import {kind}, AutoTokenizer, GenerationConfig"]
    loading = [f'model = {kind}.from_pretrained(folder, dtype="float32").eval()']
    if is_adapter:
        own, loading = _load_adapter(kind, base, is_bundled=config.model == BUNDLED)
        imports = own + imports
    # What a chat template puts before a text stands in the prompt already.
    special = ", add_special_tokens=False" if prompt.has_own_ends and not prompt.begin_ids else ""
    new = "[inputs.input_ids.shape[1]:]" if is_causal else ""
    lines = [
        *imports,
        "",
        f"folder = {folder!r}",
        *loading,
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "",
        f"prompt = {prompt.text!r}",
        f"dialogue = {EXAMPLE!r}",
        f'inputs = tokenizer(prompt.replace("{{dialogue}}", dialogue), return_tensors="pt"{special})',
        "ids = model.generate(",
        "    **inputs, generation_config=GenerationConfig.from_pretrained(folder), do_sample=False,",
        f"    {', '.join(f'{name}={value!r}' for name, value in list_decoding(config).items())},",
        ")",
        f"summary = tokenizer.decode(ids[0]{new}, skip_special_tokens=True).strip()",
        "print(summary)",
    ]
    return "\n".join(lines)


def _load_adapter(kind: str, base: str | None, *, is_bundled: bool) -> tuple[list[str], list[str]]:
    """Return the imports and the lines that put an adapter on its base, a model of the class `kind`."""
    put = "model = PeftModel.from_pretrained(model, folder).eval()"
    load = f'model = {kind}.from_pretrained(base, dtype="float32")'
    if base is not None:
        return ["from peft import PeftModel"], [f"base = {base!r}  # where you have it", load, put]
    if is_bundled:
        where = 'base = str(resources.files("dialora") / "assets" / "base")  # a part of dialora'
        return ["from importlib import resources", "", "from peft import PeftModel"], [where, load, put]
    load = f'model = {kind}.from_pretrained(named.base_model_name_or_path, revision=named.revision, dtype="float32")'
    return ["from peft import PeftConfig, PeftModel"], ["named = PeftConfig.from_pretrained(folder)", load, put]


def list_decoding(config: ExperimentConfig) -> dict[str, Any]:
    """Return what plain `generate` takes to write as a run's decoding does. Raises ModelError."""
    decoding = config.decoding
    values: dict[str, Any] = {"max_new_tokens": decoding.max_new_tokens, "num_beams": decoding.num_beams}
    if decoding.num_beams > 1:
        values |= {"length_penalty": decoding.length_penalty, "early_stopping": decoding.early_stopping}
    # Of a causal model `generate` would forbid what the dialogue says, too.
    if decoding.no_repeat_ngram_size and not load_family(config).is_causal:
        values["no_repeat_ngram_size"] = decoding.no_repeat_ngram_size
    return values


__all__ = ["EXAMPLE", "list_decoding", "render_usage"]

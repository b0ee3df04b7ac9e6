"""The folder that is published: weights, tokenizer and settings as they were trained, a card, and scores for the hub.

Everything is written into a folder beside it first and renamed: it is whole or not there. Nothing that the run's own
manifest does not name gets into it, and nothing in it names a path of the machine that it was made on.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import yaml

from dialora.errors import ConfigError
from dialora.models.adapter_settings import SETTINGS
from dialora.models.adapters import CARD
from dialora.models.checkpoint import GENERATION, name_base
from dialora.models.usage import list_decoding
from dialora.publishing.card import render_card
from dialora.publishing.choices import Choices
from dialora.publishing.metadata import build_eval_results
from dialora.publishing.run_facts import RunFacts
from dialora.report.origins import find_base_origin
from dialora.store import load_json, names, save_json, save_text

EVAL_RESULTS = ".eval_results"
"""As the hub calls it."""


def write_folder(facts: RunFacts, choices: Choices, folder: Path, *, replaces: bool = False) -> None:
    """Write the folder. Raises ConfigError where something lies there, unless it `replaces` that; ModelError."""
    if not replaces and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"--output {folder}: holds something already; give an empty folder or one that is not there.")
    folder = Path(os.path.realpath(folder))
    temporary = folder.with_name(names.unfinished(folder.name))
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        for name in facts.files:
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(facts.training / name, temporary / name)
        _write_settings(facts, choices, temporary)
        save_text(render_card(facts, choices), temporary / CARD, errors="replace")
        for file, entries in build_eval_results(facts).items():
            (temporary / EVAL_RESULTS).mkdir(exist_ok=True)
            save_text(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True), temporary / EVAL_RESULTS / file)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_settings(facts: RunFacts, choices: Choices, folder: Path) -> None:
    """Name the base as others can have it, and let `generate` write as it did when it was scored."""
    if facts.is_adapter:
        named, revision = name_base(facts.config)
        if choices.needs_folder(facts.config) or choices.base is not None:
            named, revision = choices.base or find_base_origin(facts.config).name, None
        settings = load_json(folder / SETTINGS) | {"base_model_name_or_path": named, "revision": revision}
        text = json.dumps(settings, indent=2, ensure_ascii=False, sort_keys=True)
        save_text(facts.hide(text) + "\n", folder / SETTINGS)
    save_json(list_decoding(facts.config, facts.special), folder / GENERATION)


__all__ = ["EVAL_RESULTS", "write_folder"]

"""The card of a trained folder: what lies there and how plain transformers and PEFT load it. No score is known yet.

Takes a run's configuration, gives README.md with the hub's metadata. Holds no path: data and base are called by hub id
or by their folder's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from dialora.config import BUNDLED, ExperimentConfig
from dialora.data.tokens import Prompt
from dialora.models.usage import render_usage
from dialora.printable import clean
from dialora.report.licences import UNKNOWN, choose_licence, describe_terms, find_works
from dialora.report.markdown import escape_markdown
from dialora.report.origins import find_base_origin, find_data_origin


def render_trained_card(
    config: ExperimentConfig, key: str, prompt: Prompt, special: Mapping[str, Any], *, is_adapter: bool, seed: int
) -> str:
    """Return the README.md of what the entry `key` has trained; `special` as in `render_usage`. Raises ModelError."""
    method, base, data = config.methods[key], find_base_origin(config), find_data_origin(config)
    metadata = {
        "library_name": "peft" if is_adapter else "transformers",
        "pipeline_tag": "summarization",
        "tags": ["dialora", "dialogue-summarization", method.name],
    }
    if base.hub_id is not None:
        metadata["base_model"] = base.hub_id
    works = find_works(config)
    licence = choose_licence(works, None)
    if licence != UNKNOWN:
        metadata["license"] = licence
    what = "An adapter" if is_adapter else "A whole model"
    lines = [
        f"# {method.label} for dialogue summaries",
        f"{what} that dialora trained (method `{method.name}`, seed {seed}). No score is known here: the report of the "
        "experiment has them, and `dialora publish` writes a card with them.",
        "\n".join(
            [
                f"- Base: {_show(base.full_name)}",
                f"- Data: {_show(data.full_name)}",
                f"- Reads at most {config.data.max_source_length:,} tokens of prompt and dialogue",
            ]
        ),
        "## Licence",
        "\n".join(f"- {_show(sentence)}" for sentence in describe_terms(works, licence)),
        "## How to use it",
        describe_base_needed(config, is_adapter=is_adapter),
        f"```python\n{render_usage(config, prompt, special, is_adapter=is_adapter)}\n```",
    ]
    front = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n\n".join(line for line in lines if line) + "\n"


def describe_base_needed(config: ExperimentConfig, *, is_adapter: bool) -> str:
    """Say in Markdown what the code of a card needs besides the folder; nothing of a whole model."""
    base = find_base_origin(config)
    if not is_adapter:
        return "With `pip install transformers torch`, in this folder:"
    if base.hub_id is not None:
        return "With `pip install peft transformers torch`, in this folder; the base comes from the hub:"
    if config.model == BUNDLED:
        return "The base is a part of dialora; with `pip install dialora`, in this folder:"
    return f"With `pip install peft transformers torch`, in this folder; the base is the folder {_show(base.name)}:"


def _show(text: str) -> str:
    return escape_markdown(clean(text))


__all__ = ["render_trained_card"]

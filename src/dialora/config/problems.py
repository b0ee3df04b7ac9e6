"""What is wrong with an experiment file, one line for each key, with what is allowed there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from reprlib import Repr
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

ENTRIES = ("methods.", "scoring.learned.", "launch.", "launch:")
"""How lines begin that name their key themselves: an entry is checked by the class that it names."""

MEANINGS = {
    "alpha": ("lora_alpha",),
    "batch_size": ("per_device_train_batch_size",),
    "beams": ("num_beams",),
    "dataset": ("source",),
    "deepspeed": ("fsdp",),
    "devices": ("num_processes",),
    "dropout": ("lora_dropout",),
    "epochs": ("num_train_epochs",),
    "eval_steps": ("num_evaluations",),
    "fine_tuning": ("full",),
    "full_finetuning": ("full",),
    "input_column": ("dialogue_column",),
    "lora_r": ("r",),
    "lr": ("learning_rate",),
    "max_input_length": ("max_source_length",),
    "max_length": ("max_new_tokens", "max_source_length"),
    "max_output_length": ("max_new_tokens", "max_target_length"),
    "model_name": ("model",),
    "modules": ("target_modules",),
    "nproc_per_node": ("num_processes",),
    "num_epochs": ("num_train_epochs",),
    "num_gpus": ("num_processes",),
    "path": ("source",),
    "rank": ("r",),
    "reference_column": ("summary_columns", "reference_columns"),
    "steps": ("max_steps",),
    "target_column": ("summary_columns", "reference_columns"),
    "text_column": ("dialogue_column",),
    "train_batch_size": ("per_device_train_batch_size",),
}
"""What others call things, and what they are called here."""

_NEAR = 0.82
"""Of two spellings; what shares no more than a common ending is another thing."""
_shorten = Repr()
_shorten.maxlevel, _shorten.maxdict, _shorten.maxlist, _shorten.maxtuple = 3, 4, 6, 6
_shorten.maxstring, _shorten.maxother, _shorten.maxlong = 200, 100, 60
MAX_LINE, MAX_VALUE = 400, 240


def show(value: Any) -> str:
    """Return a value for a message, cut to some hundred characters; nothing in it moves a terminal's cursor."""
    try:
        text = _shorten.repr(value)
    except ValueError:  # Python writes no integer of more than some thousand digits
        return "a number of too many digits"
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE // 2]}…{text[-MAX_VALUE // 2 :]}"


def suggest(name: Any, allowed: Iterable[str]) -> str:
    """Return the end of a sentence: the allowed name that is near in spelling or meaning, or all of them."""
    allowed, name = list(allowed), str(name)[:100]
    meant = [one for one in MEANINGS.get(name.lower().replace("-", "_"), ()) if one in allowed]
    close = meant or difflib.get_close_matches(name, allowed, n=1, cutoff=_NEAR)
    return f"; did you mean {close[0]!r}?" if close else f"; allowed: {', '.join(allowed)}."


def describe_problems(error: ValidationError, model: type[BaseModel], *, prefix: str = "") -> list[str]:
    """Return one line for each thing pydantic found wrong."""
    lines: list[str] = []
    items = error.errors()
    # A list all of whose items are wrong is empty to pydantic, which is no second thing to mend.
    parents = {item["loc"][:-1] for item in items}
    for item in items:
        if item["type"] == "too_short" and item["loc"] in parents:
            continue
        path = [str(part)[:80] for part in item["loc"]]
        key = prefix + ".".join(path)
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = f"unknown key{suggest(path[-1], _fields_at(model, path[:-1]))}"
        elif item["type"] in ("tuple_type", "list_type"):
            message = f"must be a list, as in {_write_list(item['input'])}, got {show(item['input'])}"
        elif item["type"] == "missing":
            message = "is missing"
        elif item["type"] != "value_error":
            message = f"{message[0].lower()}{message[1:]}, got {show(item['input'])}"
        elif message.startswith(ENTRIES):
            lines.extend(message.splitlines())
            continue
        lines.append(f"{key}: {message}" if key else message)
    return [line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…" for line in lines]


def _write_list(value: Any) -> str:
    """Return how a file writes a list with a value in it."""
    return f"[{show(value)}]" if isinstance(value, int | float) else "[a, b]"


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    models = [model]
    for part in path:
        # A part that is no field is the name of an entry.
        fields = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        models = [found for annotation in fields for found in _models_in(annotation)] or models
    return list(dict.fromkeys(name for one in models for name in one.model_fields))


def _models_in(annotation: Any) -> Sequence[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


__all__ = ["describe_problems", "show", "suggest"]

"""An adapter's adapter_config.json: checked against PEFT's own class for its kind before PEFT reads it.

PEFT takes whatever stands there: text for a flag, numbers that make every output NaN or fill the memory, patterns that
never end to match, paths of other files. Each is refused here, by its key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from math import isfinite
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dialora.methods.patterns import explain_pattern
from dialora.models.files import read_object, show

SETTINGS = "adapter_config.json"
VECTORS = "num_virtual_tokens"
MAX_RANK = 2**14
MAX_NUMBER = 1e6
"""Of scales; a network's numbers are far from it."""
MAX_COUNT = 2**32
"""Of seeds, steps and ids, which take no memory."""
NO_SIZES = ("seed", "prng", "step", "tinit", "tfinal", "deltaT", "warmup", "interval", "indices", "token_ids", "alpha")
REFUSED = {
    "auto_map": "names code that would have to run",
    "megatron_config": "names code that would have to run",
    "adapters": "names other adapters, which would be read too",
    "prompt_tuning_init_state_dict_path": "names another file, which would be read too",
    "alora_invocation_tokens": "has the adapter wait for words that dialora never writes, and do nothing until then",
}
"""Keys that would do something else than describe the adapter, and what each does."""


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what a folder says of its adapter. Raises ValueError, which names the keys."""
    from peft import PeftType, PromptLearningConfig
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    if not (folder / SETTINGS).exists():
        raise ValueError(f"it has no {SETTINGS}; give a folder that PEFT saved an adapter in")
    values = read_object(folder / SETTINGS)
    kind, kinds = values.get("peft_type"), [each.value for each in PeftType]
    if kind not in kinds:
        stated = "names no peft_type" if kind is None else f"has peft_type {show(repr(kind))}, which PEFT does not know"
        raise ValueError(f"{SETTINGS} {stated}; of a LoRA adapter it is LORA")
    for key, meaning in REFUSED.items():
        if values.get(key):
            raise ValueError(f"{SETTINGS}: {key} {meaning}; give an adapter without it")
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(kind)]
    found = list(_find_wrong_kinds(values, config_class))
    if not found and issubclass(config_class, PromptLearningConfig) and (values.get(VECTORS) or 0) < 1:
        found = [f"{VECTORS} is {_write(values.get(VECTORS))}, not a whole number from 1 on"]
    found = found or [*_find_wrong_numbers(values, ""), *_find_wrong_patterns(values)]
    if found:
        raise ValueError(f"{SETTINGS}: {'; '.join(found[:3])}")
    return values


def require_sizes(values: Mapping[str, Any], *, largest: int, total: int) -> None:
    """Raise ValueError where settings ask for more than a file's weights can fill.

    `largest` is the largest dimension of its matrices, `total` how many numbers there are: PEFT makes room first and
    looks at the file afterwards.
    """
    sizes = dict(_list_sizes(values, ""))
    limits = {key: max(total, MAX_RANK) for key in sizes}
    if values["peft_type"] == "LORA":
        limits |= {key: min(largest, MAX_RANK) for key in sizes if key == "r" or key.startswith("rank_pattern.")}
    limits |= {key: min(largest, MAX_RANK) for key in sizes if key == VECTORS}
    for key, size in sizes.items():
        if size > limits[key]:
            raise ValueError(f"{SETTINGS}: {show(key)} is {size:,}, and its weights have room for {limits[key]:,}")


def _find_wrong_kinds(values: Mapping[str, Any], kind: type[Any]) -> Iterator[str]:
    """Yield what is not of the type that PEFT's class states; JSON has lists for sets and text for enumerations."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        value, kinds = values.get(field.name), _list_kinds(hints[field.name])
        # PEFT states `int` where it means a number, or None until it is known.
        kinds |= {float} if int in kinds and ("alpha" in field.name or "lambda" in field.name) else set()
        is_unset = value is None and (field.name not in values or field.default is None or not kinds & {int, float})
        if not is_unset and type(value) not in kinds and object not in kinds:
            names = sorted(_NAMES[each] for each in kinds - ({NoneType, int} if float in kinds else {NoneType}))
            yield f"{field.name} is {_write(value)}, not {' or '.join(names)}"
        elif isinstance(value, list | dict):
            yield from _find_wrong_items(value, field.name)


def _find_wrong_items(value: list[Any] | dict[str, Any], key: str) -> Iterator[str]:
    if key.endswith("_pattern"):
        items = value.items() if isinstance(value, dict) else ()
        for name, item in items:
            is_number = isinstance(item, int | float) and not isinstance(item, bool)
            # AdaLoRA keeps which of a matrix's ranks are left.
            if not is_number and not (isinstance(item, list) and all(isinstance(each, bool) for each in item)):
                yield f"{key}.{show(name)} is {_write(item)}, not a number"
    elif key.endswith("_modules") or key == "modules_to_save":
        yield from (f"{key} holds {_write(item)}, not a name" for item in value if not isinstance(item, str))


_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


def _list_kinds(annotation: Any) -> set[Any]:
    """Return the types that JSON has for an annotation."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {type(part) for part in parts}
    if origin is not None and origin not in (list, tuple, set, dict):
        return {kind for part in parts for kind in _list_kinds(part)}
    plain = origin or annotation
    if plain in (list, tuple, set):
        return {list}
    if plain is dict or dataclasses.is_dataclass(plain):
        return {dict}
    if isinstance(plain, type) and issubclass(plain, Enum):
        return {str}
    return {int, float} if plain is float else {plain if plain in (*_NAMES, NoneType) else object}


def _find_wrong_numbers(value: Any, key: str) -> Iterator[str]:
    for path, number in _list_numbers(value, key):
        last = path.partition(".")[0]
        if "dropout" in last and not isinstance(number, bool) and not 0 <= number <= 1:
            yield f"{show(path)} is {_write(number)}, not a number from 0 to 1"
        elif isinstance(number, float) and not (isfinite(number) and abs(number) <= MAX_NUMBER):
            yield f"{show(path)} is {_write(number)}, not a number up to {MAX_NUMBER:,.0f}"
        elif abs(number) > (MAX_NUMBER if "alpha" in last else MAX_COUNT):
            yield f"{show(path)} is {_write(number)}, more than any adapter has"


def _list_sizes(value: Any, key: str) -> Iterator[tuple[str, int]]:
    for path, number in _list_numbers(value, key):
        if isinstance(number, int) and not any(part in path.partition(".")[0] for part in NO_SIZES):
            yield path, number


def _list_numbers(value: Any, key: str) -> Iterator[tuple[str, int | float]]:
    """Yield all numbers with the keys that lead to them."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _list_numbers(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for item in value:
            yield from _list_numbers(item, key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value


def _find_wrong_patterns(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        is_pattern = key.endswith(("_modules", "_pattern"))
        patterns = [value] if isinstance(value, str) else list(value) if isinstance(value, dict) else []
        if key == "layers_pattern" and isinstance(value, list):
            patterns = value
        if is_pattern and (reason := explain_pattern(patterns)) is not None:
            yield f"{key} {reason}"


def _write(value: Any) -> str:
    if value is None:
        return "null"
    return show(repr(value), 40) if not isinstance(value, int) or abs(value) < 10**30 else "a number of many digits"


__all__ = ["SETTINGS", "read_settings", "require_sizes"]

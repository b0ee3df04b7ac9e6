"""Lists in a cell, mostly written into it: JSON, or what Python or numpy print of one."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from typing import Any

_PAIRS = {"[": "]", "{": "}"}
_IDS = re.compile(r"[\[(]\s*-?\d+(?:[\s,]+-?\d+){2,}[\s,.]*[\])]")


def looks_like_list(text: str) -> bool:
    """Whether a text begins and ends as a list of strings, of lists or of objects does, or as an object."""
    if not text or _PAIRS.get(text[0]) != text[-1]:
        return False
    inner = text[1:].lstrip()
    return inner[:1] in (('"', "'", "{", "[", "]") if text[0] == "[" else ('"', "'"))


def is_token_ids(value: Any) -> bool:
    """Whether a cell holds a list of numbers, as such or, from three on, written as text."""
    if isinstance(value, str):
        return bool(_IDS.fullmatch(value.strip()))
    # What differs from itself is NaN, which stands for an empty cell.
    numbers = [item for item in value if item == item] if isinstance(value, list) else []
    return bool(numbers) and all(isinstance(item, int | float) for item in numbers)


def parse_list(text: str) -> Any:
    """Return the list or object that a text writes, None where it writes none."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            # Of escapes that Python does not know; they stand for themselves.
            warnings.simplefilter("ignore")
            return ast.literal_eval(_add_commas(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, tokenize.TokenError):
        return None


def _add_commas(text: str) -> str:
    """Return what numpy prints of an array, which has no commas, as a list; Python would join its strings into one."""
    tokens: list[tuple[int, str]] = []
    for kind, string, *_ in tokenize.generate_tokens(io.StringIO(text).readline):
        if kind in (tokenize.NL, tokenize.NEWLINE):
            continue
        if tokens and (kind == tokenize.STRING or string in _PAIRS):
            before_kind, before = tokens[-1]
            if before_kind == tokenize.STRING or before in _PAIRS.values():
                tokens.append((tokenize.OP, ","))
        tokens.append((kind, string))
    return " ".join(string for _, string in tokens).strip()


__all__ = ["is_token_ids", "looks_like_list", "parse_list"]

"""YAML as people write it, read strictly: what could be meant in two ways, or would not end, is an error with its line.

Numbers are YAML 1.2's (`010` is ten, `1:30` and `2024-05-01` are text), a key stands once, and a text is as large as
what it stands for.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
MAX_DIGITS = 100
MAX_NODES = 20_000
"""Values in a file, an alias counted as what it stands for."""

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+)$")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+"
    r"|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
)
_KINDS = {
    "int": re.compile(r"[-+]?(?:[0-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+)$"),
    "float": re.compile(rf"{_FLOAT.pattern}|[-+]?[0-9][0-9_]*$"),
    "bool": re.compile(r"(?:yes|no|true|false|on|off)$", re.IGNORECASE),
    "null": re.compile(r"(?:~|null|)$", re.IGNORECASE),
}
"""What may stand behind a tag: PyYAML takes whatever stands there for what the tag says."""


class _Loader(yaml.SafeLoader):
    """Plain values alone: no sets, bytes or dates, every key text and there once."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name and kind
        first: [(tag, pattern) for tag, pattern in resolvers if tag.removeprefix(_TAG) in ("bool", "null", "merge")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping. Raises YAMLError for a key that stands there twice, or is no text.

        Looked at before `<<` is replaced, which brings keys along that the mapping's own may stand before.
        """
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            shown = repr(key.value[:40]) if isinstance(key, yaml.ScalarNode) else "that begins here"
            if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                kind = key.tag.removeprefix(_TAG)
                raise _refuse(key, f"the key {shown} is no text but {kind}; quote it if it is meant as a name")
            if key.value in seen:
                raise _refuse(key, f"the key {shown} stands there twice")
            seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Build a value. Raises YAMLError for one that is not of the kind that its tag says."""
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.ScalarNode) and kind in _KINDS:
            if kind == "int" and len(node.value) > MAX_DIGITS:
                problem = (
                    f"a number has {len(node.value):,} digits; at most {MAX_DIGITS} are read, quote it if it is text"
                )
                raise _refuse(node, problem)
            if not _KINDS[kind].match(node.value):
                raise _refuse(node, f"{node.value[:40]!r} is no {kind}; leave !!{kind} out")
        return super().construct_object(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Build an integer: of base 10 unless it begins with 0x or 0o."""
        digits = node.value.replace("_", "")
        return int(digits, 0 if digits.lstrip("-+")[:2] in ("0x", "0o") else 10)


def _refuse(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_Loader.add_constructor(f"{_TAG}int", _Loader.construct_yaml_int)
_Loader.add_implicit_resolver(f"{_TAG}int", _INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+0123456789."))
for _kind in ("set", "binary", "timestamp", "omap", "pairs"):
    _Loader.yaml_constructors = {k: v for k, v in _Loader.yaml_constructors.items() if k != f"{_TAG}{_kind}"}


def parse_yaml(text: str) -> Any:
    """Return the plain values of a text. Raises ValueError with one line that says what is wrong, and where."""
    if len(text) > MAX_BYTES:
        raise ValueError(f"has {len(text):,} characters; at most {MAX_BYTES:,} are read")
    try:
        _require_bounded(text)
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"is not valid YAML: {_describe(error)}") from error


def _require_bounded(text: str) -> None:
    """Raise ValueError where the values are too deep or, aliases replaced, too many."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    count = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            if name in (anchor for anchor, _ in open_nodes):
                raise ValueError(f"line {line}: *{name[:40]} stands inside of what it stands for")
            count += sizes.get(name, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
        if len(open_nodes) > MAX_DEPTH:
            raise ValueError(f"line {line}: is nested more than {MAX_DEPTH} deep")
        if count > MAX_NODES:
            raise ValueError(f"line {line}: stands for more than {MAX_NODES:,} values")


def _describe(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return f"{where}{' '.join(str(problem).split())[:200]}"


__all__ = ["MAX_DEPTH", "parse_yaml"]

"""Each system's name in the tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

from dialora.config import ExperimentConfig
from dialora.config.base_identity import FILES, tell_base

COMMIT = re.compile("[0-9a-f]{40}")
DIGITS = 8
"""Shown of a hash."""


def build_labels(config: ExperimentConfig) -> dict[str, str]:
    """Return each system's name in the tables: the notebook's row names, told apart by key where one repeats."""
    kinds = [method.label for method in config.methods.values()]
    return {
        key: method.label if key == method.name and kinds.count(method.label) == 1 else f"{method.label} ({key})"
        for key, method in config.methods.items()
    }


def name_bases(config: ExperimentConfig) -> dict[str, str] | None:
    """Return each system's base as the tables call it, by method key; None where all stand on one.

    One base under several paths, or in several copies, is called as the first entry calls it.
    """
    own = {key: config.for_method(key) for key in config.methods}
    firsts: dict[tuple[str, str], tuple[str, str]] = {}
    bases = {key: firsts.setdefault(tell_base(one), (one.model, one.model_revision or "")) for key, one in own.items()}
    names = _tell_apart(firsts.values())
    return None if len(names) == 1 else {key: names[base] for key, base in bases.items()}


def name_readers(config: ExperimentConfig) -> dict[str, str]:
    """Return, by method key, what reads a system's dialogues: its base with its prompt.

    A base that is read with several prompts is told apart by the first method that has each.
    """
    firsts: dict[tuple[tuple[str, str], str], str] = {}
    own = {key: config.for_method(key) for key in config.methods}
    readers = {key: (tell_base(one), one.prompt) for key, one in own.items()}
    for key, reader in readers.items():
        firsts.setdefault(reader, key)
    bases = name_bases(config) or dict.fromkeys(own, PurePath(next(iter(own.values())).model).name)
    count = Counter(bases[key] for key in firsts.values())
    names = {r: bases[key] if count[bases[key]] == 1 else f"{bases[key]}, {key}" for r, key in firsts.items()}
    return {key: names[reader] for key, reader in readers.items()}


def _tell_apart(bases: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the shortest name that is each base's alone: its last part, else all of it, with the revision."""
    bases = list(bases)
    models = dict.fromkeys(model for model, _ in bases)
    short = {model: PurePath(model).name or model for model in models}
    if len(set(short.values())) < len(short):
        short = {model: model for model in models}
    count = Counter(model for model, _ in bases)
    cut = {base: (base[0], _shorten_hash(base[1])) for base in bases}
    revisions = {base: cut[base][1] if Counter(cut.values())[cut[base]] == 1 else base[1] for base in bases}
    return {
        base: f"{short[base[0]]}@{revision}" if revision and count[base[0]] > 1 else short[base[0]]
        for base, revision in revisions.items()
    }


def _shorten_hash(revision: str) -> str:
    """Return the first digits of a commit or of the hash of a folder's files; a branch or tag has none to spare."""
    if revision.startswith(FILES):
        return revision.removeprefix(FILES)[:DIGITS]
    return revision[:DIGITS] if COMMIT.fullmatch(revision) else revision


__all__ = ["build_labels", "name_bases", "name_readers"]

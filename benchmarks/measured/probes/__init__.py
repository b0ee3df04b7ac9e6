"""PROBES: one measurement each, made in a process of its own: plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

PROBES = {
    "layout": "layout",
    "sample": "sample",
    "train": "training",
    "generate": "generation",
    "split_generation": "generation",
    "score": "scoring",
    "floor": "floor",
    "padding": "scaling",
    "scaling": "scaling",
    "profile_training": "profiles",
    "profile_generation": "profiles",
    "story": "story",
    "system": "quality",
    "precision": "quality",
    "machine": "machine",
    "data": "machine",
}
"""Name of a probe → the module here whose function of that name makes it."""


def load_probe(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a probe's function; only its module is imported, so that torch is loaded where it is used."""
    probe: Callable[[dict[str, Any]], dict[str, Any]] = getattr(import_module(f"{__name__}.{PROBES[name]}"), name)
    return probe


__all__ = ["PROBES", "load_probe"]

"""Keep what an earlier document says of the parts that were not measured again.

Raw measurements stay on the machine that made them; the document is what everybody has. A part measured anew replaces
the earlier one whole, so that all of a comparison is of one run. Numbers of another machine or of other data are never
put beside these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from benchmarks.compared.ratios import RATIOS
from dialora.store import load_json

SECTIONS = {
    "machine": ("machine", "data"),
    "scoring": ("scoring_data",),
    "generation": ("engines", "agreement"),
    "floor": ("floor",),
    "profiles": ("profiles",),
    "split": ("split",),
    "padding": ("padding",),
    "scaling": ("scaling",),
    "quality": ("quality",),
    "story": ("story",),
}
"""Part → the document's sections that are its alone."""

BY_PART = ("parts", "measurements")
"""Sections with an entry for each part."""

BY_RATIO = ("ratios", "ratio_details", "ratios_bundled")
"""Sections with an entry for each ratio."""

SAME_BENCHMARK = ("schema_version", "benchmark", "num_layers", "quality_epochs", "data")
SAME_MACHINE = ("processor", "cores", "threads", "python", "torch", "transformers", "peft", "ctranslate2")


def load_earlier(path: Path, document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the document at `path` if it is of the same benchmark, data, machine and libraries, else None."""
    if not path.is_file():
        return None
    earlier: dict[str, Any] = load_json(path)
    here, there = document["machine"] or {}, earlier["machine"] or {}
    is_same = all(document[key] == earlier[key] for key in SAME_BENCHMARK)
    return earlier if is_same and all(here.get(key) == there.get(key) for key in SAME_MACHINE) else None


def keep_earlier(document: Mapping[str, Any], earlier: Mapping[str, Any], measured: Collection[str]) -> dict[str, Any]:
    """Return the document with the earlier one's sections and entries for all parts but the `measured`."""
    kept = dict(document)
    for part, sections in SECTIONS.items():
        if part not in measured:
            kept |= {section: earlier[section] for section in sections}
    for section in BY_PART:
        others = {part: values for part, values in earlier[section].items() if part not in measured}
        kept[section] = dict(sorted((others | document[section]).items()))
    names = [ratio.name for ratio in RATIOS if ratio.part not in measured]
    for section in BY_RATIO:
        kept[section] = document[section] | {name: earlier[section][name] for name in names if name in earlier[section]}
    return kept


__all__ = ["keep_earlier", "load_earlier"]

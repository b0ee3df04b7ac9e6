"""Where an experiment's runs were made: one environment, or several and how they differ.

Every run keeps the environment that it was trained in and the one that its summaries were written in. Versions and
hardware change times and memory, and may change scores, so the report shows all that there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dialora.store import Run

WITHOUT_EFFECT = {"training": frozenset({"platform", "ctranslate2"}), "generation": frozenset({"platform"})}
"""Entries of an environment, besides which two must be equal for their costs to be compared: a kernel's patch level,
and in training what only writes."""

_Part = tuple[str, dict[str, str]]


def is_one_environment(facts: Mapping[str, Any]) -> bool:
    """Whether all that was trained, and all that was written, was with the same versions on the same hardware."""
    return not _find_differing(facts)


def merge_environments(labels: Mapping[str, str], runs: Sequence[Run], facts: Mapping[str, Any]) -> dict[str, str]:
    """Return every entry; where runs differ in it, each value with the parts that it is of."""
    parts = list(_list_parts(labels, runs, facts))
    names = list(dict.fromkeys(name for _, environment in parts for name in environment))
    return {name: _merge(name, parts) for name in names}


def describe_environments(labels: Mapping[str, str], runs: Sequence[Run], facts: Mapping[str, Any]) -> list[str]:
    """Say in what the environments differ, and what follows."""
    differing = _find_differing(facts)
    merged = merge_environments(labels, runs, facts)
    if not differing:
        notes = []
        if "workers" in merged:
            notes.append(
                f"{merged['workers']} workers shared each machine while these systems were made: their times may stand "
                f"beside each other, and not beside those of a machine that does one thing."
            )
        trained = [fact["training"]["environment"] for fact in facts.values() if fact["training"]]
        if trained and "processes" in trained[0]:
            notes.append(
                f"Each system was trained by {trained[0]['processes']} processes at once, each on a device of its own: "
                f"times are theirs together, memory is that of the one with the most."
            )
        written = [fact["generation"]["environment"] for fact in facts.values()]
        if written and "processes" in written[0]:
            notes.append(
                f"Each system's summaries were written by {written[0]['processes']} processes at once, each its share: "
                f"their time is that of the one that wrote longest."
            )
        return notes
    found = "; ".join(f"{name} is {merged[name].replace('; ', ', ')}" for name in differing)
    return [
        f"The runs were made in different environments: {found}. Their times and memory are not compared, and scores "
        f"may differ by it; remove the folders of the older runs and run again for one environment."
    ]


def _find_differing(facts: Mapping[str, Any]) -> list[str]:
    """Return the entries in which what was trained, or what was written, differs."""
    found: dict[str, None] = {}
    for stage, without in WITHOUT_EFFECT.items():
        made = [fact[stage]["environment"] for fact in facts.values() if fact[stage]]
        for name in dict.fromkeys(name for environment in made for name in environment):
            if name not in without and len({environment.get(name) for environment in made}) > 1:
                found[name] = None
    return list(found)


def _list_parts(labels: Mapping[str, str], runs: Sequence[Run], facts: Mapping[str, Any]) -> Iterator[_Part]:
    for run in runs:
        label = labels[run.key] + (f", seed {run.seed}" if run.seed else "")
        trained, made = facts[run.name]["training"], facts[run.name]["generation"]
        if trained and trained["environment"] != made["environment"]:
            yield f"training {label}", trained["environment"]
            yield f"summaries of {label}", made["environment"]
        else:
            yield label, made["environment"]


def _merge(name: str, parts: Sequence[_Part]) -> str:
    values: dict[str, list[str]] = {}
    for label, environment in parts:
        values.setdefault(environment.get(name, "none"), []).append(label)
    if len(values) == 1:
        return next(iter(values))
    return "; ".join(f"{value} ({', '.join(found)})" for value, found in values.items())


__all__ = ["describe_environments", "is_one_environment", "merge_environments"]

"""What studies found, kept in the folder of the systems they judged: `studies/<study>.json`, with its digest.

A study speaks of the texts that were judged: one whose system has written others since is not shown beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.comparison.people import StudyResult
from dialora.config import stable_hash
from dialora.store import ExperimentFolder, load_json, names, save_json


@dataclass(frozen=True, slots=True)
class KeptStudies:
    """What is to be shown of a folder's studies, by name, and why others are not."""

    results: tuple[StudyResult, ...] = ()
    notes: tuple[str, ...] = ()


def digest_text(text: str) -> str:
    """Return what a judged text is known by: its words, since texts of the same words are judged once."""
    words = " ".join(text.split())
    return hashlib.sha256(words.encode(errors="backslashreplace")).hexdigest()[:16]


def keep_study(result: StudyResult, folder: ExperimentFolder) -> Path:
    """Write what a study found into the folder of systems that it judged, in one piece; return the file."""
    folder.studies.mkdir(parents=True, exist_ok=True)
    path = folder.studies / names.study_result(result.name)
    values = result.to_json()
    save_json({"digest": stable_hash(values), "result": values}, path)
    return path


def load_studies(folder: ExperimentFolder, summaries: Mapping[str, Mapping[str, str]]) -> KeptStudies:
    """Load the studies that lie in a folder, and judged what its systems, by key and dialogue id, have written."""
    results, notes = [], []
    for path in sorted(folder.studies.glob(names.study_result("*"))):
        result = _load(path)
        if result is None:
            notes.append(
                f"The study in {names.STUDIES}/{path.name} is not what was written there, so it is not shown; `dialora "
                "study analyse` writes it anew."
            )
        elif others := _find_rewritten(result, folder, summaries):
            notes.append(
                f"The study {result.name} judged other summaries of {', '.join(others)} than stand here now, so it is "
                "not shown."
            )
        else:
            results.append(result)
    return KeptStudies(tuple(results), tuple(notes))


def _load(path: Path) -> StudyResult | None:
    try:
        values: Any = load_json(path)
        result = StudyResult.from_json(values["result"])
        return result if stable_hash(result.to_json()) == values["digest"] else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _find_rewritten(
    result: StudyResult, folder: ExperimentFolder, summaries: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Return the labels of the folder's systems that wrote something else of a judged dialogue."""
    rewritten = []
    for key, judged in result.judged.items():
        system, source = result.written_by[key]
        if not source or Path(source).resolve() != folder.root.resolve():
            continue
        written = summaries.get(system, {})
        if any(digest_text(written.get(dialogue, "")) != digest for dialogue, digest in judged.items()):
            rewritten.append(result.labels[key])
    return rewritten


__all__ = ["KeptStudies", "digest_text", "keep_study", "load_studies"]

"""What studies found, kept in the folder of the systems they judged: `studies/<study>-<id>.json`, with its digest.

A study speaks of the texts that were judged: one whose system has written others since is not shown beside it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class _Kept:
    """One file."""

    result: StudyResult
    source: str
    """The folder as the result knows it: it may have been moved or copied since."""


def keep_study(result: StudyResult, source: str) -> Path:
    """Write what a study found into a folder of systems that it judged, one of its sources; return the file."""
    folder = ExperimentFolder(Path(source))
    folder.studies.mkdir(parents=True, exist_ok=True)
    path = folder.studies / names.study_result(f"{result.name}-{result.id}")
    values = {"source": source, "result": result.to_json()}
    save_json({"digest": stable_hash(values), **values}, path)
    return path


def load_studies(folder: ExperimentFolder, summaries: Mapping[str, Mapping[str, str]]) -> KeptStudies:
    """Load the studies that lie in a folder, and judged what its systems, by key and dialogue id, have written."""
    results, notes = [], []
    for path in sorted(folder.studies.glob(names.study_result("*"))):
        kept = _load(path)
        if kept is None:
            notes.append(
                f"The study in {names.STUDIES}/{path.name} is not what was written there, so it is not shown; `dialora "
                "study analyse` writes it anew. Remove the file if it stays."
            )
        elif others := _find_rewritten(kept, summaries):
            notes.append(
                f"The study {kept.result.name} judged other summaries of {', '.join(others)} than stand here now, so "
                "it is not shown."
            )
        else:
            results.append(kept.result)
    return KeptStudies(tuple(_tell_apart(results)), tuple(notes))


def _tell_apart(results: Sequence[StudyResult]) -> list[StudyResult]:
    """Return the results, those of one name with their ids in it."""
    named = Counter(result.name for result in results)
    return [
        replace(result, name=f"{result.name} ({result.id})") if named[result.name] > 1 else result for result in results
    ]


def _load(path: Path) -> _Kept | None:
    try:
        values: Any = load_json(path)
        result = StudyResult.from_json(values["result"])
        said = {"source": values["source"], "result": result.to_json()}
        return _Kept(result, values["source"]) if stable_hash(said) == values["digest"] else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _find_rewritten(kept: _Kept, summaries: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the labels of the folder's systems that wrote something else of a judged dialogue."""
    rewritten, result = [], kept.result
    for key, judged in result.judged.items():
        system, source = result.written_by[key]
        # Those of other folders lie there; the folder's own are known by its name then, not by where it lies now.
        if not source or source != kept.source:
            continue
        written = summaries.get(system, {})
        if any(digest_text(written.get(dialogue, "")) != digest for dialogue, digest in judged.items()):
            rewritten.append(result.labels[key])
    return rewritten


__all__ = ["KeptStudies", "digest_text", "keep_study", "load_studies"]

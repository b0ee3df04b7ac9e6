"""Raw judgements as a CSV table that may be published: one row per answer, blind unless it is asked otherwise."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dialora.errors import InputError
from dialora.printable import clean_cell
from dialora.store import disk_errors_explained, save_text
from dialora.study.folder import BlindStudy
from dialora.study.judgements import Event, Judgement, collect_judgements
from dialora.study.key import StudyKey

BLIND_COLUMNS = ("rater", "place", "item", "kind", "answer")
MORE_COLUMNS = ("errors", "why", "seconds", "at", "swapped")
KEY_COLUMNS = ("role", "dialogue_id", "repeats", "shown_a", "shown_b")
"""With the key: whose texts were shown; systems that wrote the same are joined by ` + `."""


def export_ratings(study: BlindStudy, events: Sequence[Event], path: Path, *, key: StudyKey | None = None) -> int:
    """Write the present judgements and return their number; systems are named where `key` is given.

    `errors` are `start-stop:kind`, words from 0 with the stop left out; `swapped` is 1 where the second text of the
    item was shown as A. Raises InputError where the file is no `.csv`.
    """
    if path.suffix.lower() != ".csv":
        raise InputError(f"--csv {path}: is a table; give a file that ends in .csv.")
    judgements = collect_judgements(study.sheets, events)
    criteria = [criterion.key for criterion in study.settings.criteria]
    header = [*BLIND_COLUMNS, *criteria, *MORE_COLUMNS, *(KEY_COLUMNS if key else ())]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(clean_cell, header))
    swapped = {(sheet.number, entry.item): entry.is_swapped for sheet in study.sheets for entry in sheet.entries}
    unblinded = _index_key(key) if key else {}
    for one in judgements:
        is_swapped = swapped[one.sheet, one.item]
        row = [*_write_row(study, one, criteria), int(is_swapped)]
        if key:
            role, dialogue, repeats, writers = unblinded[one.item]
            shown = [*(reversed(writers) if is_swapped else writers), ""][:2]
            row += [role, dialogue, repeats, *shown]
        writer.writerow([clean_cell(cell) if isinstance(cell, str) else cell for cell in row])
    with disk_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_text(text.getvalue(), path)
    return len(judgements)


def _write_row(study: BlindStudy, one: Judgement, criteria: Sequence[str]) -> list[Any]:
    errors = " ".join(f"{error.start}-{error.stop}:{error.kind}" for error in one.errors)
    scores = [one.scores.get(key, "") for key in criteria]
    answer = one.answer or ""
    seconds = "" if one.seconds is None else one.seconds
    kind = study.items[one.item].kind
    return [one.sheet, one.place + 1, one.item, kind, answer, *scores, errors, one.why, seconds, one.at]


def _index_key(key: StudyKey) -> dict[str, tuple[str, str, str, list[str]]]:
    return {
        item.id: (item.role, item.dialogue_id, item.of or "", [" + ".join(keys) for keys in item.writers])
        for item in key.items
    }


__all__ = ["export_ratings"]

"""Which rows of a table are one dialogue: the dialogue is what statistics count.

Rows with the same dialogue are one, or else rows with the same id. Different ids are different dialogues, but for those
that number the references of one, as `test_0_1 … test_0_3` do. Without ids, rows are joined only where the whole table
is made of runs of rows that follow each other and for which every system wrote the same. What was done is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from dialora.config import OutputsConfig
from dialora.data.reading.rows import DialogueRow
from dialora.errors import DataError

Texts = tuple[str, ...]
_NUMBERED = re.compile(r"(.*\d)[_-](0|[1-9]\d*)", re.DOTALL)
"""A number of a numbered dialogue: `test_0_1` and not `dialogue_1`."""


def find_keys(rows: Sequence[DialogueRow], written: Sequence[Texts], notes: list[str]) -> list[str]:
    """Return for each row what tells its dialogue from others; `written` is what every system wrote of each row."""
    if any(row.dialogue for row in rows):
        return [row.dialogue for row in rows]
    places = [f"row {at + 1}" for at in range(len(rows))]
    if any(row.id for row in rows):
        keys = [row.id or place for row, place in zip(rows, places, strict=True)]
        keys = _join_numbered(keys, written, notes)
        if len(set(keys)) < len(rows):
            notes.append(f"{len(rows):,} rows with {len(set(keys)):,} different ids are {len(set(keys)):,} dialogues.")
        return keys
    firsts = _find_runs(written)
    count = len(set(firsts))
    if count < len(rows):
        notes.append(
            f"{len(rows):,} rows are taken for {count:,} dialogues: rows that follow each other, and for which every "
            "system wrote the same, are one dialogue with several references. `--set outputs.dialogues=DATA` or a "
            "column of dialogues or ids says it for sure."
        )
    else:
        notes.append("Nothing says which rows share a dialogue, so each row counts as a dialogue of its own.")
    return [places[first] for first in firsts]


def collect_summaries(keys: Sequence[str], written: Sequence[Texts], systems: Sequence[str]) -> dict[str, Texts]:
    """Return what every system wrote of each dialogue. Raises DataError where one wrote two things of one dialogue."""
    first: dict[str, int] = {}
    for at, (key, texts) in enumerate(zip(keys, written, strict=True)):
        if not key:
            continue
        before = first.setdefault(key, at)
        for name, text, other in zip(systems, texts, written[before], strict=True):
            if text != other:
                raise DataError(
                    f"rows {before + 1} and {at + 1}: one dialogue, but {name!r} wrote two different things of it. A "
                    "system is compared by one summary per dialogue: give several samples a column each. If they are "
                    "two dialogues, give them different ids, or leave the column of ids out."
                )
    return {key: written[at] for key, at in first.items()}


def join_dialogues(
    rows: list[DialogueRow], others: list[DialogueRow], config: OutputsConfig, notes: list[str]
) -> list[DialogueRow]:
    """Give each row its dialogue. Raises DataError where the two tables do not go together."""
    source = config.outputs.dialogues
    by_id = {other.id: other for other in others if other.id}
    if len(by_id) == len(others) and all(row.id in by_id for row in rows):
        pairs = [(row, by_id[row.id or ""]) for row in rows]
        how = "by id"
    elif len(rows) == len(others):
        pairs, how = list(zip(rows, others, strict=True)), "row by row"
    else:
        raise DataError(
            f"outputs.dialogues: {source} has {len(others):,} rows where {config.table} has {len(rows):,}; they must "
            "go together row by row, or by an id column that both have."
        )
    checked = [(row, other) for row, other in pairs if row.references and other.references]
    strange = sum(not set(row.references) & set(other.references) for row, other in checked)
    if 2 * strange > len(checked):
        raise DataError(
            f"outputs.dialogues: {strange:,} of {len(checked):,} rows of {config.table} have another reference than "
            f"{source} ({how}): the order is another, or the data are."
        )
    agree = f"; the references of {strange:,} rows differ" if strange else "; the references agree" if checked else ""
    notes.append(f"Dialogues joined from {Path(str(source)).name} {how}{agree}.")
    return [
        replace(
            row,
            id=row.id or other.id,
            dialogue=other.dialogue,
            topic=row.topic or other.topic,
            references=row.references or other.references,
        )
        for row, other in pairs
    ]


def _join_numbered(ids: list[str], written: Sequence[Texts], notes: list[str]) -> list[str]:
    """Return the ids' stems where the ids number the references of dialogues, or the ids as they are.

    They do where every stem's numbers run from 0 or 1 on, and every system wrote the same for all of them, which is
    not what it wrote for all other stems too.
    """
    matches = {id_: match for id_ in ids if (match := _NUMBERED.fullmatch(id_))}
    stems: dict[str, list[int]] = {}
    for match in matches.values():
        stems.setdefault(match[1], []).append(int(match[2]))
    by_stem: dict[str, set[Texts]] = {}
    for id_, texts in zip(ids, written, strict=True):
        if id_ in matches:
            by_stem.setdefault(matches[id_][1], set()).add(texts)
    if (
        len(matches) < len(set(ids))
        or len(stems) == len(matches)
        or not all(_is_numbering(numbers) for numbers in stems.values())
        or any(len(texts) > 1 for texts in by_stem.values())
        or not _differ(by_stem)
    ):
        return ids
    notes.append(
        f"Ids such as {', '.join(list(matches)[:2])} are read as the numbers of one dialogue's references: every "
        "system wrote the same for them."
    )
    return [matches[id_][1] for id_ in ids]


def _differ(by_stem: Mapping[str, set[Texts]]) -> bool:
    """Whether what was written tells dialogues apart: most of them have another summary than all others."""
    return 2 * len({text for texts in by_stem.values() for text in texts}) > len(by_stem) > 1


def _is_numbering(numbers: Sequence[int]) -> bool:
    return sorted(numbers) in ([*range(len(numbers))], [*range(1, len(numbers) + 1)])


def _find_runs(written: Sequence[Texts]) -> list[int]:
    """Return for each row the first one of its dialogue: of its run, where runs are what the table is made of."""
    runs = [[at for at, _ in rows] for _, rows in groupby(enumerate(written), key=lambda item: item[1])]
    # A system that writes nothing, or the same of everything, says nothing of which rows belong together; nor does one
    # that repeats itself now and then.
    told = [run for run in runs if len(run) > 1 and any(written[run[0]])]
    is_made_of_runs = 2 * sum(map(len, told)) > len(written)
    tells_apart = len(runs) > 1 and 10 * len({written[run[0]] for run in told}) >= 9 * len(told)
    firsts = [*range(len(written))]
    for run in told if is_made_of_runs and tells_apart else ():
        firsts[run[0] : run[-1] + 1] = [run[0]] * len(run)
    return firsts


__all__ = ["Texts", "collect_summaries", "find_keys", "join_dialogues"]

"""The data check as sentences and tables, built once for the terminal and the page. Takes a DataCheck."""

from __future__ import annotations

from dataclasses import replace

from dialora.data.quality import KINDS, DataCheck, Duplicates, Lengths
from dialora.report import numbers
from dialora.report.tables import Cell, Row, Table

NUM_IDS = 3


def describe_check(check: DataCheck) -> list[str]:
    """Return what matters most in a few sentences, the first of them the headline."""
    sentences = []
    across = {(item.a, item.b): item for item in check.duplicates}
    for split in ("test", "validation"):
        item = across.get(("train", split))
        if item is not None:
            sentences.append(
                f"{_count(item.concerned_b)} of {_count(item.total_b)} {split} dialogues stand in training too, the "
                "same or nearly."
            )
    train = across.get(("train", "train"))
    if train is not None:
        share = 100 * train.concerned_a / train.total_a
        sentences.append(f"{_count(train.concerned_a)} training dialogues ({share:.1f} %) have a near-duplicate there.")
    for what in ("dialogues", "references"):
        items = [lengths for lengths in check.lengths if lengths.what == what]
        cut = sum(lengths.longer_than[str(lengths.limit)] for lengths in items)
        if cut:
            total, limit = sum(lengths.count for lengths in items), items[0].limit
            sentences.append(f"{_count(cut)} of {_count(total)} {what} exceed {_count(limit)} tokens and would be cut.")
    counts: dict[str, int] = {}
    for finding in check.findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + len(finding.ids)
    found = [f"{_lower(KINDS[kind])} ({_count(count)})" for kind, count in counts.items() if count]
    sentences.append(f"Also found: {'; '.join(found)}." if found else "The other checks found nothing.")
    return sentences


def describe_reading(check: DataCheck) -> list[str]:
    """Return what was done to the data, in sentences: which columns were read, and everything noted on the way."""
    by_columns: dict[str, list[str]] = {}
    for split, roles in check.columns.items():
        read = "; ".join(f"{role} from {', '.join(repr(name) for name in names)}" for role, names in roles.items())
        by_columns.setdefault(read, []).append(split)
    return [f"{', '.join(splits)}: {read}." for read, splits in by_columns.items()] + list(check.notes)


def build_tables(check: DataCheck) -> dict[str, Table]:
    """Return every table by its key."""
    tables = [
        _build_sizes_table(check),
        _build_lengths_table(check),
        _build_truncation_table(check, "dialogues"),
        _build_truncation_table(check, "references"),
        _build_duplicates_table(check),
        _build_findings_table(check),
    ]
    return {table.key: table for table in tables}


def _build_sizes_table(check: DataCheck) -> Table:
    rows = [
        Row(
            (
                Cell(split),
                *(Cell(_count(counts[name])) for name in ("rows", "examples", "references", "merged_rows")),
                Cell(_count(sum(counts["skipped"].values()))),
            )
        )
        for split, counts in check.splits.items()
    ]
    columns = ("Split", "Rows", "Dialogues", "References", "Merged rows", "Skipped rows")
    footnote = "Rows with the same dialogue are one dialogue with several references: merged rows are the further ones."
    return Table("sizes", "Sizes", columns, tuple(rows), footnote)


def _build_lengths_table(check: DataCheck) -> Table:
    rows = [
        Row((Cell(f"{item.split} {item.what}"), _lengths_cell(item.words), _lengths_cell(item.tokens)))
        for item in check.lengths
    ]
    footnote = (
        "The median / what 95 % do not exceed / the longest. Words by white space; tokens of "
        f"{check.tokenizer}, a dialogue with its prompt, a reference with the end token."
    )
    return Table("lengths", "Lengths", ("Lengths", "Words", "Tokens"), tuple(rows), footnote)


def _lengths_cell(values: dict[str, float]) -> Cell:
    return Cell(" / ".join(_count(round(values[name])) for name in ("median", "p95", "max")))


def _build_truncation_table(check: DataCheck, what: str) -> Table:
    items = [item for item in check.lengths if item.what == what]
    limits = list(items[0].longer_than) if items else []
    rows = [Row((Cell(item.split), *(_truncation_cell(item, limit) for limit in limits))) for item in items]
    columns = ("Split", *(f"> {_count(int(limit))}" for limit in limits))
    option = "data.max_source_length" if what == "dialogues" else "data.max_target_length"
    given = _count(items[0].limit) if items else numbers.MISSING
    footnote = f"How many are longer than so many tokens, and would be cut. Bold: {option}, which is {given}."
    title = "Dialogues that would be cut" if what == "dialogues" else "References that would be cut"
    return Table(f"cut-{what}", title, columns, tuple(rows), footnote)


def _truncation_cell(item: Lengths, limit: str) -> Cell:
    count = item.longer_than[limit]
    share = (numbers.format_percent(100 * count / item.count),) if count else ()
    return Cell(_count(count), share, is_strong=limit == str(item.limit))


def _build_duplicates_table(check: DataCheck) -> Table:
    rows = []
    for item in check.duplicates:
        name = f"within {item.a}" if item.a == item.b else f"{item.a} – {item.b}"
        concerned = Cell(f"{_count(item.concerned_b)} of {_count(item.total_b)} {item.b}")
        if item.a != item.b:
            concerned = replace(concerned, details=(f"{_count(item.concerned_a)} of {_count(item.total_a)} {item.a}",))
        cells = (Cell(_count(len(item.identical))), Cell(_count(len(item.near))), concerned, _pair_ids(item))
        rows.append(Row((Cell(name), *cells)))
    footnote = (
        "The same: identical texts; within a split, dialogues of several rows, which are merged into one with several "
        "references. Nearly: pairs that share at least half of their word 8-grams (Jaccard), whatever the speakers, "
        "case and punctuation. Concerned: dialogues with either in the other split, or within their own a near one."
    )
    if not check.complete:
        footnote += " The search stopped at its limit of pairs; there are more."
    columns = ("Where", "The same", "Nearly", "Concerned", "For example")
    return Table("duplicates", "Within and across splits", columns, tuple(rows), footnote, text_columns=columns[-1:])


def _pair_ids(item: Duplicates) -> Cell:
    shown = [f"{a} = {b}" if a != b or item.a != item.b else a for a, b in item.identical]
    near = [f"{pair.a} ≈ {pair.b}" for pair in sorted(item.near, key=lambda pair: -pair.similarity)]
    return Cell(", ".join([*near, *shown][:2]) or numbers.MISSING)


def _build_findings_table(check: DataCheck) -> Table:
    splits = list(check.splits)
    rows = []
    for kind, title in KINDS.items():
        found = {finding.split: finding for finding in check.findings if finding.kind == kind}
        cells = [
            Cell(_count(len(found[split].ids)), is_strong=bool(found[split].ids))
            if split in found
            else Cell(numbers.MISSING)
            for split in splits
        ]
        ids = [id_ for finding in found.values() for id_ in finding.ids]
        more = ", …" if len(ids) > NUM_IDS else ""
        rows.append(Row((Cell(title), *cells, Cell((", ".join(ids[:NUM_IDS]) + more) or numbers.MISSING))))
    footnote = "Dialogues concerned; for rows without text, rows."
    columns = ("Finding", *splits, "For example")
    return Table("findings", "In dialogues and references", columns, tuple(rows), footnote, text_columns=columns[-1:])


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _count(value: int) -> str:
    return numbers.format_count(value)


__all__ = ["build_tables", "describe_check", "describe_reading"]

"""Workbooks of Excel: read as a CSV file of the sheet would be, or refused in one line."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from dialora.cli import main
from dialora.config import DataConfig, load_outputs_config
from dialora.data.examples import load_dataset
from dialora.data.reading.tables import stream_dialogues
from dialora.data.sources import load_rows
from dialora.errors import DataError
from dialora.outputs import load_outputs

pytest.importorskip("python_calamine")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEADER = ["id", "dialogue", "summary"]
ROWS = [[f"n{at}", f"Gwen: Is it {at}?\nHal: Yes, {at}.", f"Hal says that it is {at}."] for at in range(12)]
HIDDEN = ' state="hidden"'
Sheet = Sequence[Sequence[Any]]


def make_cell(place: str, value: Any) -> str:
    """A cell; a date is what counts 45,413 days to 2024-05-01, in a style that shows it as one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    if value == "date":
        return f'<c r="{place}" s="1"><v>45413</v></c>'
    if value.startswith("#"):
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


def make_sheet(rows: Sheet, merged: Sequence[str] = ()) -> str:
    lines = [
        f'<row r="{at}">{"".join(make_cell(f"{chr(65 + col)}{at}", value) for col, value in enumerate(row))}</row>'
        for at, row in enumerate(rows, start=1)
    ]
    cells = "".join(f'<mergeCell ref="{place}"/>' for place in merged)
    merges = f"<mergeCells>{cells}</mergeCells>" if cells else ""
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData>{merges}</worksheet>'


def save(path: Path, sheets: dict[str, Sheet | str], *, hidden: Sequence[str] = ()) -> Path:
    """Write a workbook as small as it can be."""
    kinds = ["officeDocument", *(["worksheet"] * len(sheets)), "styles"]
    targets = ["xl/workbook.xml", *(f"worksheets/{at}.xml" for at in range(len(sheets))), "styles.xml"]
    links = [
        f'<Relationship Id="r{at}" Type="{LINKS}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(zip(kinds, targets, strict=True))
    ]
    entries = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="r{at}"{HIDDEN * (name in hidden)}/>'
        for at, name in enumerate(sheets, start=1)
    )
    styles = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}">{links[0]}</Relationships>')
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}">{"".join(links[1:])}</Relationships>'
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{entries}</sheets></workbook>'
        )
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>')
        for at, sheet in enumerate(sheets.values()):
            archive.writestr(f"xl/worksheets/{at}.xml", sheet if isinstance(sheet, str) else make_sheet(sheet))
    return path


def read(path: Path) -> tuple[list[tuple[str | None, str, tuple[str, ...]]], tuple[str, ...]]:
    """Return a test file's ids, dialogues and references, and the notes."""
    found = load_rows(DataConfig(source=str(path)))
    return [(row.id, row.dialogue, row.references) for row in found.splits["test"]], found.notes


def test_a_workbook_is_data_a_table_to_summarize_and_outputs(tmp_path: Path) -> None:
    path = save(tmp_path / "chats.xlsx", {"Sheet1": [HEADER, *ROWS], "Sheet2": []})
    data = load_dataset(DataConfig(source=str(path)))
    assert len(data.train) + len(data.validation) + len(data.test) == len(ROWS)
    streamed = [(item.id, item.dialogue) for item in stream_dialogues(path, DataConfig(source="x"))]
    assert streamed == [(id_, dialogue) for id_, dialogue, _ in ROWS]
    assert main(["data", "check", str(path), "--output", str(tmp_path / "out")]) == 0
    table = save(
        tmp_path / "o.xlsx",
        {"Sheet1": [["id", "reference", "bart"], ["1", "Ann left.", "Ann went."], ["2", "Bo ate.", None]]},
    )
    outputs = load_outputs(load_outputs_config(table))
    assert [one.key for one in outputs.systems] == ["bart"]
    assert outputs.systems[0].summaries == ("Ann went.", "")
    assert [example.references for example in outputs.examples] == [("Ann left.",), ("Bo ate.",)]


def test_a_workbook_may_be_packed(tmp_path: Path) -> None:
    path = save(tmp_path / "test.xlsx", {"a": [HEADER, *ROWS]})
    packed = tmp_path / "test.xlsx.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed)[0] == read(path)[0]


def test_cells_are_what_excel_shows(tmp_path: Path) -> None:
    header = ["dialogue", "summary", "id"]
    cells = [12, 12.5, True, "date", "007", 0.1 + 0.2, "#N/A", None]
    path = save(tmp_path / "test.xlsx", {"a": [header, *([f"A: {at}", "s", cell] for at, cell in enumerate(cells))]})
    assert [id_ for id_, *_ in read(path)[0]] == ["12", "12.5", "TRUE", "2024-05-01", "007", "0.3", None, None]
    numbers = save(tmp_path / "test-2.xlsx", {"a": [header, ["A: b", 7]]})
    assert read(numbers)[0] == [(None, "A: b", ("7",))]


def test_titles_gaps_and_an_offset_do_not_matter(tmp_path: Path) -> None:
    rows = [[None], [None, "Chats of May"], [None], [None, *HEADER], [None, *ROWS[0]], [None], [None, *ROWS[1]]]
    found, notes = read(save(tmp_path / "test.xlsx", {"a": rows}))
    assert found == [(id_, dialogue, (summary,)) for id_, dialogue, summary in ROWS[:2]]
    assert any("2 rows above the header are left out" in note for note in notes)


def test_a_cell_merged_over_rows_counts_in_each(tmp_path: Path) -> None:
    rows = [HEADER, ["a", "A: b", "s"], [None, None, "t"], ["c", "C: d", "u"]]
    found, notes = read(save(tmp_path / "test.xlsx", {"a": make_sheet(rows, ["A2:A3", "B2:B3"])}))
    assert found == [("a", "A: b", ("s",)), ("a", "A: b", ("t",)), ("c", "C: d", ("u",))]
    assert any("merged over several rows, each read in all of them: 2" in note for note in notes)


def test_sheets_called_like_splits_are_splits(tmp_path: Path) -> None:
    sheets = {
        "Notes": [["about"], ["mine"]],
        "Train": [HEADER, *ROWS[:8]],
        "validation": [HEADER, *ROWS[8:10]],
        "test": [HEADER, *ROWS[10:]],
    }
    data = load_dataset(DataConfig(source=str(save(tmp_path / "all.xlsx", sheets))))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [8, 2, 2]
    assert any("left out: 'Notes'" in note for note in data.summary.notes)
    with pytest.raises(DataError, match="holds several splits"):
        list(stream_dialogues(tmp_path / "all.xlsx", DataConfig(source="x")))


def test_a_file_of_one_split_may_call_its_sheet_so(tmp_path: Path) -> None:
    for split, rows in (("train", ROWS[:8]), ("validation", ROWS[8:10]), ("test", ROWS[10:])):
        save(tmp_path / f"{split}.xlsx", {split: [HEADER, *rows]})
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [8, 2, 2]


def test_the_one_sheet_that_is_a_table_is_read(tmp_path: Path) -> None:
    sheets = {"About": [["author", "text"], ["me", "note"]], "Data": [HEADER, *ROWS], "Old": [HEADER, *ROWS[:2]]}
    found, notes = read(save(tmp_path / "test.xlsx", sheets, hidden=["Old"]))
    assert len(found) == len(ROWS)
    assert any("'Data'; left out: 'About', 'Old' (hidden)" in note for note in notes)


@pytest.mark.parametrize(
    ("sheets", "reason"),
    [
        ({"May": [HEADER, *ROWS], "June": [HEADER, *ROWS]}, "several sheets could be the table: 'May', 'June'"),
        ({"a": [["x"], ["y"]], "b": [["z"], ["y"]]}, "none of its sheets has a column with a usual name"),
        ({"a": [HEADER]}, "has no rows"),
        ({"a": []}, "has no rows"),
        ({"a": [["dialogue", "dialogue"], ["a", "b"]]}, "sheet 'a', row 1: two columns are called 'dialogue'"),
        ({"a": [HEADER, *ROWS, HEADER]}, "sheet 'a', row 14: repeats the header"),
        ({"a": make_sheet([["chat", "summary", None], ["a", "b", "c"]], ["B1:C1"])}, "merged over several columns"),
        ({"a": f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576">'
          '<c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'}, "1,048,576 rows and 16,384 columns"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sheets: dict[str, Sheet | str], reason: str
) -> None:
    path = save(tmp_path / "test.xlsx", sheets)
    assert main(["data", "check", str(path), "--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["half", "one byte", "other archive", "text", "old", "encrypted", "empty"])
def test_what_is_no_workbook_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    path = save(tmp_path / "test.xlsx", {"a": [HEADER, *ROWS]})
    whole = path.read_bytes()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("content.xml", "<broken")
    contents = {
        "half": whole[: len(whole) // 2],
        "one byte": whole.replace(b"Hal says", b"Hal sags", 1),
        "other archive": (tmp_path / "other.zip").read_bytes(),
        "text": b"dialogue,summary\na,b\n",
        "old": b"\xd0\xcf\x11\xe0" + bytes(2000),
        "encrypted": b"\xd0\xcf\x11\xe0" + bytes(500) + "EncryptedPackage".encode("utf-16-le") + bytes(500),
        "empty": b"",
    }
    path.write_bytes(contents[kind])
    for command in (["data", "check"], ["score"]):
        assert main([*command, str(path), "--output", str(tmp_path / "out")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "save it again as .xlsx" in line
        assert ("is encrypted" in line) == (kind == "encrypted")
    assert not (tmp_path / "out" / "results.json").exists()


def test_the_library_is_loaded_for_a_workbook_alone() -> None:
    code = "import sys, dialora.cli, dialora.data.reading.sources; print('python_calamine' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

"""Files and folders as people bring them: each is read, the same by every verb, or refused with one clear line."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.config import DataConfig
from dialora.data.examples import load_dataset
from dialora.data.reading.columns import (
    DIALOGUE_COLUMNS,
    ID_COLUMNS,
    OTHER_DIALOGUE_COLUMNS,
    OTHER_SUMMARY_COLUMNS,
    SUMMARY_COLUMNS,
)
from dialora.data.reading.formats import FORMATS
from dialora.data.reading.tables import stream_dialogues
from dialora.data.reading.turn_lists import SPEAKER_KEYS, TEXT_KEYS
from dialora.data.sources import load_rows
from dialora.errors import DataError

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("DIALORA_DATA", ROOT.parent / "shared" / "data")).parent / "cases"
KINDS = ("cell", "col", "csv", "dir", "enc", "hostile", "json", "lfs", "parquet", "val", "xlsx")
REFUSED = {
    "col_multiheader": "two columns are called 'text'",
    "col_no_header": "the first row looks like data",
    "csv_backslash_quotes": "is written twice",
    "csv_ragged": "4 cells where the header has 3",
    "csv_single_quote": "single quotes are no quotes",
    "dir_mixed_formats": "data.files",
    "dir_two_tests": "data.files",
    "dir_txt_pairs": "put them in a table with summaries",
    "enc_cp1252": "is not UTF-8",
    "enc_latin1": "is not UTF-8",
    "enc_zip": "unpack it",
    "hostile": "no split found",
    "json_lone_surrogate": "half a character",
    "json_messages": "give dialogue and summary a column each",
    "lfs_pointer_csv": "Git LFS",
    "lfs_pointer_json": "Git LFS",
    "lfs_pointer_parquet": "Git LFS",
    "val_dup_ids": "data.id_column: none",
    "val_dup_ids_all": "data.id_column: none",
    "val_numeric_summary": "must be text, got int",
    "xlsx": "is no whole workbook",
}
"""What is refused, and what the line has to say."""
SIZES = {
    "cell_reflist_json": (24, 48),
    "col_split_column": (20, 20),
    "dir_camel": (20, 20),
    "dir_save_to_disk": (20, 20),
    "dir_subfolders": (20, 20),
    "dir_train_test_in_name": (20, 20),
    "json_summary_dicts": (24, 48),
    "json_turns": (24, 48),
    "val_nan_text": (14, 14),
}
"""Training dialogues and references of some of the others."""


def list_cases() -> list[str]:
    found = sorted(path.name for path in CASES.iterdir()) if CASES.is_dir() else []
    return [name for name in found if name.split("_")[0] in KINDS]


def find_source(name: str) -> Path:
    """Return a case's file, or its folder where that holds several."""
    files = list((CASES / name).iterdir())
    return files[0] if len(files) == 1 and files[0].is_file() else CASES / name


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here (set DIALORA_DATA)")
def test_the_data_check_reads_or_refuses_every_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in list_cases():
        code = main(["data", "check", str(find_source(name)), "--output", str(tmp_path / name)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err, name
        if name in REFUSED:
            (line,) = printed.err.splitlines()
            assert (code, REFUSED[name] in line) == (2, True), (name, line)
            assert not (tmp_path / name).exists(), "nothing half-written"
        else:
            assert code == 0, (name, printed.err)
            assert "What was done to the data:" in printed.out, name


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here (set DIALORA_DATA)")
def test_every_case_is_read_the_same_to_train_on_and_to_summarize() -> None:
    for name in list_cases():
        source = find_source(name)
        config = DataConfig(source=str(source))
        try:
            rows = load_rows(config).splits
        except DataError:
            continue
        if name in SIZES:
            size = (
                len([row for row in rows["train"] if row.references]),
                sum(len(row.references) for row in rows["train"]),
            )
            assert size == SIZES[name], name
        if source.is_file():
            numbered = {row.index: row.dialogue for own in rows.values() for row in own}
            streamed = [item.dialogue for item in stream_dialogues(source, config)]
            assert streamed == [numbered[at] for at in range(len(streamed))], name
            lines = {dialogue.count("\n") for dialogue in streamed if dialogue}
            assert name in ("val_long", "json_u2028", "val_chinese") or lines == {3}, name


def write_example(folder: Path, name: str, content: str) -> Path:
    """Write one of the page's files, or run the program that makes a folder; return what is to be read."""
    if name.endswith("/"):
        subprocess.run([sys.executable, "-c", content], cwd=folder, check=True, capture_output=True)
        return folder / name
    path = folder / (name if "/" in name else f"test.{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return folder / name.split("/")[0] if "/" in name else path


def test_every_example_of_the_page_is_read_as_it_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w+ (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    # A folder is read once all its files are there.
    sources = dict.fromkeys([write_example(tmp_path, name, content) for name, content in blocks])
    assert {".gz", ".csv", ".jsonl", ""} <= {path.suffix for path in sources}
    assert len(sources) >= 12
    for path in sources:
        data = load_dataset(DataConfig(source=str(path)), needs_train=False)
        assert [example.dialogue for example in data.test] == ["Gwen: Is it late?\nHal: Nine."], path.name
        assert data.test[0].references[0] == "Hal tells Gwen that it is nine.", path.name
        assert bool(data.train) == (path.is_dir() and (path / "train").is_dir()), path.name


def test_the_page_lists_every_name_that_is_recognised() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    columns = {*DIALOGUE_COLUMNS, *OTHER_DIALOGUE_COLUMNS, *SUMMARY_COLUMNS, *OTHER_SUMMARY_COLUMNS, *ID_COLUMNS}
    names = {*columns, *TEXT_KEYS, *SPEAKER_KEYS, *(f"`{suffix}`" for suffix in FORMATS)}
    assert [name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", page)] == []
    options = (
        "name",
        "files",
        "split_column",
        "dialogue_column",
        "summary_columns",
        "turn_text_key",
        "turn_speaker_key",
    )
    assert [option for option in options if f"data.{option}" not in page] == []

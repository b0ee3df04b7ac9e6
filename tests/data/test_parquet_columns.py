"""Columns of Parquet and Arrow files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import dialora
from dialora.data.reading.formats import find_format
from dialora.errors import DataError

TWICE = pa.table(
    [pa.array(["A: one."]), pa.array(["one"]), pa.array(["A: two."])], names=["dialogue", "summary", "dialogue"]
)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_two_columns_of_one_name_are_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        parquet.write_table(TWICE, path)
    else:
        with pa.ipc.new_file(path, TWICE.schema) as file:
            file.write_table(TWICE)
    with pytest.raises(DataError, match=rf"{name}: two columns are called 'dialogue'; rename one\."):
        list(find_format(path, needs_summaries=False).stream(path))


def test_a_table_with_two_of_a_name_is_no_data(tmp_path: Path) -> None:
    parquet.write_table(TWICE, tmp_path / "test.parquet")
    with pytest.raises(dialora.DialoraError, match="two columns are called 'dialogue'"):
        dialora.check_data(str(tmp_path))

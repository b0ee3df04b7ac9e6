"""Parts of tables that other programs cut up: the summaries that a file of them gets, beside their own columns."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import dialora
from dialora.api import summarize_files
from dialora.api import tables as tables_module
from dialora.errors import DialoraError
from tests.systems.support import Echo

NEW = ["summary", "finish_reason", "num_parts", "truncated", "unsupported_names"]
TALKS = ["#Person1#: Number one.\n#Person2#: Yes, Zoë.", "", "#Person1#: " + "Well, well. " * 60, None, "Tom: 👍"]
TABLE = pa.table({"id": [f"d{n}" for n in range(5)], "dialogue": TALKS, "kept": [[1, 2], [], None, [3], [4]]})
KINDS: dict[str, tuple[Callable[[pa.Table], Any], Callable[[Any], list[dict]]]] = {
    "arrow": (lambda table: table, lambda table: table.to_pylist()),
    "record batch": (lambda table: table.combine_chunks().to_batches()[0], lambda batch: batch.to_pylist()),
    "pandas": (lambda table: table.to_pandas(), lambda frame: frame.to_dict("records")),
    "numpy": (
        lambda table: {name: np.array(table[name].to_pylist(), dtype=object) for name in table.column_names},
        lambda columns: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    ),
}


pytestmark = pytest.mark.usefixtures("no_table_system")


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_comes_back_as_what_it_was_with_the_summaries_of_a_file(
    summarize: dialora.TableSummarizer, root: Path, tmp_path: Path, kind: str
) -> None:
    parquet.write_table(TABLE, tmp_path / "t.parquet")
    summarize_files(tmp_path / "t.parquet", output=tmp_path / "out.jsonl", system=root, method="lora")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    build, read = KINDS[kind]
    given = build(TABLE)
    made = summarize(given)
    assert type(made) is type(given)
    found = read(made)
    assert list(found[0]) == ["id", "dialogue", "kept", *NEW]
    assert [{name: row[name] for name in ("id", *NEW)} for row in found] == [
        {name: row[name] for name in ("id", *NEW)} for row in rows
    ]
    assert [row["dialogue"] or None for row in found if isinstance(row["dialogue"], str)] == [
        talk or None for talk in TALKS if talk is not None
    ]
    assert [row["finish_reason"] for row in found] == ["stop", "empty", "stop", "empty", "stop"]


def test_the_schema_is_known_before(summarize: dialora.TableSummarizer) -> None:
    assert summarize(TABLE).schema == summarize.schema(TABLE.schema)
    empty = summarize(TABLE.slice(0, 0))
    assert (empty.num_rows, empty.schema) == (0, summarize.schema(TABLE.schema))


def test_turns_in_lists_are_read_whatever_holds_them(summarize: dialora.TableSummarizer) -> None:
    turns = [[{"speaker": "Anna", "text": "Nine?"}, {"speaker": "Bob", "text": "Yes."}]]
    lines = summarize({"dialogue": np.array(["Anna: Nine?\nBob: Yes."], object)})["summary"]
    table = pa.table({"dialogue": turns})
    assert [summarize(table)["summary"].to_pylist(), list(summarize(table.to_pandas())["summary"])] == [list(lines)] * 2


def test_a_frame_keeps_its_index(summarize: dialora.TableSummarizer) -> None:
    frame = pd.DataFrame({"dialogue": ["A: one.", "B: two."]}, index=["x", "y"])
    assert list(summarize(frame).index) == ["x", "y"]
    assert list(frame.columns) == ["dialogue"]  # what was given is as it was


def test_columns_that_are_there_are_never_written_over(root: Path, echo: Echo) -> None:
    table = pa.table({"dialogue": ["A: one."], "summary": ["A reference."]})
    with pytest.raises(DialoraError, match=r"'summary' already.*prefix"):
        dialora.TableSummarizer(root, method="lora")(table)
    made = dialora.TableSummarizer(root, method="lora", prefix="made_")(table)
    assert made.column_names == ["dialogue", "summary", *(f"made_{name}" for name in NEW)]
    assert made["summary"].to_pylist() == ["A reference."]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"words": ["a"]}), "no dialogue column"),
        (pa.table({"dialogue": [5]}), "row 1: the dialogue must be text, got int"),
        ({"dialogue": ["a", "b"], "id": ["x"]}, "not of one length"),
        ([{"dialogue": "a"}], "got list; give an Arrow table"),
        ("Anna: hi", "got str"),
    ],
)
def test_what_is_no_table_of_dialogues_is_a_line(summarize: dialora.TableSummarizer, table: Any, message: str) -> None:
    with pytest.raises(DialoraError, match=message) as found:
        summarize(table)
    assert "\n" not in str(found.value)


def test_a_column_may_be_named(root: Path, echo: Echo) -> None:
    table = pa.table({"dialogue": ["A: other words here."], "said": ["A: one."]})
    named = dialora.TableSummarizer(root, method="lora", set=["data.dialogue_column=said"])
    plain = dialora.TableSummarizer(root, method="lora")
    assert named(table)["summary"] != plain(table)["summary"]
    with pytest.raises(DialoraError, match="'said' is not a column"):
        named(table.drop_columns("said"))


def test_it_travels_and_a_process_loads_its_system_once(
    root: Path, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    sent = pickle.dumps(dialora.TableSummarizer(root.name, method="lora", set={"decoding.max_new_tokens": 5}))
    assert len(sent) < 4096
    monkeypatch.chdir(tmp_path)
    parts = [pickle.loads(sent)(TABLE) for _ in range(3)]
    assert parts[0] == parts[1] == parts[2]
    assert tables_module._open.cache_info().misses == 1
    assert list(pickle.loads(sent).stream([TABLE, TABLE])) == parts[:2]


def test_a_system_that_is_another_where_a_worker_looks_is_refused(
    root: Path, echo: Echo, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.systems import System

    sent = pickle.dumps(dialora.TableSummarizer(root, method="lora"))
    monkeypatch.setattr(System, "identity", property(lambda self: "another"))
    with pytest.raises(DialoraError, match="is another where a worker looks"):
        pickle.loads(sent)(TABLE)

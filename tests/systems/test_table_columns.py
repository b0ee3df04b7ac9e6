"""Tables as other programs hold them in memory: what is read of them, and what is refused in a line."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import dialora
from dialora.api import tables as tables_module
from dialora.errors import ConfigError, DataError, DialoraError
from dialora.systems import System, find_system
from tests.systems.support import Echo

TALK = "Anna: Shall we go?\nBob: Yes, at nine."


pytestmark = pytest.mark.usefixtures("no_table_system")


@pytest.mark.parametrize("row", [{"dialogue": TALK}, {"dialogue": TALK, "n": 5}, {"dialogue": np.array(TALK)}])
def test_a_single_row_is_no_table_of_its_characters(summarize: dialora.TableSummarizer, row: Any) -> None:
    with pytest.raises(DataError, match=r"^table: column '\w+' is (str|int|ndarray); give an array or a list"):
        summarize(row)


def test_a_column_that_can_be_read_once_is_refused(summarize: dialora.TableSummarizer) -> None:
    with pytest.raises(DataError, match="'dialogue' is generator"):
        summarize({"dialogue": (talk for talk in [TALK])})


TWICE = [
    pa.Table.from_arrays([pa.array([TALK]), pa.array(["B: no."])], names=["dialogue", "dialogue"]),
    pd.DataFrame([[TALK, "B: no."]], columns=["dialogue", "dialogue"]),
]


@pytest.mark.parametrize("table", TWICE, ids=["arrow", "pandas"])
def test_of_two_dialogue_columns_of_one_name_none_is_guessed(summarize: dialora.TableSummarizer, table: Any) -> None:
    with pytest.raises(DataError, match="has 2 columns 'dialogue'; rename all but one"):
        summarize(table)


def test_other_columns_of_one_name_stay(summarize: dialora.TableSummarizer) -> None:
    frame = pd.DataFrame([[TALK, 1, 2]], columns=["dialogue", "n", "n"])
    made = summarize(frame)
    assert made.iloc[0, :3].tolist() == [TALK, 1, 2]
    assert made["summary"].tolist() == summarize(pa.table({"dialogue": [TALK]}))["summary"].to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pd.array([TALK, None], dtype="string"),
        pd.array([TALK, pd.NA], dtype=pd.ArrowDtype(pa.string())),
        pd.Categorical([TALK, None]),
        pd.Series([TALK, pd.NaT], dtype=object),
        pd.Series([TALK, pd.NA], dtype=object),
    ],
    ids=["string", "arrow", "categorical", "nat", "na"],
)
def test_whatever_pandas_calls_nothing_is_an_empty_dialogue(summarize: dialora.TableSummarizer, column: Any) -> None:
    assert summarize(pd.DataFrame({"dialogue": column}))["finish_reason"].tolist() == ["stop", "empty"]


def test_what_python_has_no_value_for_passes_where_nobody_asks_for_it(summarize: dialora.TableSummarizer) -> None:
    cut = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    table = pa.table({"dialogue": [TALK], "at": pa.array([2**62], pa.timestamp("s")), "cut": cut})
    made = summarize(table)
    assert made.select(["dialogue", "at", "cut"]).equals(table)
    assert made["finish_reason"].to_pylist() == ["stop"]
    with pytest.raises(DataError, match="column 'dialogue': a text is not UTF-8"):
        summarize(pa.table({"dialogue": cut}))


@pytest.mark.parametrize("kind", ["pandas", "numpy"])
def test_a_part_without_rows_has_the_types_of_one_with_some(summarize: dialora.TableSummarizer, kind: str) -> None:
    def build(talks: list[str]) -> Any:
        return pd.DataFrame({"dialogue": talks}) if kind == "pandas" else {"dialogue": np.array(talks, object)}

    some, none = summarize(build([TALK])), summarize(build([]))
    kinds = {name: some[name].dtype for name in some if name != "dialogue"}
    assert {name: none[name].dtype for name in kinds} == kinds
    assert (kinds["num_parts"], kinds["truncated"]) == ("int64", "bool")


def test_systems_in_turn_are_loaded_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[str]()

    def open_engine(self: System, *_: object) -> Echo:
        opened.append(self.key)
        return Echo()

    monkeypatch.setattr(System, "open_engine", open_engine)
    pair = [dialora.TableSummarizer(root, method=method) for method in ("lora", "zero_shot")]
    for one in (*pair, *pair, *pair):
        one(pa.table({"dialogue": [TALK]}))
    assert sorted(opened) == ["lora", "zero_shot"]


def test_a_run_is_no_hub_id_of_its_name(
    root: Path, tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tiny").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_text("a file is no system")
    assert tables_module._find_absolute("tiny") == str(tmp_path / "runs" / "tiny")
    (tmp_path / "runs" / "owner" / "model").mkdir(parents=True)
    assert tables_module._find_absolute("owner/model") == "owner/model"


def test_what_no_process_could_find_or_name_is_a_line(root: Path) -> None:
    with pytest.raises(ConfigError, match="by its folder or name; give that"):
        dialora.TableSummarizer(replace(find_system(root, method="lora"), asked_for=None))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="prefix: got int"):
        dialora.TableSummarizer(root, method="lora", prefix=5)  # type: ignore[arg-type]


def test_what_a_worker_elsewhere_does_not_find_is_told_with_where_it_was_found(
    root: Path, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(root, tmp_path / "run")
    summarize = dialora.TableSummarizer(tmp_path / "run", method="lora")
    made_in = os.getcwd()
    (tmp_path / "run").rename(tmp_path / "away")
    with pytest.raises(DialoraError, match="no such folder") as here:
        summarize(pa.table({"dialogue": [TALK]}))
    assert made_in not in str(here.value)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DialoraError, match="no such folder") as elsewhere:
        summarize(pa.table({"dialogue": [TALK]}))
    assert f"the system was found from {made_in}. Give folders, also its base's, by absolute paths" in str(
        elsewhere.value
    )

"""Nothing of anybody's data steers a terminal, reorders a line or breaks a file: not in any place where it is shown."""

import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main
from dialora.cli.printing import print_json, print_rows
from dialora.experiment.progress import ProgressDisplay
from dialora.printable import clean, clean_all, clean_message, escape_json, join_words
from dialora.report import render_report
from dialora.systems.output import _lines
from tests.report.test_report import build_comparison, build_document, print_to_text

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x1b[2J \x9b31m \x00\x08\r\x7f \u202eRTL\u202c \u2066iso\u2069 \ud800"
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def test_what_is_unsafe_is_shown_as_its_escape() -> None:
    assert clean("a\x1b[31mb\u202ec\ud800") == r"a\x1b[31mb\u202ec\ud800"
    assert not UNSAFE.search(clean(ESCAPES))
    for text in ("plain\tand\nlines", "小明：😀", "مرحبا \u200f!", "é \u2028", "\\x1b"):
        assert clean(text) == text


def test_words_are_listed_as_a_sentence_does() -> None:
    assert [join_words(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_values_without_anything_unsafe_come_back_themselves() -> None:
    document = build_document()
    assert clean_all(document) is document
    dirty = dataclasses.replace(document, notes=("a\x1b",), environment={"os\x9b": "x"})
    assert clean_all(dirty).notes == (r"a\x1b",)
    assert clean_all(dirty).environment == {r"os\x9b": "x"}
    assert clean_all(dirty).comparison is document.comparison


def test_json_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    text = escape_json(json.dumps([ESCAPES], ensure_ascii=False))
    assert json.loads(text) == [ESCAPES]
    print_json({"x": ESCAPES})
    shown = capsys.readouterr().out
    assert not UNSAFE.search(shown)
    assert json.loads(shown) == {"x": ESCAPES}


def build_hostile() -> Any:
    """A report in which every text of data is hostile."""
    comparison = build_comparison({"zero_shot": f"A{ESCAPES}", "full": f"B{ESCAPES}", "lora": "C"})
    document = build_document(comparison=dataclasses.replace(comparison, experiment=f"x{ESCAPES}"))
    examples = tuple(
        dataclasses.replace(
            one,
            id=one.id + ESCAPES,
            topic=ESCAPES,
            dialogue=one.dialogue + ESCAPES,
            references=(ESCAPES,),
            summaries={key: text + ESCAPES for key, text in one.summaries.items()},
        )
        for one in document.examples
    )
    curves = tuple(dataclasses.replace(curve, label=f"B{ESCAPES}") for curve in document.curves)
    data = document.data | {"notes": [ESCAPES], "columns": {"test": {"dialogue": [ESCAPES]}}}
    texts = {"notes": (ESCAPES,), "config_yaml": f"name: {ESCAPES}", "environment": {"os": ESCAPES}}
    return dataclasses.replace(document, examples=examples, curves=curves, data=data, **texts)


def test_a_report_of_hostile_data_is_clean_everywhere(tmp_path: Path) -> None:
    document = build_hostile()
    render_report(document, tmp_path)
    written = [path for path in tmp_path.rglob("*") if path.suffix in (".md", ".html", ".svg")]
    assert {path.suffix for path in written} == {".md", ".html", ".svg"}
    for path in written:
        text = path.read_bytes().decode("utf-8")
        assert not UNSAFE.search(text), path.name
        if path.suffix == ".svg":
            ElementTree.fromstring(text)
    assert r"A\x1b[31mred" in (tmp_path / "figures" / "scores.svg").read_text(encoding="utf-8")
    assert not UNSAFE.search(print_to_text(document))


def test_names_stand_isolated_on_the_page(tmp_path: Path) -> None:
    comparison = build_comparison({"zero_shot": "نظام", "full": "B", "lora": "C"})
    render_report(build_document(comparison=comparison), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<bdi>نظام</bdi>" in page
    assert re.search(r"<bdi[^>]*>نظام − |<bdi>B − نظام</bdi>", page)


def test_tables_and_messages_of_the_command_line_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("t" + ESCAPES, ("a", "b"), [("[bold]x[/] [/]", "y" + ESCAPES)])
    shown = capsys.readouterr().out
    assert "[bold]x[/] [/]" in shown
    assert not UNSAFE.search(shown)
    with ProgressDisplay() as display:
        display({"event": "note", "message": ESCAPES})
    assert not UNSAFE.search(capsys.readouterr().err)


def test_an_error_is_clean_and_not_endless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "o.jsonl"
    row = {f"column {at} {ESCAPES.encode(errors='ignore').decode()}": "x" for at in range(2000)}
    table.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert main(["score", str(table), "--output", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr().err
    assert not UNSAFE.search(shown)
    assert len(shown) < 4096
    assert "Add a header such as" in shown
    assert clean_message("a\x85b\nc") == [r"a\x85b", "c"]


def test_summaries_are_written_clean() -> None:
    from dialora.systems.items import Item
    from dialora.systems.summary import Summary

    text = ESCAPES.replace("\ud800", "")
    items, made = [Item(1, text, text, "x")], [Summary(text, unsupported_names=(text,))]
    (line,) = _lines(items, made, ".csv")
    assert not UNSAFE.search(line.decode())
    (line,) = _lines(items, made, ".jsonl")
    assert not UNSAFE.search(line.decode())
    assert json.loads(line)["summary"] == text

"""A comparison with what it was reported from: the same JSON, the report's figures, tables for papers."""

from __future__ import annotations

import ast
import csv
import dataclasses
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from dialora.comparison import Comparison
from dialora.errors import ConfigError, StageError
from dialora.report import render_report
from dialora.report.comparison_stage import keep_comparison
from dialora.report.paper import escape_latex, find_clearly_best
from dialora.report.reported import ReportedComparison, find_comparison
from dialora.store import ExperimentFolder
from tests.conftest import ROOT
from tests.report.test_printable import UNSAFE, build_hostile
from tests.report.test_report import build_comparison, build_document

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENT = build_document()
REPORTED = ReportedComparison.of(DOCUMENT)


def test_it_is_the_comparison_with_the_same_json() -> None:
    assert isinstance(REPORTED, Comparison)
    assert REPORTED.to_json() == DOCUMENT.comparison.to_json()
    assert REPORTED.frame().equals(DOCUMENT.comparison.frame())
    assert "document" not in repr(REPORTED)


def test_a_loaded_one_is_the_same_but_for_losses(tmp_path: Path) -> None:
    keep_comparison(DOCUMENT, ExperimentFolder(tmp_path))
    loaded = ReportedComparison.load(tmp_path)
    assert json.dumps(loaded.to_json()) == json.dumps(REPORTED.to_json())
    assert str(loaded.examples(3)) == str(REPORTED.examples(3))
    assert loaded.plot("scores").svg == REPORTED.plot("scores").svg
    assert loaded.plot().names == ("scores", "tradeoff")
    with pytest.raises(ConfigError, match=r"no facts for 'loss' here.*There are: scores, tradeoff"):
        loaded.plot("loss")
    with pytest.raises(StageError, match="holds no finished comparison"):
        ReportedComparison.load(tmp_path / "nowhere")


def test_figures_are_the_reports(tmp_path: Path) -> None:
    render_report(DOCUMENT, tmp_path / "report")
    drawn = REPORTED.plot()
    drawn.save(tmp_path / "own")
    REPORTED.plot("loss").save(tmp_path / "one" / "loss.svg")
    written = {path.name: path.read_bytes() for path in (tmp_path / "report" / "figures").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "own").iterdir()} == written
    assert (tmp_path / "one" / "loss.svg").read_bytes() == written["loss.svg"]
    assert REPORTED.plot("loss")._repr_svg_().encode() == written["loss.svg"]
    assert drawn._repr_html_().count("<img") == len(drawn) == 3
    with pytest.raises(ConfigError, match="'lss' is no figure; did you mean 'loss'"):
        REPORTED.plot("lss")


def test_figures_of_hostile_names_are_clean() -> None:
    svg = ReportedComparison.of(build_hostile()).plot("scores").svg
    ElementTree.fromstring(svg)
    assert not UNSAFE.search(svg)


def test_only_what_is_clearly_best_is_bold() -> None:
    near = DOCUMENT.comparison
    assert find_clearly_best(near, "rouge1") == "full"
    unclear = tuple(
        dataclasses.replace(item, p_adjusted=0.4) if (item.a, item.b) == ("lora", "full") else item
        for item in near.comparisons
    )
    tied = ReportedComparison.of(
        dataclasses.replace(DOCUMENT, comparison=dataclasses.replace(near, comparisons=unclear))
    )
    assert r"\textbf{" in REPORTED.to_latex()
    assert "**" in REPORTED.to_markdown()
    assert r"\textbf{" not in tied.to_latex()
    assert "**" not in tied.to_markdown()


def test_the_latex_is_a_table_of_booktabs_with_intervals() -> None:
    text = REPORTED.to_latex(caption="50 % of A & B", label="tab:x\\y")
    lines = text.splitlines()
    rows = [line for line in lines if line.endswith(r"\\")]
    columns = re.search(r"\\begin\{tabular\}\{(l r*|lr*)\}", text)
    assert columns
    assert {row.replace(r"\&", "").count("&") for row in rows} == {len(columns[1]) - 1}
    assert rows[0].startswith("System & Trainable & Training & ROUGE-1")
    assert re.search(r"^PEFT & 3,538,944 & 31:20 & 0\.\d{4} \{\\footnotesize \[0\.\d+, 0\.\d+\]\}", text, re.M)
    assert r"\caption{50 \% of A \& B}" in text
    assert r"\label{tab:x-y}" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert r"\begin{table}" not in REPORTED.to_latex()


def test_latex_reads_a_name_as_it_is() -> None:
    assert escape_latex("a_b 5%\n\\x{y}$#~^&") == (
        r"a\_b 5\% \textbackslash{}x\{y\}\$\#\textasciitilde{}\textasciicircum{}\&"
    )
    assert escape_latex("[0.1] *") == "{}[0.1] *"
    comparison = build_comparison({"zero_shot": r"\input{/x}", "full": "[b] & c", "lora": "d\\\\e"})
    text = ReportedComparison.of(build_document(comparison=comparison)).to_latex()
    assert r"\input" not in text
    assert "\n{}[b] \\& c & " in text


def test_markdown_cannot_be_broken_by_a_name() -> None:
    comparison = build_comparison({"zero_shot": "a|b", "full": "<b>x</b>", "lora": "`c`"})
    text = ReportedComparison.of(build_document(comparison=comparison)).to_markdown()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert "<b>" not in text


def test_the_csv_is_the_frame_and_holds_no_formula(tmp_path: Path) -> None:
    comparison = build_comparison({"zero_shot": "=1+1", "full": "@x\ny", "lora": "plain, name"})
    reported = ReportedComparison.of(build_document(comparison=comparison))
    text = reported.to_csv()
    assert text is not None
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["system"] for row in rows] == ["'=1+1", "'@x y", "plain, name"]
    assert [row["trainable_params"] for row in rows] == ["247577856", "247577856", "3538944"]
    assert rows[0]["train_seconds"] == ""
    frame = reported.frame()
    assert [float(row["rouge1_low"]) for row in rows] == list(frame["rouge1_low"])
    assert reported.to_csv(tmp_path / "new" / "x.csv") is None
    assert (tmp_path / "new" / "x.csv").read_text(encoding="utf-8") == text


def test_the_readmes_lines_on_a_comparison_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "import dialora" in b)
    lines = [one for one in map(ast.unparse, ast.parse(block).body) if one.startswith("comparison.")]
    assert {line[11:].split("(")[0] for line in lines} == {"frame", "examples", "plot", "to_latex"}
    monkeypatch.chdir(tmp_path)
    for line in lines:
        eval(line, {"comparison": REPORTED})
    assert (tmp_path / "scores.svg").is_file()


def test_costs_that_cannot_be_compared_are_no_column() -> None:
    comparison = dataclasses.replace(build_comparison(), comparable_costs=False)
    assert "Training" not in ReportedComparison.of(build_document(comparison=comparison)).to_markdown()


def test_a_notebook_runs_nothing_of_a_verdict_or_name() -> None:
    comparison = build_comparison(
        {"zero_shot": "<script>a()</script>", "full": "<img src=x onerror=y>", "lora": "c\x1b"}
    )
    for one in (comparison, ReportedComparison.of(build_document(comparison=comparison))):
        page = one._repr_html_()
        assert "<script" not in page
        assert "<img" not in page
        assert not UNSAFE.search(page)
        assert "247,577,856" in page


def test_a_comparison_is_found_by_folder_experiment_or_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_comparison(tmp_path) == tmp_path
    assert find_comparison("seed") == Path("runs/seed")
    assert find_comparison("seed", {"name": "mine"}) == Path("runs/mine")
    (tmp_path / "own.yaml").write_text("data: {source: x}\nmethods: {zero_shot: {}}\n", encoding="utf-8")
    assert find_comparison(str(tmp_path / "own.yaml")) == Path("runs/own")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seed").mkdir()
    assert find_comparison("seed") == Path("seed")
    with pytest.raises(ConfigError, match="nowhere: no such folder, experiment file or shipped experiment"):
        find_comparison("nowhere")


def test_examples_and_tables_need_no_torch_and_no_matplotlib(tmp_path: Path) -> None:
    keep_comparison(DOCUMENT, ExperimentFolder(tmp_path))
    code = (
        "import sys, dialora; c = dialora.load_comparison(sys.argv[1]); "
        "str(c.examples(ids='test_1')); c.examples()._repr_html_(); c.to_latex(); c.to_markdown(); "
        "sys.exit(','.join({'torch', 'transformers', 'peft', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)

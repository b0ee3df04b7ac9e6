"""The report: complete, self-contained, safe with hostile text, and the same bytes every time."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from dialora.comparison import METRICS, Comparison, RunResult, SystemRuns, compare_systems
from dialora.config import ScoringConfig
from dialora.records import Cost, ExampleScores
from dialora.report import LossCurve, ReportDocument, ReportedExample, figures, print_report, render_report, stamp
from dialora.report.examples import build_browser_json, measure_disagreement, select_disagreements
from dialora.report.figures import smooth_losses
from dialora.report.markdown import escape_markdown
from dialora.report.palette import COLORS, GREY, build_styles, find_system
from dialora.report.provenance import build_data_facts, build_data_table

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> | `x` \u2028 <!-- <b>"
LABELS = {"zero_shot": "Original", "full": "Instruct", "lora": "PEFT"}
MEANS = {"zero_shot": 0.21, "full": 0.40, "lora": 0.39}
COSTS = {
    "zero_shot": Cost(trainable_params=247_577_856, total_params=247_577_856),
    "full": Cost(247_577_856, 247_577_856, train_seconds=2300.4, peak_memory_bytes=5 * 2**30, num_steps=400),
    "lora": Cost(3_538_944, 251_116_800, train_seconds=1879.6, peak_memory_bytes=700 * 2**20, num_steps=400),
}


def build_comparison(
    labels: dict[str, str] = LABELS, *, num_examples: int = 60, seeds: tuple[int, ...] = (0,)
) -> Comparison:
    """Compare systems with made-up scores; each system's scores scatter around its mean."""
    rng = np.random.default_rng(0)
    easy = rng.normal(0, 0.08, num_examples)
    systems = []
    for key, label in labels.items():
        method = key.split(".")[0]
        runs = []
        for seed in seeds if method != "zero_shot" else seeds[:1]:
            values = np.clip(MEANS[method] + easy + rng.normal(0, 0.03, num_examples), 0, 1)
            shares = zip(METRICS, (1, 0.42, 0.8, 0.801), strict=True)
            table = {metric: values * share for metric, share in shares}
            scores = tuple(
                ExampleScores(str(i), {metric: [float(column[i])] for metric, column in table.items()})
                for i in range(num_examples)
            )
            runs.append(RunResult(seed, COSTS[method], scores))
        systems.append(SystemRuns(key, method, label, tuple(runs)))
    protocol = "ROUGE-F|rouge-score 0.1.2|stemmer:yes|references:mean|decoding:greedy,max_new_tokens=200"
    return compare_systems(
        systems, experiment="dialogsum-flan", protocol=protocol, scoring=ScoringConfig(num_resamples=500)
    )


def build_examples(keys: list[str], count: int = 12) -> tuple[ReportedExample, ...]:
    """Return test dialogues, among them hostile, long, empty, right-to-left, CJK and emoji text."""
    rng = random.Random(0)
    plain = (
        "#Person1#: Excuse me, is there a bank near here?\n#Person2#: There is one two blocks down, next to the bakery."
        "\n#Person1#: Is it open on Saturdays?\n#Person2#: Only until noon, so you had better hurry."
    )
    special = {
        1: f"#Person1#: {HOSTILE}\n#Person2#: I beg your pardon?",
        2: "مريم: هل ستأتي اليوم؟\nسامي: نعم، بعد العمل.",
        3: "小明：你今天几点下班？\n小红：六点半 😀 一起吃饭吧。",
        4: "\n".join(f"#Person{1 + i % 3}#: Turn {i}, and {'so on ' * (i % 9)}it goes." for i in range(80)),
        5: "A dialogue without any speakers, on one line.",
    }
    examples = []
    for i in range(count):
        summaries = {key: f"#Person2# tells #Person1# where the bank is, says {key} ({i})." for key in keys}
        if i == 6:
            summaries[keys[-1]] = ""
        if i == 1:
            summaries[keys[0]] = HOSTILE
        scores = {key: dict.fromkeys(METRICS, round(rng.uniform(0.05, 0.7), 3)) for key in keys}
        references = tuple(
            f"Reference {k} of dialogue {i}: #Person1# looks for a bank." for k in range(1 + 2 * (i % 2))
        )
        topic = None if i == 5 else ("find a <b>bank</b>" if i == 1 else "asking the way")
        examples.append(ReportedExample(f"test_{i}", special.get(i, plain), topic, references, summaries, scores))
    return tuple(examples)


def build_curve(label: str, *, num_steps: int = 400, floor: float = 1.1) -> LossCurve:
    """Return a falling, noisy loss with five validations."""
    rng = np.random.default_rng(len(label))
    steps = np.arange(num_steps)
    train = floor + 1.8 * np.exp(-steps / 60) + rng.normal(0, 0.15, num_steps)
    at = range(num_steps // 5, num_steps + 1, num_steps // 5)
    validation = tuple((step, float(floor + 0.1 + 1.5 * np.exp(-step / 60))) for step in at)
    return LossCurve(label, tuple(float(value) for value in train), validation)


def count_split(rows: int, examples: int, **counts: Any) -> dict[str, Any]:
    """Return what the data stage counts of one split."""
    return {"rows": rows, "examples": examples, "references": examples, "merged_rows": 0, "skipped": {}} | counts


def build_document(**changes: Any) -> ReportDocument:
    """Return a report of three systems and twelve dialogues."""
    columns = {"dialogue": ["dialogue"], "summary": ["summary"]}
    document = ReportDocument(
        comparison=build_comparison(),
        curves=(build_curve("Instruct"), build_curve("PEFT", floor=1.2)),
        examples=build_examples(list(LABELS)),
        data={
            "splits": {
                "train": count_split(12462, 12460, skipped={"empty summary": 2}),
                "validation": count_split(500, 500),
                "test": count_split(1500, 500, references=1500, merged_rows=1000),
            },
            "columns": {"train": columns, "validation": columns, "test": columns},
            "notes": ["17 test dialogues also stand in train."],
            "fingerprint": {"train": "a1" * 32, "validation": "b2" * 32, "test": "c3" * 32},
        },
        truncation=({"what": "training dialogues", "limit": 512, "count": 310, "total": 12460},),
        seconds={"load data": 1.2, "train Instruct": 2300.4, "train PEFT": 1879.6, "generate": 312.0, "score": 4.0},
        environment={"python": "3.11.7", "torch": "2.9.0+cpu", "hardware": "2 × Intel Xeon, 8 GiB"},
        config_yaml="name: dialogsum-flan\nmodel: google/flan-t5-base\nmethods:\n  zero_shot: {}\n",
        notes=("One seed: the intervals do not speak of other seeds.",),
    )
    return dataclasses.replace(document, **changes)


def print_to_text(report: ReportDocument | Comparison, width: int = 100) -> str:
    """Return what the terminal shows."""
    console = Console(file=io.StringIO(), width=width, record=True)
    print_report(report, console)
    return console.export_text()


class Page(HTMLParser):
    """The elements of a page, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        """Parse the page."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))
        self._tag = tag
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        """Keep text, scripts apart."""
        if self._tag == "script":
            self.scripts[-1] += data
        elif self._tag != "style":
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or style."""
        self._tag = ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the rendered mock report."""
    path = tmp_path_factory.mktemp("report")
    render_report(build_document(), path)
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    """Return the parsed HTML report."""
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_html_loads_nothing_from_elsewhere(folder: Path, page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "image"}
        for name in ("src", "href", "xlink:href", "data", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(['\"]?(.)", text))
    assert "default-src 'none'" in text


def test_dialogues_cannot_break_out_of_the_page(page: Page) -> None:
    data, script = page.scripts
    assert "alert" not in script
    assert "<" not in data
    assert not any("onerror" in attributes for _, attributes in page.elements)
    examples = json.loads(data)["examples"]
    assert HOSTILE in examples[1]["dialogue"]
    assert examples[1]["summaries"][0] == HOSTILE


def test_policy_allows_the_reports_own_script_only(page: Page) -> None:
    import base64
    import hashlib

    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy


def test_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize("name", ["report.html", "report.md", "terminal"])
def test_every_form_holds_verdict_systems_and_numbers(folder: Path, page: Page, name: str) -> None:
    document = build_document()
    texts = {"report.html": page.text, "terminal": print_to_text(document, width=140)}
    text = texts.get(name) or (folder / name).read_text(encoding="utf-8")
    words = " ".join(re.sub(r"[│╭╮╰╯]", " ", text).split())
    assert document.comparison.verdict.split(". ")[0] in words
    for system in document.comparison.systems:
        assert system.label in text
        for metric in METRICS:
            assert f"{system.scores[metric].mean:.4f}" in text
            assert f"{system.scores[metric].ci_low:.3f}" in text
    for fact in ("3,538,944", "251,116,800", "1.41 %", "38:20", "31:20", "5.00 GiB", "700 MiB", "12,460", "–"):
        assert fact in text, fact
    assert "permutation p" in text
    assert "17 test dialogues also stand in train." in words


def test_every_dialogue_is_in_the_html(page: Page) -> None:
    data = json.loads(page.scripts[0])
    assert [example["id"] for example in data["examples"]] == [example.id for example in build_document().examples]
    assert [system["label"] for system in data["systems"]] == list(LABELS.values())


def test_markdown_shows_the_largest_disagreements(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    examples = build_document().examples
    first, *_ = chosen = select_disagreements(examples, 5)
    assert measure_disagreement(first) == max(map(measure_disagreement, examples), key=lambda value: value or 0)
    assert [f"<b>{example.id}</b>" in text for example in examples] == [example in chosen for example in examples]


def test_markdown_tables_hold_together(folder: Path) -> None:
    lines = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    for before, line in pairwise(lines):
        if before.startswith("|") and line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", before)) == len(re.findall(r"(?<!\\)\|", line))


def test_markdown_escapes() -> None:
    assert escape_markdown("a|b\nc") == "a\\|b<br>c"
    assert escape_markdown("<b>`x`") == "&lt;b&gt;\\`x\\`"
    assert escape_markdown("# hi") == "\\# hi"
    assert escape_markdown("#Person1#: 0.4037 [0.391, 0.416] a_b") == "#Person1#: 0.4037 [0.391, 0.416] a_b"
    assert escape_markdown("[a](b) [c]: d") == "[a\\](b) [c\\]: d"
    assert escape_markdown("_a_ **b** $c$") == "\\_a\\_ \\*\\*b\\*\\* \\$c\\$"
    assert escape_markdown("1. one") == "1\\. one"
    assert escape_markdown("-0.3") == "-0.3"
    assert escape_markdown("---") == "\\---"


def test_markdown_links_figures_that_exist(folder: Path) -> None:
    links = re.findall(r"!\[.*?\]\((.+?)\)", (folder / "report.md").read_text(encoding="utf-8"))
    assert links == ["figures/scores.svg", "figures/loss.svg", "figures/tradeoff.svg"]
    assert all((folder / link).is_file() for link in links)


def test_rendering_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    render_report(build_document(), tmp_path)
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_a_report_that_stands_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    render = figures.render_figures
    monkeypatch.setattr(figures, "render_figures", lambda document: drawn.append(1) or render(document))

    def count_drawings(document: ReportDocument) -> int:
        drawn.clear()
        render_report(document, tmp_path)
        return len(drawn)

    document = build_document()
    assert count_drawings(document) == 1
    assert count_drawings(build_document()) == 0
    for name in ("report.html", "report.md", "figures/loss.svg", ".report.json"):
        path = tmp_path / name
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("a", "b", 1), encoding="utf-8")
        assert count_drawings(document) == 1, name
        path.unlink()
        assert count_drawings(document) == 1, name
        assert path.read_text(encoding="utf-8") == text
        assert count_drawings(document) == 0
    assert count_drawings(dataclasses.replace(document, notes=("Another note.",))) == 1
    assert "Another note." in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert count_drawings(document) == 1
    monkeypatch.setattr(stamp, "digest_code", lambda: "another version")
    assert count_drawings(document) == 1


def test_a_figure_without_facts_leaves_no_old_file(tmp_path: Path) -> None:
    render_report(build_document(), tmp_path)
    render_report(build_document(curves=()), tmp_path)
    assert not (tmp_path / "figures" / "loss.svg").exists()
    assert "loss.svg" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_missing_facts_are_dashes_never_zero() -> None:
    comparison = build_comparison()
    bare = dataclasses.replace(
        comparison.systems[2], trainable_params=None, train_seconds=None, peak_memory_bytes=None, scores={}
    )
    text = print_to_text(dataclasses.replace(comparison, systems=(*comparison.systems[:2], bare)))
    rows = [line.split() for line in text.splitlines() if "● PEFT" in line]
    assert rows[0] == ["●", "PEFT", "–", "251,116,800", "1.41", "%"]
    assert rows[1] == ["●", "PEFT", "–", "–"]
    assert rows[2] == ["●", "PEFT", "–", "–", "–", "–"]


def test_the_original_has_no_training_cost_even_when_one_was_noted() -> None:
    comparison = build_comparison()
    noted = dataclasses.replace(comparison.systems[0], train_seconds=0.0, peak_memory_bytes=0)
    text = print_to_text(dataclasses.replace(comparison, systems=(noted, *comparison.systems[1:])))
    assert [line.split() for line in text.splitlines() if "● Original" in line][1] == ["●", "Original", "–", "–"]


MANY = {f"lora.{i}": f"PEFT r={i}" for i in range(19)}


@pytest.mark.parametrize(
    ("labels", "changes"),
    [
        ({"lora": "PEFT"}, {"curves": ()}),
        ({"zero_shot": "Original"}, {"curves": (), "examples": ()}),
        ({"full": "Instruct", "lora": "PEFT"}, {"curves": (LossCurve("PEFT", (2.0, float("nan"), 1.5), ()),)}),
        ({"zero_shot": "Original"} | MANY, {"seconds": {}, "data": {}, "environment": {}, "truncation": ()}),
        ({"zero_shot": HOSTILE, "lora": "$x^2$ _a [b] & 'c'"}, {"curves": (LossCurve("?", (), ((1, 2.0),)),)}),
        ({"zero_shot": "原始 😀", "lora": "مريم"}, {"config_yaml": "a: '```'"}),
    ],
    ids=["one", "untrained", "no validation", "twenty", "hostile labels", "scripts"],
)
def test_odd_reports_render(labels: dict[str, str], changes: dict[str, Any], tmp_path: Path) -> None:
    document = build_document(comparison=build_comparison(labels), examples=build_examples(list(labels)))
    document = dataclasses.replace(document, **changes)
    render_report(document, tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(page.scripts) == 2
    assert not any("onerror" in attributes for _, attributes in page.elements)
    text = print_to_text(document, width=200)
    for label in labels.values():
        assert " ".join(label.split()) in " ".join(page.text.split())
        assert label.split()[0] in text


def test_seeds_are_told_where_there_are_several() -> None:
    assert "Seeds" not in print_to_text(build_comparison())
    assert "Seeds" in print_to_text(build_comparison(seeds=(0, 1)))


def test_four_systems_fit_in_100_columns() -> None:
    comparison = build_comparison(LABELS | {"lora.8": "PEFT r=8"})
    text = print_to_text(build_document(comparison=comparison))
    assert all(len(line.rstrip()) <= 100 for line in text.splitlines())
    assert re.search(r"● PEFT r=8 +0\.\d{4} +0\.\d{4} +0\.\d{4} +0\.\d{4}", text)


def test_an_empty_prediction_is_said(folder: Path) -> None:
    examples = build_examples(["lora"])[6:7]
    assert examples[0].summaries["lora"] == ""
    assert json.loads(build_browser_json(examples, build_comparison().systems))["examples"][0]["summaries"] == [""]
    assert 'data-empty="(empty)"' in (folder / "report.html").read_text(encoding="utf-8")


def test_a_score_that_is_not_a_number_is_missing_in_the_browser() -> None:
    (example,) = build_examples(["lora", "full"], 1)
    broken = dataclasses.replace(example, scores=example.scores | {"lora": {"rouge1": float("nan")}})
    values = json.loads(build_browser_json([broken], build_comparison().systems))
    by_label = dict(zip([s["label"] for s in values["systems"]], values["examples"][0]["rouge1"], strict=True))
    assert by_label["PEFT"] is None
    assert by_label["Instruct"] is not None
    assert measure_disagreement(broken) is None


def test_a_system_keeps_its_colour_in_figures_and_browser(folder: Path, page: Page) -> None:
    systems = build_comparison().systems
    styles = build_styles(systems)
    browser = {system["label"]: system["color"] for system in json.loads(page.scripts[0])["systems"]}
    assert browser == {system.label: styles[system.key].color for system in systems}
    assert len(set(browser.values())) == len(systems)
    svg = (folder / "figures" / "scores.svg").read_text(encoding="utf-8")
    assert all(color in svg for color in browser.values())


def test_a_run_is_drawn_in_its_systems_colour() -> None:
    systems = build_comparison(LABELS | {"lora.8": "PEFT (r8)"}, num_examples=5).systems
    found = {label: find_system(label, systems) for label in ("PEFT", "PEFT, seed 1", "PEFT (r8), seed 2", "PEFTer")}
    assert [system and system.key for system in found.values()] == ["lora", "lora", "lora.8", None]


def test_what_every_split_shares_is_told_once() -> None:
    data = build_document().data
    table = build_data_table(data)
    assert table is not None
    assert table.columns == ("Split", "Rows", "Examples", "References", "Merged rows", "Skipped", "Fingerprint")
    assert [row.cells[0].text for row in table.rows] == ["train", "validation", "test"]
    assert table.rows[0].cells[-1].text == "a1a1a1a1a1a1…"
    assert table.rows[0].cells[-1].title == "a1" * 32
    assert [(name, cell.text) for name, cell in build_data_facts(data)] == [
        ("Columns", "dialogue: dialogue; summary: summary")
    ]


@pytest.mark.parametrize("color", [GREY, *COLORS])
def test_colours_read_on_light_and_dark(color: str) -> None:
    def luminance(value: str) -> float:
        parts = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    assert 1.05 / (luminance(color) + 0.05) >= 3
    assert (luminance(color) + 0.05) / (luminance("#131518") + 0.05) >= 3


def test_twenty_systems_are_told_apart() -> None:
    styles = build_styles(build_comparison({"zero_shot": "Original"} | MANY, num_examples=5).systems)
    assert len(set(styles.values())) == 20


def test_smoothing_starts_at_the_first_loss_and_skips_what_is_not_finite() -> None:
    assert smooth_losses(()).size == 0
    smooth = smooth_losses((float("nan"), 3.0, float("inf"), 1.0, *[1.0] * 200))
    assert np.isnan(smooth[0])
    assert smooth[1] == pytest.approx(3.0)
    assert smooth[2] == pytest.approx(3.0)
    assert smooth[-1] == pytest.approx(1.0, abs=1e-3)


def test_importing_the_report_is_cheap() -> None:
    code = (
        "import sys, dialora.report; print([m for m in ('rich', 'jinja2', 'matplotlib', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

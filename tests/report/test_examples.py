"""Dialogues side by side: which are chosen, and that every text is there, whole, in its place and harmless."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import random
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from dialora.errors import ConfigError
from dialora.report import ReportedExample
from dialora.report.choice import choose_examples
from dialora.report.examples import measure_disagreement
from dialora.report.palette import build_styles
from dialora.report.selection import ExampleSelection
from dialora.report.side_by_side import mark_unsupported, split_turns
from tests.report.test_printable import ESCAPES, UNSAFE, build_hostile
from tests.report.test_report import HOSTILE, LABELS, build_comparison, build_document

COMPARISON = build_comparison()
SYSTEMS = COMPARISON.systems
SCORES = {"a": (0.1, 0.5, 0.2), "b": (0.3, 0.31, 0.9), "c": (0.2, 0.1, 0.1), "d": (0.4, 0.4, 0.4)}
"""ROUGE-1 of the three systems, by id."""


def build_example(id: str, scores: tuple[float, ...], **changes: Any) -> ReportedExample:
    keys = list(LABELS)
    return dataclasses.replace(
        ReportedExample(
            id,
            "#Person1#: Where is the bank?\n#Person2#: Two blocks down.",
            "asking the way",
            (f"Reference of {id}.",),
            {key: f"{key} on {id}." for key in keys},
            {
                key: {"rouge1": score, "rouge2": score / 2, "rougeL": score}
                for key, score in zip(keys, scores, strict=True)
            },
        ),
        **changes,
    )


EXAMPLES = [build_example(id, scores) for id, scores in SCORES.items()]


def choose(**options: Any) -> list[str]:
    return [example.id for example in choose_examples(EXAMPLES, SYSTEMS, **options).examples]


def show(examples: list[ReportedExample], width: int, *, color: bool = False, **options: Any) -> str:
    """What the terminal shows."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color, color_system="truecolor" if color else None
    )
    ExampleSelection(COMPARISON, examples, n=99, **options).print(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class PageText(HTMLParser):
    """Collects the tags, and what can be read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] != "style":
            self.texts.append(data)


def test_the_order_is_by_disagreement_among_the_systems_that_are_shown() -> None:
    assert choose(n=3) == ["b", "a", "c"]
    assert choose(n=3, keys=["zero_shot", "full"]) == ["a", "c", "b"]
    assert measure_disagreement(EXAMPLES[0], ["full"]) is None


def test_worst_and_best_go_by_the_first_system_named_or_the_mean_of_the_trained_ones() -> None:
    assert choose(sort="worst", keys=["lora", "full"], n=2) == ["c", "a"]
    assert choose(sort="worst", keys=["full", "lora"], n=2) == ["c", "b"]
    assert choose(sort="best", keys=["lora"], n=1) == ["b"]
    two = choose_examples(EXAMPLES, [SYSTEMS[0], SYSTEMS[2]], sort="best", n=1)
    assert ([one.id for one in two.examples], two.how) == (["b"], "with the highest ROUGE-1 of PEFT")
    means = {
        example.id: (example.scores["full"]["rouge1"] + example.scores["lora"]["rouge1"]) / 2 for example in EXAMPLES
    }
    assert choose(sort="worst", n=4) == sorted(means, key=means.__getitem__)
    assert choose(sort="best", n=4) == sorted(means, key=means.__getitem__, reverse=True)
    how = choose_examples(EXAMPLES, SYSTEMS, sort="worst").how
    assert how == f"with the lowest mean ROUGE-1 of {SYSTEMS[1].label}, {SYSTEMS[2].label}"
    alone = choose_examples(EXAMPLES, SYSTEMS[:1], sort="best").how
    assert alone == f"with the highest ROUGE-1 of {SYSTEMS[0].label}"


def test_a_dialogue_without_a_score_comes_last() -> None:
    examples = [build_example("nan", (0.1, math.nan, 0.2)), *EXAMPLES]
    for sort in ("worst", "best"):
        chosen = choose_examples(examples, SYSTEMS, sort=sort, keys=["full"], n=9).examples
        assert chosen[-1].id == "nan"


def test_random_is_seeded_and_draws_each_once() -> None:
    drawn = [tuple(choose(sort="random", seed=seed, n=4)) for seed in range(8)]
    assert drawn == [tuple(choose(sort="random", seed=seed, n=4)) for seed in range(8)]
    assert len(set(drawn)) > 3
    assert all(sorted(one) == ["a", "b", "c", "d"] for one in drawn)


def test_ids_are_given_in_their_order_and_unknown_ones_named_with_their_nearest() -> None:
    assert choose(ids=["d", "a", "d"], n=1) == ["d", "a"]
    examples = [build_example(f"test_{at}", (0.1, 0.2, 0.3)) for at in range(30)]
    with pytest.raises(ConfigError, match=r"'test_77' is no test dialogue; the nearest: 'test_7'"):
        choose_examples(examples, SYSTEMS, ids=["test_77"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sort": "worrst"}, "sort: 'worrst' is no order; did you mean 'worst'"),
        ({"n": 0}, "n: must be 1 or more, got 0"),
        ({"keys": ["lorra"]}, "system: 'lorra' is not compared; did you mean 'lora'"),
    ],
)
def test_what_cannot_be_shown_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        choose(**options)


def test_a_single_system_has_nothing_to_disagree_with_and_that_is_said() -> None:
    choice = choose_examples(EXAMPLES, SYSTEMS[:1], n=2)
    assert [example.id for example in choice.examples] == ["a", "b"]
    assert "no two systems" in choice.how


def test_turns_are_those_of_the_reports_page() -> None:
    turns = split_turns("#Person1#: Hi. #Person2#: Yo.\nAmanda: it: is\n\nnobody speaks\n小明：你好")
    assert [(turn.speaker, turn.text) for turn in turns] == [
        ("Person1", "Hi."), ("Person2", "Yo."), ("Amanda", "it: is"), ("", "nobody speaks"), ("小明", "你好"),
    ]  # fmt: skip


def test_only_whole_names_are_marked() -> None:
    found = mark_unsupported("Ann met Anna (Ann) for $20. ", ["Ann", "$20"])
    assert [one.text for one in found if one.is_unsupported] == ["Ann", "Ann", "$20"]
    assert "".join(one.text for one in found) == "Ann met Anna (Ann) for $20."
    assert mark_unsupported("  ", ["Ann"]) == ()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_terminal_shows_every_text_whole_within_its_width(width: int) -> None:
    document = build_document()
    text = show(list(document.examples), width)
    lines = text.split("\n")
    assert max(cell_len(line) for line in lines) <= width
    assert not [line for line in lines if line != line.rstrip()]
    read = "".join(text.split())
    for example in document.examples:
        for one in (*example.references, *example.summaries.values()):
            assert "".join(one.split()) in read
        for turn in split_turns(example.dialogue):
            assert turn.speaker in text
    assert "(empty)" in text
    assert "ROUGE-1 0." in text


def test_a_long_name_or_word_is_folded_and_not_cut() -> None:
    name, word = "Dr. Maria Magdalena Fernanda", "x" * 200
    example = build_example("a", (0.1, 0.2, 0.3), dialogue=f"{name}: {word}", summaries={"full": word})
    text = show([example], 60)
    assert name in text
    assert "".join(text.split()).count(word) == 2
    assert max(map(len, text.splitlines())) <= 60


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_text_makes_a_line_too_long(width: int) -> None:
    rng = random.Random(0)
    parts = [
        "a",
        "b ",
        "\t",
        "\n",
        "小",
        "😀",
        "e\u0301",
        "م",
        "[/]",
        "\x1b[31m",
        ": ",
        "#Person1#: ",
        "\r",
        "x" * 70,
        "\ud800",
    ]

    def draw() -> str:
        return "".join(rng.choices(parts, k=rng.randint(0, 40)))

    for _ in range(40):
        texts = {key: draw() for key in LABELS}
        example = build_example(
            draw(), (0.1, 0.2, 0.3), dialogue=draw(), topic=draw(), references=(draw(),), summaries=texts
        )
        assert max(cell_len(line) for line in show([example], width).split("\n")) <= width


def test_unsupported_names_are_underlined_and_named_in_a_file_too() -> None:
    example = build_example("a", (0.1, 0.2, 0.3), unsupported={"full": ("Oslo",)}, summaries={"full": "Go to Oslo."})
    assert "not in the dialogue: Oslo" in show([example], 80)
    assert re.search(r"\x1b\[4;[0-9;]*mOslo\x1b\[0m", show([example], 80, color=True))
    page = ExampleSelection(COMPARISON, [example])._repr_html_()
    assert re.search("<u [^>]*>Oslo</u>", page)


def test_systems_have_the_reports_colours() -> None:
    styles = build_styles(SYSTEMS)
    page, text = ExampleSelection(COMPARISON, EXAMPLES)._repr_html_(), show(EXAMPLES, 80, color=True)
    for style in styles.values():
        assert f"color: {style.color}" in page
        red, green, blue = (int(style.color[at : at + 2], 16) for at in (1, 3, 5))
        assert f"38;2;{red};{green};{blue}m" in text


def test_hostile_text_is_text_in_the_terminal_and_in_a_notebook() -> None:
    document = build_hostile()
    selection = ExampleSelection(document.comparison, document.examples, n=99)
    console = Console(file=io.StringIO(), width=100, record=True)
    selection.print(console)
    page = selection._repr_html_()
    for shown in (console.export_text(), str(selection), page):
        assert not UNSAFE.search(shown)
    read = PageText(page)
    assert not {"script", "img"} & set(read.tags)
    assert HOSTILE.split(" | ")[0] in "".join(read.texts)


def test_markup_of_a_terminal_is_text() -> None:
    example = build_example("[red]a[/]", (0.1, 0.2, 0.3), topic="[bold]x[/]", references=("[/] [link=x]y",))
    text = show([example], 80)
    assert all(one in text for one in ("[red]a[/]", "[bold]x[/]", "[/] [link=x]y"))


def test_a_selection_is_a_sequence_that_prints_itself() -> None:
    selection = ExampleSelection(COMPARISON, EXAMPLES, n=2, systems=["full", "lora"])
    assert [example.id for example in selection] == ["b", "a"]
    assert (len(selection), selection[0].id) == (2, "b")
    text = str(selection)
    assert "2 of 4 test dialogues" in text
    assert "Original" not in text
    assert "\x1b" not in text
    assert repr(selection) == text


def test_json_has_the_systems_that_are_shown_and_no_nan() -> None:
    example = build_example("nan", (0.1, math.nan, 0.2), topic=ESCAPES)
    values = ExampleSelection(COMPARISON, [example], systems=["full"]).to_json()
    (shown,) = values["examples"]
    assert set(shown["summaries"]) == set(shown["scores"]) == {"full"}
    assert shown["scores"]["full"]["rouge1"] is None
    json.dumps(values, allow_nan=False)


def test_of_several_seeds_it_says_whose_summaries_these_are() -> None:
    selection = ExampleSelection(build_comparison(seeds=(0, 1)), EXAMPLES)
    assert selection.heading.endswith("of several seeds, what the first one wrote")


def test_in_a_notebook_a_selections_text_is_one_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    selection = ExampleSelection(COMPARISON, EXAMPLES)
    before = str(selection)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(selection) == before
    selection.print(width=80)
    assert "Two blocks down." in capsys.readouterr().out

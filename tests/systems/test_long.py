"""Conversations that are longer than a system reads: every turn of them is read, and the output says how."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.cli import main
from dialora.data.transcripts import Conversation, Turn
from dialora.errors import ConfigError, DataError
from dialora.systems import System, find_system
from dialora.systems.items import Item
from dialora.systems.options import SummaryOptions
from dialora.systems.reading import ItemReader
from dialora.systems.summary import Summary
from dialora.systems.writing import SummaryWriter
from tests.systems.support import Scripted

NAMES = ("Anna", "Ben", "Chloe", "Dev", "Emil")
TURNS = tuple(
    Turn(NAMES[n // 40 % 5 if n % 2 else n % 5], f"This is remark number {n}." if n % 3 else f"number {n}")
    for n in range(400)
)


def talk(*turns: Turn, name: str = "talk") -> Conversation:
    return Conversation(name, "turns", turns, len(turns))


@pytest.fixture(scope="module")
def system(root: Path) -> System:
    return find_system(root, method="lora")


def read(system: System, content: Conversation | str, **options: Any) -> Any:
    (one,) = ItemReader(system, SummaryOptions(**options), warn).read([Item(1, "a", "", content)])
    return one


def warn(message: str) -> None:
    raise AssertionError(message)


def write(system: System, content: Any, engine: Scripted, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Summary:
    monkeypatch.setattr(System, "open_engine", lambda self, sources, on_warning: engine)
    (made,) = SummaryWriter(system, SummaryOptions(**options), warn).write([Item(1, "a", "", content)])
    return made


@pytest.mark.parametrize("limit", [128, 512])
def test_every_turn_is_read_in_parts_that_are_not_cut(system: System, limit: int) -> None:
    data = system.config.data.model_copy(update={"max_source_length": limit})
    one = read(replace(system, config=system.config.model_copy(update={"data": data})), talk(*TURNS))
    assert len(one.parts) > 2500 // limit
    sizes = [len(part.source.input_ids) for part in one.parts]
    assert max(sizes) <= limit
    assert min(sizes) > 0.6 * max(sizes)
    assert not one.is_truncated
    numbers = [list(map(int, re.findall(r"number (\d+)", part.text))) for part in one.parts]
    assert all(part == sorted(part) for part in numbers)
    assert {n for part in numbers for n in part} == set(range(400))
    # A little overlap, where turns are short enough: the last of a part is the first of the next.
    assert all(after[0] <= before[-1] + 1 for before, after in pairwise(numbers))
    assert any(after[0] <= before[-1] for before, after in pairwise(numbers)) == (limit == 512)


def test_in_each_part_speakers_are_called_as_in_a_dialogue_of_its_own(system: System) -> None:
    for part in read(system, talk(*TURNS)).parts:
        assert part.text.startswith("#Person1#: ")
        tags = re.findall(r"^#Person(\d)#", part.text, re.M)
        assert sorted(set(tags)) == [str(n) for n in range(1, len(set(tags)) + 1)]
        lines = [line.partition(": ") for line in part.text.split("\n")]
        said = {turn.text: turn.speaker for turn in TURNS}
        assert all(part.names[label] == said[text] for label, _, text in lines)


@pytest.mark.parametrize(
    "text",
    ["word " * 3000, "A sentence of some length. " * 600, "x" * 4000, "你 好 " * 600, "🎉 oh " * 600, "a\n" * 2000],
)
def test_a_turn_that_is_too_long_by_itself_is_cut_and_nothing_of_it_is_lost(system: System, text: str) -> None:
    for content in (talk(Turn("Anna", "Hi."), Turn("Ben", text), Turn("Anna", "Bye.")), f"Anna: Hi.\n{text}\nBye."):
        one = read(system, content)
        assert len(one.parts) > 1
        assert not one.is_truncated
        # In order, and whatever is repeated is short.
        joined = "".join("".join(part.text.split()) for part in one.parts)
        assert joined.count("x" if text[0] == "x" else text.strip()[0]) >= text.count(text.strip()[0])


def test_summaries_of_parts_follow_each_other_with_names(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    # What it writes: the first speaker of the part and the number of the first remark.
    engine = Scripted(system.tokenizer, lambda text: re.sub(r".*?(#Person1#).*?number (\d+).*", r"\1 says \2.", text))
    made = write(system, talk(*TURNS), engine, monkeypatch)
    said = re.findall(r"(\w+) says (\d+)\.", made.text)
    assert len(said) == made.num_parts > 20
    assert all(TURNS[int(number)].speaker == name for name, number in said)
    assert [int(number) for _, number in said] == sorted(int(number) for _, number in said)
    assert (made.finish_reason, made.truncated, made.unsupported_names) == ("stop", False, ())


def test_resummarized_there_is_one_summary_that_was_written_of_all(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shorten(text: str) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", text.partition("conversation.")[2])]
        labels = re.findall(r"#Person\d#", text)
        return f"{labels[-1]} ends; from {min(n for n in numbers)} on."

    engine = Scripted(system.tokenizer, shorten)
    made = write(system, talk(*TURNS), engine, monkeypatch, join="resummarize")
    assert re.fullmatch(r"(Anna|Ben|Chloe|Dev|Emil) ends; from \d+ on\.", made.text)
    # Behind the parts it read their summaries, until there was one.
    assert made.num_parts == len(read(system, talk(*TURNS)).parts)
    assert len(engine.read) > made.num_parts + 1
    assert engine.read[-1].count("ends") >= 1


def test_resummarized_a_tag_that_a_part_does_not_have_is_nobodys(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two speak in each part and five in all; of a third, whom the system invents in every part, the whole has one."""
    turns = [Turn(NAMES[n // 40 + n % 2], f"This is remark number {n}.") for n in range(160)]

    def write_of(text: str) -> str:
        return "#Person2# and #Person3# meet." if "remark" in text else " ".join(re.findall(r"#Person\d+#", text))

    engine = Scripted(system.tokenizer, write_of)
    made = write(system, talk(*turns), engine, monkeypatch, join="resummarize")
    seconds = {part.names["#Person2#"] for part in read(system, talk(*turns)).parts if len(part.names) == 2}
    said = set(made.text.replace("and", "").replace("meet.", "").split())
    assert said & set(NAMES) <= seconds
    assert said - set(NAMES) == set(made.unsupported_names) != set()


def test_resummarized_tags_are_numbered_as_in_a_dialogue_of_its_own(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that is used to a first person invents one where summaries begin with the fourth."""
    turns = [Turn(NAMES[n // 4 % 3 if n < 12 else 3 + n % 2], f"This is remark number {n}.") for n in range(80)]

    def write_of(text: str) -> str:
        return "#Person1# talks." if "number 60." in text or "#Person1# talks." in text else "Nothing."

    engine = Scripted(system.tokenizer, write_of)
    made = write(system, talk(*turns), engine, monkeypatch, join="resummarize")
    talking = next(part.names["#Person1#"] for part in read(system, talk(*turns)).parts if "number 60." in part.text)
    again = {tag for text in engine.read if "remark" not in text for tag in re.findall(r"#Person\d+#", text)}
    assert again == {"#Person1#"}
    assert made.text == f"{talking} talks."


def test_a_system_that_makes_nothing_shorter_ends(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Scripted(system.tokenizer, lambda text: text.partition("conversation.")[2])
    made = write(system, talk(*TURNS[:60]), engine, monkeypatch, join="resummarize")
    assert "number 59" in made.text


def test_what_is_cut_at_the_end_of_the_summary_is_said(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    most = system.config.decoding.max_new_tokens
    long = Scripted(system.tokenizer, lambda text: "one two three four five six seven eight nine ten eleven", most=most)
    assert write(system, talk(*TURNS[:2]), long, monkeypatch).finish_reason == "length"
    # One part of many is enough.
    some = Scripted(system.tokenizer, lambda text: "so " * 60 if "number 0" in text else "Fine.", most=most)
    assert write(system, talk(*TURNS), some, monkeypatch).finish_reason == "length"
    assert write(system, talk(*TURNS), some, monkeypatch, join="resummarize").finish_reason == "length"
    short = Scripted(system.tokenizer, lambda text: "Fine.", most=most)
    assert write(system, talk(*TURNS[:2]), short, monkeypatch).finish_reason == "stop"


def test_names_that_the_conversation_does_not_have_are_told(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Scripted(system.tokenizer, lambda text: "#Person1# and #Person7# meet Zelda in Paris.")
    made = write(system, talk(*TURNS[:2], Turn("Anna", "I was in Paris.")), engine, monkeypatch)
    assert made.text == f"{TURNS[0].speaker} and #Person7# meet Zelda in Paris."
    assert made.unsupported_names == ("#Person7#", "Zelda")


def test_truncating_is_asked_for_and_told(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Scripted(system.tokenizer, lambda text: "Fine.")
    made = write(system, talk(*TURNS), engine, monkeypatch, on_long="truncate")
    assert (made.num_parts, made.truncated) == (1, True)
    assert "number 399" not in engine.read[0]


def test_where_long_ones_are_errors_nothing_is_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short, long = tmp_path / "a.txt", tmp_path / "b.txt"
    short.write_text("Anna: hi\nBen: yo\n")
    long.write_text("".join(f"{turn.speaker}: {turn.text}\n" for turn in TURNS))
    output = tmp_path / "out.jsonl"
    arguments = ["summarize", str(tmp_path), "--system", str(root), "--method", "lora", "--on-long", "error"]
    assert main([*arguments, "--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert re.search(r"b\.txt: b: has [\d,]+ tokens in its prompt, and lora-s0-\w+ reads 128; --on-long split", error)
    assert not output.exists()


def test_a_prompt_that_leaves_no_room_is_one_line(root: Path) -> None:
    system = find_system(root, method="lora")
    config = system.config.model_copy(update={"prompt": "Summarize " * 200 + "{dialogue}"})
    with pytest.raises(DataError, match=r"reads 128 tokens, which its prompt \(\d+\) fills alone"):
        read(replace(system, config=config), talk(*TURNS))


@pytest.mark.parametrize("option", ["on_long", "join", "speakers"])
def test_an_option_that_is_none_is_refused_with_what_is_allowed(root: Path, option: str) -> None:
    with pytest.raises(ConfigError, match=rf"{option}: 'x' is none of \w+, \w+"):
        dialora.load(root, method="lora", **{option: "x"})


def test_a_long_row_of_a_table_is_read_in_parts_too(root: Path, tmp_path: Path) -> None:
    rows = ["\n".join(f"#Person{n % 2 + 1}#: Remark {n}." for n in range(size)) for size in (4, 100)]
    table, output = tmp_path / "t.jsonl", tmp_path / "o.jsonl"
    table.write_text("".join(json.dumps({"dialogue": row}) + "\n" for row in rows))
    command = ["summarize", str(table), "--system", str(root), "--method", "lora", "--output", str(output)]
    assert main(command) == 0
    made = [json.loads(line) for line in output.read_text().splitlines()]
    assert made[0]["num_parts"] == 1
    assert made[1]["num_parts"] > 5
    assert not any(row["truncated"] for row in made)

"""Faithfulness: what is invented is found, what is said in other words is not, what is open stays open."""

from __future__ import annotations

import csv
import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest

from dialora.comparison import faithfulness_stage
from dialora.comparison.faithfulness import HUMAN, MEASURES, aggregate_systems, measure_systems
from dialora.comparison.faithfulness_stage import measure_once
from dialora.records import Example
from dialora.report.faithfulness import build_copying_table, build_faithfulness_table
from dialora.scoring.faithfulness import SpokenDialogue, measure_summary
from dialora.scoring.faithfulness.names import SpokenNames, find_unsupported_names
from dialora.store import ExperimentFolder
from tests.conftest import DIALOGUES

HOTEL = (
    "#Person1#: Good morning, I'm Anna Karlsson from the Swedish embassy. I'd like a room for three nights.\n"
    "#Person2#: Single or double, Ms. Karlsson?\n"
    "#Person1#: Double, please. How much is it with breakfast?\n"
    "#Person2#: It's $120 a night, and check-in starts at half past two in the afternoon.\n"
    "#Person1#: My colleague Michael comes on the twenty-first of May, in a taxi at 5 pm."
)


def find(summary: str, dialogue: str = HOTEL) -> list[tuple[str, str]]:
    """What the summary names and the dialogue does not."""
    measured = measure_summary(summary, SpokenDialogue(dialogue), id="x")
    return [(entity.kind, entity.text) for entity in measured.unsupported]


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("#Person1# books a room for Ingrid Berg.", [("name", "Ingrid Berg")]),
        ("Ingrid wants a double room. Anna agrees.", [("name", "Ingrid")]),
        ("#Person1#, Anna and Ms. Lindqvist's colleague meet.", [("name", "Lindqvist")]),
        ("They meet in Oslo, Lima and Rome.", [("name", "Oslo"), ("name", "Lima"), ("name", "Rome")]),
        ("#Person1# books for 17 guests.", [("number", "17")]),
        ("#Person1# stays for six nights.", [("number", "six")]),
        ("#Person1# stays for 4 nights.", [("number", "4")]),
        ("Michael comes at 7 pm.", [("time", "7 pm")]),
        ("Michael comes at 5 a.m. with Anna.", [("time", "5 a.m.")]),
        ("Check-in starts at 2:45.", [("time", "2:45")]),
        ("Check-in starts at noon.", [("time", "noon")]),
        ("The room costs $150.", [("price", "$150")]),
        ("The room costs 120 euros a night.", [("price", "120 euros")]),
        ("#Person3# and #Person1# talk.", [("speaker", "#Person3#")]),
        ("#Person1: hello. #Person4: hello.", [("speaker", "#Person4")]),
    ],
)
def test_what_is_invented_is_found(summary: str, expected: list[tuple[str, str]]) -> None:
    assert find(summary) == expected


@pytest.mark.parametrize(
    ("dialogue", "summary"),
    [
        (HOTEL, "Anna books a double room for 3 nights. However, She asks Karlsson's colleague Mike."),
        (HOTEL, "The room is 120 dollars, 120 bucks, or $120.00; check-in is at 2:30 p.m. or 14:30."),
        (HOTEL, "Michael arrives on May 21st at 5 o'clock, at five p.m., at 5:00 p.m. and at 17:00."),
        (HOTEL, "The SWEDISH lady from Sweden, Ms Karlson, books one room for the two of them."),
        (HOTEL, "Booking is easy. Guests like it. Two people talk about three things."),
        ("A: It was founded in nineteen ninety-eight.", "It was founded in 1998."),
        ("A: My number is 555-1234, room two oh five.", "The number is 5551234 and the room 205."),
        ("A: That's one fifty.\nB: And that a dollar twenty.", "They cost $1.50 and $1.20."),
        ("A: Two and a half hours, then an hour and a half.", "It takes 2.5 hours, then 1.5."),
        ("A: It's a quarter to six.\nB: No, ten past four.", "It is 5:45, or 4:10."),
        ("A: We want 5, 000 dozen at 4. 5 %.", "They want 5,000 dozen at 4.5%."),
        ("A: twenty grand, two hundred and fifty, a dozen", "20,000, 250 and 12"),
        ("A: the rings are $280 and $350.", "A takes the $280 one, paid in RMB."),
        ("A: fifty cents", "It costs $0.50."),
        ("A: I love instant messaging in the United States.", "A uses IM in the US."),
        ("A: I moved to the US.", "A moved to the United States."),
        ("A: The name is S M I T H.", "They call Mr. Smith."),
        ("A: so long, karren", "A says goodbye to Karen."),
        ("A: We go to the great wall with tom.", "They go to the Great Wall with Tom's friends."),
        ("A: hello", ""),
        ("", "Nothing is known."),
        ("小明：你今天几点下班？", "小明问六点下班。"),
    ],
)
def test_what_is_said_in_other_words_is_not_found(dialogue: str, summary: str) -> None:
    assert find(summary, dialogue) == []


def test_a_word_that_begins_a_sentence_is_a_name_when_no_text_has_it_in_lower_case() -> None:
    spoken = SpokenNames("A: hi")
    common = {f"word{i}" for i in range(1000)} | {"traffic"}
    summary = "Gordon is late. Traffic is bad."
    assert find_unsupported_names(summary, spoken) == []
    (span,) = find_unsupported_names(summary, spoken, vocabulary=common)
    assert summary[slice(*span)] == "Gordon"


def test_a_sentence_copied_from_its_dialogue_is_supported_and_not_new() -> None:
    """Over the bundled dialogues: nothing that was said is called invented."""
    for line in (DIALOGUES / "test.jsonl").read_text(encoding="utf-8").splitlines():
        dialogue = json.loads(line)["dialogue"]
        for turn in dialogue.split("\n"):
            measured = measure_summary(turn, SpokenDialogue(dialogue), id="x")
            assert measured.unsupported == (), turn
            assert not measured.novelty


@pytest.mark.parametrize(
    ("template", "kind"),
    [("{} tells everything.", "name"), ("They need {}.", "number"), ("They meet at {}:07 p.m.", "time")],
)
def test_what_is_put_into_a_reference_is_found(template: str, kind: str) -> None:
    rng = random.Random(0)
    for line in (DIALOGUES / "test.jsonl").read_text(encoding="utf-8").splitlines()[:20]:
        dialogue = json.loads(line)["dialogue"]
        made = {"name": "Xanthippe", "number": str(rng.randint(10_001, 99_999)), "time": str(rng.randint(1, 12))}[kind]
        ((found, text),) = find(template.format(made), dialogue)
        assert (found, text.startswith(made)) == (kind, True)


STATION = (
    "#Person1#: What time does the early train leave for the coast?\n"
    "#Person2#: At noon.\n"
    "#Person1#: Thanks.\n"
    "#Person2#: The restaurant beside the harbour serves wonderful lobster."
)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("#Person2# asks #Person1# when the early train leaves for the coast.", [True]),
        ("#Person1# asks #Person2# when the early train leaves for the coast.", [False]),
        ("#Person1# tells #Person2# the restaurant beside the harbour serves lobster.", [True]),
        ("#Person2# tells #Person1# that the restaurant by the harbour serves wonderful lobster.", [False]),
        ("#Person2# asks #Person1# to leave for the coast by the early train.", []),
        ("#Person2# asks about trains.", []),
        ("She asks when the early train leaves for the coast.", []),
        ("#Person1# doesn't ask when the early train leaves for the coast.", []),
        ("#Person1# and #Person2# talk about the early train to the coast.", []),
    ],
)
def test_a_swap_is_claimed_where_it_is_plain_alone(summary: str, expected: list[bool]) -> None:
    measured = measure_summary(summary, SpokenDialogue(STATION), id="x")
    assert measured.num_role_claims == len(expected)
    assert [bool(measured.swapped)] * len(expected) == expected


def test_what_both_speak_of_is_left_open() -> None:
    dialogue = "A: When does the early train leave for the coast?\nB: Does an early train leave for the coast at all?"
    for name in "AB":
        summary = f"{name} asks when the early train leaves for the coast."
        assert measure_summary(summary, SpokenDialogue(dialogue), id="x").num_role_claims == 0


def test_the_shares_are_those_of_the_words() -> None:
    spoken = SpokenDialogue("Ann: we meet at the old bridge tonight\nBen: fine")
    item = measure_summary("we meet at the bridge", spoken, id="x", references=["one two three four", "one two"])
    assert (item.length_ratio, item.compression, item.novelty, item.repetition) == (5 / 3, 5 / 8, 1 / 4, 0)
    assert measure_summary("a b c a b c", spoken, id="x").repetition == 1 / 4
    empty = measure_summary("", spoken, id="x")
    assert (empty.length_ratio, empty.compression, empty.novelty, empty.repetition) == (None, 0, None, None)
    assert json.loads(json.dumps(item.to_json()))["compression"] == 5 / 8


def test_systems_are_averaged_over_runs_and_dialogues() -> None:
    examples = [Example(str(i), HOTEL, ("Anna wants a room.", "Anna books a room.")) for i in range(4)]
    good, bad = ["Anna wants a room."] * 4, ["Ingrid wants 17 rooms, or 18."] * 4
    measured, people = measure_systems(examples, {"a": [good, bad], "b": [[*good[:2], *bad[:2]]]})
    human, a, b = aggregate_systems(measured, people, labels={"a": "A", "b": "B"}, num_resamples=200)
    assert (human.key, a.label, a.num_summaries, b.num_summaries) == (HUMAN, "A", 8, 4)
    shares = {row.key: row.measures["unsupported"] for row in (human, a, b)}
    assert {key: share and share.mean for key, share in shares.items()} == {HUMAN: 0, "a": 0.5, "b": 0.5}
    # One run of each dialogue is wrong: nothing differs between dialogues.
    assert shares["a"] is not None
    assert (shares["a"].ci_low, shares["a"].ci_high) == (0.5, 0.5)
    assert shares["b"] is not None
    assert shares["b"].ci_low < 0.5 < shares["b"].ci_high
    means = [value and value.mean for value in (b.measures["numbers"], human.measures["length_ratio"])]
    assert means == [1, 1]
    assert human.measures["swapped"] is None
    assert set(a.measures) == set(MEASURES)
    with pytest.raises(ValueError, match="b: not one summary"):
        measure_systems(examples, {"b": [good[:3]]})


def test_what_was_measured_is_kept_for_the_same_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [Example("1", HOTEL, ("Anna wants a room.", "Anna books a room for Ingrid."))]
    written = {"a": [["Ingrid wants 17 rooms."], ["Anna asks."]], "human": [[""]]}

    def measure(num_resamples: int = 100, **changes: list[list[str]]) -> Any:
        labels = {"a": "PEFT", "human": "A system"}
        return measure_once(
            ExperimentFolder(tmp_path), examples, written | changes, labels=labels, num_resamples=num_resamples
        )

    measured, by_people = measure_systems(examples, written)
    labels = {"a": "PEFT", "human": "A system"}
    rows = aggregate_systems(measured, by_people, labels=labels, num_resamples=100)
    assert [row.label for row in rows] == ["Human", "PEFT", "A system"]
    assert measure() == (measured, rows)
    with monkeypatch.context() as patch:
        patch.setattr(faithfulness_stage, "measure_systems", lambda *texts: pytest.fail("measured again"))
        assert measure() == (measured, rows)
    assert not measure(a=[["Anna asks."], ["Anna asks."]])[0]["a"][0][0].unsupported
    assert measure() == (measured, rows)
    assert measure(num_resamples=200)[0] == measured


def test_the_tables_show_what_is_not_known_as_a_dash() -> None:
    measured, people = measure_systems([Example("1", HOTEL, ("Anna wants a room.",))], {"a": [["Ingrid asks."]]})
    rows = aggregate_systems(measured, people, labels={"a": "PEFT"}, num_resamples=100)
    table, copying = build_faithfulness_table(rows), build_copying_table(rows)
    assert table is not None
    assert copying is not None
    assert [row.cells[0].text for row in table.rows] == ["Human", "PEFT"]
    assert [cell.text for cell in table.rows[1].cells] == ["PEFT", "100.0 %", "100.0", *["0.0"] * 4, "–"]
    assert table.rows[1].cells[1].details == ("[100.0, 100.0]",)
    assert [cell.text for cell in copying.rows[0].cells][:2] == ["Human", "–"]
    assert build_faithfulness_table(()) is None


def test_swapped_speakers_in_real_references_are_noticed_and_real_ones_are_not(real_data: Path) -> None:
    """Of what is decided, at least nine in ten claims are decided rightly; and something is decided."""
    with (real_data / "dialogsum" / "hub" / "test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    swap = str.maketrans("12", "21")
    right, wrong = [0, 0], [0, 0]
    for row in rows:
        spoken = SpokenDialogue(row["dialogue"])
        for summary, counts in ((row["summary"], right), (row["summary"].translate(swap), wrong)):
            measured = measure_summary(summary, spoken, id=row["id"])
            counts[0] += measured.num_role_claims
            counts[1] += len(measured.swapped)
    assert right[0] >= 5
    assert right[1] <= 0.1 * right[0]
    assert wrong[1] >= 0.9 * wrong[0]


def test_records_stay_as_they_are() -> None:
    measured = measure_summary("Anna", SpokenDialogue(HOTEL), id="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        measured.id = "y"  # type: ignore[misc]


@pytest.mark.parametrize("odd", ["¹", "x² and ²x", "③ apples", "Ⅻ", "½", "٣", "𝟗", "¹𰭛"])
def test_signs_that_are_almost_digits_are_read_without_a_fault(odd: str) -> None:
    found = measure_summary(f"Anna pays {odd}.", SpokenDialogue(f"Anna: I pay {odd}, not 5.\nBob: {odd}?"), id="1")
    assert not [one for one in found.unsupported if one.kind != "name"]

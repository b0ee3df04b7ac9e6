"""Names of speakers: given by the user, written as the system's training data had them, and back in the summary."""

from __future__ import annotations

import json

import pytest

from dialora.data.transcripts import (
    Conversation,
    Turn,
    find_style,
    parse_names,
    rename_speakers,
    restore_names,
    to_dialogue,
)
from dialora.data.turns import find_speakers
from dialora.errors import DataError
from tests.conftest import DIALOGUES
from tests.data.transcripts.support import read_one


def build(*turns: tuple[str, str]) -> Conversation:
    return Conversation("talk", "x", tuple(Turn(*turn) for turn in turns), len(turns))


TALK = build(("SPEAKER_00", "Hi, Bob."), ("Bob", "Hello"), ("SPEAKER_00", "Tea?"))


def test_speakers_are_renamed() -> None:
    renamed = rename_speakers(TALK, {"SPEAKER_00": "Anna"})
    assert renamed.speakers == ("Anna", "Bob")
    assert [turn.text for turn in renamed.turns] == [turn.text for turn in TALK.turns]
    assert TALK.speakers == ("SPEAKER_00", "Bob")


def test_two_speakers_may_change_places_or_become_one() -> None:
    assert rename_speakers(TALK, {"SPEAKER_00": "Bob", "Bob": "SPEAKER_00"}).speakers == ("Bob", "SPEAKER_00")
    assert rename_speakers(TALK, {"SPEAKER_00": "Bob"}).speakers == ("Bob",)


@pytest.mark.parametrize(
    ("names", "message"),
    [({"SPEAKER_0": "Anna"}, r"nobody is called 'SPEAKER_0'.*Speakers: SPEAKER_00, Bob\."), ({"Bob": " "}, "is empty")],
)
def test_a_name_that_nobody_has_is_refused(names: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        rename_speakers(TALK, names)


def test_names_are_parsed() -> None:
    assert parse_names(["SPEAKER_00=Anna Berg", "a=b = Carl"]) == {"SPEAKER_00": "Anna Berg", "a=b": "Carl"}
    for option in ("SPEAKER_00", "=Anna", "SPEAKER_00="):
        with pytest.raises(DataError, match="give the speaker, an equals sign and the new name"):
            parse_names([option])
    with pytest.raises(DataError, match="two new names"):
        parse_names(["a=b", "a=c"])


def test_tags_and_names_are_written_as_training_data_have_them() -> None:
    tagged, named = to_dialogue(TALK, "person_tags"), to_dialogue(TALK, "names")
    assert tagged.text == "#Person1#: Hi, Bob.\n#Person2#: Hello\n#Person1#: Tea?"
    assert tagged.names == {"#Person1#": "SPEAKER_00", "#Person2#": "Bob"}
    assert named.text == "SPEAKER_00: Hi, Bob.\nBob: Hello\nSPEAKER_00: Tea?"
    assert find_speakers(tagged.text) == {"#Person1#": 2, "#Person2#": 1}
    with pytest.raises(DataError, match="none of person_tags, names"):
        to_dialogue(TALK, "tags")  # type: ignore[arg-type]


def test_a_colon_in_a_name_does_not_end_it() -> None:
    made = to_dialogue(build(("Team: Bob", "hi"), ("Team Bob", "yo"), ("：", "ok")), "names")
    assert made.text == "Team Bob: hi\nTeam Bob 2: yo\nUnknown: ok"
    assert made.names == {"Team Bob": "Team: Bob", "Team Bob 2": "Team Bob", "Unknown": "："}


@pytest.mark.parametrize(
    ("summary", "restored"),
    [
        ("#Person1# asks #Person2#.", "Anna asks Bob."),
        ("#Person1#'s tea; Person2's, person 1 and PERSON_2.", "Anna's tea; Bob's, Anna and Bob."),
        ("#Person3# and Person12 are nobody here.", "#Person3# and Person12 are nobody here."),
        ("They met in person 2 days later.", "They met in person 2 days later."),
        (
            "It is 5 dollars per person 2 times; in-person 1 hour.",
            "It is 5 dollars per person 2 times; in-person 1 hour.",
        ),
        (
            "#Person1# saw that person 2 times, Person 2 in\nperson 1 time.",
            "Anna saw that person 2 times, Bob in\nperson 1 time.",
        ),
        ("Tea for person 2, in #person 1#'s or that Person 1's room.", "Tea for Bob, in Anna's or that Anna's room."),
        ("A salesperson1 in person: one person.", "A salesperson1 in person: one person."),
        ("", ""),
    ],
)
def test_names_come_back_in_a_summary(summary: str, restored: str) -> None:
    assert restore_names(summary, {"#Person1#": "Anna", "#Person2#": "Bob"}) == restored
    assert restore_names(summary, {"Anna": "Anna"}) == summary


def test_who_is_called_by_a_tag_stays_who_they_are() -> None:
    dialogue = to_dialogue(build(("#Person2#", "hi"), ("#Person1#", "yo")), "person_tags")
    assert dialogue.text == "#Person2#: hi\n#Person1#: yo"
    assert restore_names("#Person1# greets #Person2#.", dialogue.names) == "#Person1# greets #Person2#."


def test_a_name_that_looks_like_a_tag_is_not_replaced_again() -> None:
    names = to_dialogue(build(("#Person2#", "hi"), ("Anna", "yo")), "person_tags").names
    assert restore_names("#Person1# greets #Person2#.", names) == "#Person2# greets Anna."


@pytest.mark.parametrize(
    ("dialogues", "style"),
    [
        (["#Person1#: hi\n#Person2#: yo", "Anna: hi\nBob: yo", "#Person1#: a"], "person_tags"),
        (["Anna: hi\nBob: yo", "#Person1#: a\n#Person2#: b", "Anna: a"], "names"),
        (["no speakers", "#Person1#: a"], "person_tags"),
        ([], "names"),
    ],
)
def test_the_style_is_that_of_most_training_dialogues(dialogues: list[str], style: str) -> None:
    assert find_style(dialogues) == style


def test_the_bundled_dialogues_are_read_as_they_are() -> None:
    lines = (DIALOGUES / "test.jsonl").read_text(encoding="utf-8").splitlines()
    dialogues = [json.loads(line)["dialogue"] for line in lines]
    for dialogue in dialogues:
        assert to_dialogue(read_one(dialogue), "names").text == dialogue
    assert find_style(dialogues) == "person_tags"

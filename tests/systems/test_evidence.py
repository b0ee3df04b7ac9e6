"""Which turns a sentence was taken from, and where a summary names what nobody said."""

from __future__ import annotations

import time

import pytest

from dialora.systems.evidence import MAX_TURNS, Place, find_evidence, list_unsupported_places

HOTEL = [
    ("#Person1#", "Good morning, I'm Anna Karlsson from the Swedish embassy. I'd like a room for three nights."),
    ("#Person2#", "Single or double, Ms. Karlsson?"),
    ("#Person1#", "Double, please. How much is it with breakfast?"),
    ("#Person2#", "It's $120 a night, and check-in starts at half past two in the afternoon."),
    ("#Person1#", "My colleague Michael comes on the twenty-first of May, in a taxi at 5 pm."),
    ("#Person2#", "I will tell the porter."),
]
ROOM = [
    ("Leila", "Can I book a study room for tomorrow? There are five of us."),
    ("Charles", "The big one is taken until three. After that it's free."),
    ("Leila", "Our presentation is at four. Is there nothing in the morning?"),
    ("Charles", "There's the small room at ten, but it's meant for three people."),
    ("Leila", "What about the room downstairs, where the chess club meets?"),
    ("Charles", "It's empty until one. There isn't a screen in there, though."),
    ("Leila", "We only need a table and quiet. From nine to twelve, please."),
]


def find(summary: str, turns: list[tuple[str, str]]) -> list[tuple[str, tuple[int, ...]]]:
    """The sentences in their own words, each with its turns."""
    return [(summary[one.start : one.end], one.turns) for one in find_evidence(summary, turns)]


@pytest.mark.parametrize(
    ("summary", "turns", "strongest"),
    [
        ("#Person1# books a double room with breakfast.", HOTEL, 2),
        ("A night costs 120 dollars.", HOTEL, 3),
        ("Michael arrives by taxi on May 21st.", HOTEL, 4),
        ("The porter will be told.", HOTEL, 5),
        ("Ms. Karlsson works at the Swedish embassy.", HOTEL, 0),
        ("Leila has a presentation at 4.", ROOM, 2),
        ("Charles says that no screen is there.", ROOM, 5),
        ("They meet downstairs, where the clubs meet.", ROOM, 4),
        ("Leila takes it from 9 to 12 o'clock.", ROOM, 6),
    ],
)
def test_the_strongest_turn_is_the_one_a_reader_would_name(
    summary: str, turns: list[tuple[str, str]], strongest: int
) -> None:
    [(sentence, found)] = find(summary, turns)
    assert sentence == summary
    assert found[0] == strongest


def test_a_sentence_of_several_turns_names_them_strongest_first() -> None:
    [(_, found)] = find("The big room is taken, and the small one at ten has no screen for Leila's presentation.", ROOM)
    assert found[0] == 3
    assert len(found) == len(set(found)) == MAX_TURNS
    assert set(found) <= {1, 2, 3, 5}


@pytest.mark.parametrize(
    "summary",
    ["Leila and Charles talk.", "Charles.", "The weather in Lisbon surprises everybody.", "#Person3# agrees."],
)
def test_nothing_is_named_where_nothing_fits(summary: str) -> None:
    assert [one for one in find_evidence(summary, ROOM) if one.turns] == []
    assert [one.turns for one in find_evidence(summary, [])] == [()]


def test_who_speaks_decides_between_turns_of_the_same_words() -> None:
    turns = [("Anna", "I sold the boat."), ("Bob", "I sold the boat."), ("Cem", "Nice.")]
    assert [find(f"{name} sold the boat.", turns)[0][1] for name in ("Anna", "Bob")] == [(0,), (1,)]
    turns = [(name.replace("Bob", "James"), text) for name, text in turns]  # a name with an ending like a plural's
    assert find("James sold the boat.", turns)[0][1] == (1,)


def test_places_are_characters_of_the_summary_as_it_stands() -> None:
    summary = "  Leila 👩‍🎓 asks Mr. Lang about four.\nNothing else.  Dr. No left at noon! "
    assert [sentence for sentence, _ in find(summary, ROOM)] == [
        "Leila 👩‍🎓 asks Mr. Lang about four.",
        "Nothing else.",
        "Dr. No left at noon!",
    ]
    assert find_evidence("", ROOM) == find_evidence(" \n ", ROOM) == []


def test_scripts_without_spaces_are_read_too() -> None:
    turns = [("王明", "明天我们去图书馆学习吧。"), ("李华", "好的,我带电脑。"), ("王明", "九点在门口见面。")]
    assert find("他们明天去图书馆。李华带电脑。九点见面。", turns) == [
        ("他们明天去图书馆。", (0,)),
        ("李华带电脑。", (1,)),
        ("九点见面。", (2,)),
    ]


def test_unsupported_places_stand_where_they_say() -> None:
    dialogue = "\n".join(f"{speaker}: {text}" for speaker, text in HOTEL)
    summary = (
        "Straße 👍: #Person3# books for Ingrid Berg and 17 guests at 7 pm, for 120 euros, with Michael on the 29th."
    )
    found = list_unsupported_places(summary, dialogue)
    assert [(place.kind, place.text) for place in found] == [
        ("speaker", "#Person3#"),
        ("name", "Ingrid Berg"),
        ("number", "17"),
        ("time", "7 pm"),
        ("price", "120 euros"),
        ("number", "29th"),
    ]
    for place in found:
        assert summary[place.start : place.end] == place.text
    assert list_unsupported_places("#Person1# stays for three nights.", dialogue) == []
    assert list_unsupported_places("", "") == []
    assert [place.text for place in list_unsupported_places("他们有20人。", "王明: 好的。")] == ["20"]


def test_a_place_is_a_plain_value() -> None:
    place = Place("name", "Ingrid", 0, 6)
    assert place.to_json() == {"kind": "name", "text": "Ingrid", "start": 0, "end": 6}


def test_a_long_meeting_takes_no_minute() -> None:
    turns = [
        (f"Speaker {at % 7}", f"Point {at}: the budget of project{at % 97} is {at} euros.") for at in range(10_000)
    ]
    began = time.process_time()
    [one] = find_evidence("Project42 has a budget of 4213 euros.", turns)
    assert one.turns[0] == 4213
    assert time.process_time() - began < 20

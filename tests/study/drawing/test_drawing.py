"""What is drawn: strata, merged texts, checks, and that nothing which is blind tells who wrote what."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dialora.comparison.people import PEOPLE
from dialora.errors import InputError
from dialora.report.examples import measure_disagreement
from dialora.study.drawing.chance import SecretRandom
from dialora.study.drawing.create import create_study, draw_study
from dialora.study.drawing.drawn import describe_drawn
from dialora.study.drawing.options import StudyOptions
from dialora.study.drawing.pool import add_people, normalise
from dialora.study.folder import StudyFolder
from dialora.study.key import ATTENTION, JUDGED, REPEAT, JudgedSystem
from dialora.study.records import PAIRWISE, RATING, Sheet, StudySettings
from tests.study.drawing.pools import NAMES, build_pool, draw, roles


def test_a_third_is_where_systems_disagree_most_and_a_third_is_spread_over_lengths() -> None:
    pool = build_pool(90)
    _, key, strata = draw(pool, num_dialogues=30)
    assert strata == {"disagreement": 10, "length": 10, "random": 10}
    stratum = {item.dialogue_id: item.stratum for item in key.items if item.role == JUDGED}
    by_disagreement = sorted(pool.examples, key=lambda example: -(measure_disagreement(example) or 0))
    assert {example.id for example in by_disagreement[:10]} == {
        dialogue for dialogue, why in stratum.items() if why == "disagreement"
    }
    lengths = {example.id: len(example.dialogue.split()) for example in pool.examples}
    left = sorted(length for dialogue, length in lengths.items() if stratum.get(dialogue) != "disagreement")
    spread = sorted(lengths[dialogue] for dialogue, why in stratum.items() if why == "length")
    assert all(low <= one <= high for low, one, high in zip(left[::8], spread, left[7::8], strict=True))


def test_of_fewer_dialogues_than_asked_for_all_are_drawn_once() -> None:
    _, key, strata = draw(build_pool(7), num_dialogues=60)
    assert sum(strata.values()) == 7
    assert len({item.dialogue_id for item in key.items if item.role == JUDGED}) == 7


def test_dialogues_do_not_depend_on_raters_or_design() -> None:
    pool = build_pool(50)
    drawn = [
        {item.dialogue_id for item in draw(pool, num_dialogues=20, seed=3, **options)[1].items if item.role == JUDGED}
        for options in ({}, {"num_raters": 7}, {"design": "rating"})
    ]
    assert drawn[0] == drawn[1] == drawn[2]


def test_the_same_seed_draws_the_same_study_and_another_one_another() -> None:
    pool = build_pool(50, same=0.2)
    for design in ("pairwise", "rating", "both"):
        once, again = (draw(pool, num_dialogues=20, design=design, seed=5) for _ in range(2))
        assert (once[0], once[1]) == (again[0], again[1])
        assert draw(pool, num_dialogues=20, design=design, seed=6)[1] != once[1]


def test_texts_that_read_the_same_are_judged_once() -> None:
    pool = build_pool(2, 3)
    same = pool.examples[0].summaries
    same |= {NAMES[0]: "They meet  at six.\n", NAMES[1]: "They meet at six.", NAMES[2]: "Nobody meets."}
    study, key, _ = draw(pool, design="both", num_dialogues=1, num_raters=1, attention=0)
    items = [item for item in key.items if item.dialogue_id == "dialogue-0" and item.role == JUDGED]
    if not items:  # the other dialogue was drawn
        study, key, _ = draw(pool, design="both", num_dialogues=2, num_raters=1, attention=0)
        items = [item for item in key.items if item.dialogue_id == "dialogue-0" and item.role == JUDGED]
    ratings = [item for item in items if study.items[item.id].kind == RATING]
    pairs = [item for item in items if study.items[item.id].kind == PAIRWISE]
    assert {item.writers for item in ratings} == {((NAMES[0], NAMES[1]),), ((NAMES[2],),)}
    assert [set(item.writers) for item in pairs] == [{(NAMES[0], NAMES[1]), (NAMES[2],)}]
    assert ("dialogue-0", NAMES[0], NAMES[1]) in key.identical


def test_every_two_systems_are_asked_about_or_identical_once() -> None:
    pool = build_pool(30, 4, same=0.4)
    _, key, _ = draw(pool, num_dialogues=30)
    found = Counter((dialogue, *sorted(pair)) for dialogue, *pair in key.identical)
    for item in key.items:
        if item.role == JUDGED:
            found.update((item.dialogue_id, *sorted((a, b))) for a in item.writers[0] for b in item.writers[1])
    assert len(found) == 30 * 6
    assert set(found.values()) == {1}


def test_one_system_against_all_others() -> None:
    pool = build_pool(30, 4, same=0.4)
    _, key, _ = draw(pool, num_dialogues=30, pairs=NAMES[1])
    pairs = [item.writers for item in key.items if item.role == JUDGED]
    # A system that wrote just what the one in the middle wrote is no pair's side for that: it would be on these alone.
    assert all((NAMES[1],) in writers for writers in pairs)
    assert {len(one) for writers in pairs for one in writers} > {1}
    assert all(NAMES[1] in (a, b) for _, a, b in key.identical)
    with pytest.raises(InputError, match="--pairs cat: no system of that key; allowed: all, zebrafinch"):
        draw(pool, pairs="cat")


def test_an_empty_summary_is_shown_as_empty() -> None:
    pool = build_pool(1, 2)
    pool.examples[0].summaries[NAMES[0]] = " \n"
    study, key, _ = draw(pool, attention=0)
    (item,) = (item for item in study.items.values() if roles(key)[item.id] == JUDGED)
    assert "(empty)" in item.texts


@pytest.mark.parametrize("design", ["pairwise", "rating", "both"])
@pytest.mark.parametrize("num_systems", [2, 4])
def test_checks_have_a_known_answer_and_show_no_judged_text(design: str, num_systems: int) -> None:
    pool = add_people(build_pool(60, num_systems, num_references=2))
    study, key, _ = draw(pool, design=design, num_dialogues=40)
    by_id = {example.id: example for example in pool.examples}
    shown = {text for item in key.items if item.role == JUDGED for text in study.items[item.id].texts}
    checks = [item for item in key.items if item.role == ATTENTION]
    assert {study.items[item.id].kind for item in checks} == ({PAIRWISE, RATING} if design == "both" else {design})
    for item in checks:
        texts, own = study.items[item.id].texts, by_id[item.dialogue_id].references
        assert not shown & set(texts)
        assert all(writers == () for writers in item.writers)
        if study.items[item.id].kind == RATING:
            assert item.better == -1
            assert texts[0] not in own
        else:
            assert [text in own for text in texts].index(True) == item.better
            foreign = texts[1 - (item.better or 0)]
            assert foreign not in own
            assert abs(len(foreign.split()) - len(texts[item.better or 0].split())) <= 4


def test_checks_names_are_not_those_of_the_dialogue() -> None:
    pool = build_pool(60, 2)
    study, key, _ = draw(pool, design="rating", num_dialogues=40, attention=6)
    for item in key.items:
        if item.role == ATTENTION:
            speakers = {line.split(":")[0] for line in study.items[item.id].dialogue.split("\n")}
            assert not speakers & set(study.items[item.id].texts[0].split())


def test_a_check_on_a_lone_pair_is_on_a_dialogue_of_its_own() -> None:
    """With one pair a dialogue, a second one of the same would stand out."""
    study, key, _ = draw(build_pool(60, 2), num_dialogues=30)
    judged = {item.dialogue_id for item in key.items if item.role == JUDGED}
    checks = [item for item in key.items if item.role == ATTENTION]
    assert len(checks) == 2
    assert not judged & {item.dialogue_id for item in checks}
    for sheet in study.sheets:
        assert sum(roles(key)[entry.item] == ATTENTION for entry in sheet.entries) == 2


def test_checks_are_spread_over_a_sheet() -> None:
    study, key, _ = draw(build_pool(60, 3), num_dialogues=60, repeats=0)
    for sheet in study.sheets:
        places = [at for at, entry in enumerate(sheet.entries) if roles(key)[entry.item] == ATTENTION]
        assert len(places) == 12
        parts = Counter(place * 3 // len(sheet.entries) for place in places)
        assert all(parts[part] >= 3 for part in range(3))


def test_a_reference_that_is_judged_is_in_no_check() -> None:
    """With people among the systems and one reference each, checks need dialogues that were not drawn."""
    pool = add_people(build_pool(12, 2))
    _, key, _ = draw(pool, num_dialogues=12)
    assert not [item for item in key.items if item.role == ATTENTION]
    study, key, _ = draw(pool, num_dialogues=8)
    judged = {item.dialogue_id for item in key.items if item.role == JUDGED}
    references = {normalise(example.references[0]) for example in pool.examples if example.id in judged}
    for item in key.items:
        if item.role == ATTENTION:
            assert not references & {normalise(text) for text in study.items[item.id].texts}


def test_checks_stand_on_other_dialogues_where_the_drawn_ones_have_no_reference_to_spare() -> None:
    pool = add_people(build_pool(60, 3))
    study, key, _ = draw(pool, num_dialogues=30, design="both")
    judged = {item.dialogue_id for item in key.items if item.role == JUDGED}
    pairs = [item for item in key.items if item.role == ATTENTION and study.items[item.id].kind == PAIRWISE]
    assert pairs
    assert not judged & {item.dialogue_id for item in pairs}


def test_people_are_among_the_systems() -> None:
    pool = add_people(build_pool(10, 2))
    study, key, _ = draw(pool, num_dialogues=10)
    assert JudgedSystem(PEOPLE, PEOPLE, "Human", "") in key.systems
    by_id = {example.id: example for example in pool.examples}
    for item in key.items:
        for at, writers in enumerate(item.writers):
            if PEOPLE in writers:
                assert study.items[item.id].texts[at] == by_id[item.dialogue_id].references[0]
    assert sum(PEOPLE in writers for item in key.items if item.role == JUDGED for writers in item.writers) == 20


def test_nothing_blind_tells_who_wrote_what(tmp_path: Path) -> None:
    for design in ("pairwise", "rating", "both"):
        study, key, _ = draw(build_pool(40, 3, same=0.2), design=design)
        folder = StudyFolder(tmp_path / design)
        folder.save(study, key)
        assert folder.load_blind() == study
        assert folder.load_key() == key
        blind = b"".join(path.read_bytes() for path in (folder.root / "blind").iterdir()).lower()
        assert blind
        for told in (*NAMES, "runs/x", "dialogue-", "disagreement", *(name.title() for name in NAMES)):
            assert told.lower().encode() not in blind


def test_the_order_of_texts_and_items_in_the_files_tells_nothing() -> None:
    study, key, _ = draw(build_pool(60, 2), num_dialogues=60)
    judged = [item for item in key.items if item.role == JUDGED]
    first = sum(item.writers[0] == (NAMES[0],) for item in judged)
    assert 15 < first < 45
    assert list(study.items) == sorted(study.items)
    assert [item.id for item in key.items] == sorted(study.items)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="a pair needs two systems, and there is zebrafinch"):
        draw(build_pool(5, 1))
    assert draw(build_pool(5, 1), design="rating")[0].items
    with pytest.raises(InputError, match="all systems wrote the same of all 5 dialogues"):
        draw(build_pool(5, 2, same=1.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"design": "pairs"}, "--design pairs: no such design; allowed: pairwise, rating, both."),
        ({"num_dialogues": 0}, "--items 0: must be a number from 1 to 10,000."),
        ({"num_raters": 0}, "--raters 0: must be a number from 1 to 1,000."),
        ({"judgements_per_item": 4}, "--judgements-per-item 4: .* from 1 to --raters, 3."),
        ({"judgements_per_item": 0}, "--judgements-per-item 0: "),
        ({"attention": -1}, "--attention -1: must be a number from 0"),
        ({"repeats": -1}, "--repeats -1: must be a number from 0"),
        ({"seed": -1}, "--seed -1: must be a number from 0"),
        ({"design": "rating", "pairs": "nonsense"}, "--pairs nonsense: is about pairs, and with --design rating"),
        ({"design": "rating", "pairs": "zebrafinch"}, "--pairs zebrafinch: is about pairs"),
        ({"design": "rating", "asks_why": True}, "--why: is about pairs, and with --design rating there are none"),
    ],
)
def test_numbers_that_cannot_be_are_refused(options: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        create_study([tmp_path], options=StudyOptions(**options), output=tmp_path / "s")  # type: ignore[arg-type]
    assert not (tmp_path / "s").exists()


def test_each_wrong_number_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        create_study([tmp_path], options=StudyOptions(num_dialogues=0, num_raters=0), output=tmp_path / "s")
    assert [line.split(":")[0] for line in str(raised.value).split("\n")] == ["--items 0", "--raters 0"]


def test_one_that_is_missing_is_one(tmp_path: Path) -> None:
    """Checks and repeats that are fewer than wanted are told in grammar."""
    pool = build_pool(3, 2)
    options = StudyOptions(num_dialogues=3, repeats=4, attention=5)
    settings = StudySettings("study", "pairwise", "Which?", "Read.", 3)
    study, key, strata = draw_study(pool, options, settings, "a secret")
    (sheet, *_) = study.sheets
    assert sum(roles(key)[entry.item] == REPEAT for entry in sheet.entries) > 1
    for num_wanted in (0, 1, 2):
        kept = [entry for entry in sheet.entries if roles(key)[entry.item] == JUDGED]
        repeats = [entry for entry in sheet.entries if roles(key)[entry.item] == REPEAT][:num_wanted]
        short = replace(study, sheets=(Sheet(1, (*kept, *repeats)),))
        notes = describe_drawn(tmp_path, short, key, strata, num_available=3, options=options).notes
        said = f"{num_wanted} repeat" + "s" * (num_wanted != 1)
        assert any(note.startswith(f"A sheet has {said} and not 4:") for note in notes)


def test_the_work_of_drawing_grows_with_the_study_and_not_with_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10,000 dialogues and 10 raters it took minutes: all candidates were ordered anew for each check and repeat."""
    num_drawn = 0
    draw_bits = SecretRandom.getrandbits

    def count(self: SecretRandom, k: int, /) -> int:
        nonlocal num_drawn
        num_drawn += 1
        return draw_bits(self, k)

    monkeypatch.setattr(SecretRandom, "getrandbits", count)
    for options in ({}, {"design": "both"}):
        num_drawn = 0
        study, _, _ = draw(build_pool(700, 2, num_references=2), num_dialogues=600, num_raters=4, **options)
        assert num_drawn < 20 * sum(len(sheet.entries) for sheet in study.sheets)


def test_no_checks_and_no_repeats_where_none_are_wanted() -> None:
    _, key, _ = draw(build_pool(40), attention=0, repeats=0)
    assert {item.role for item in key.items} == {JUDGED}

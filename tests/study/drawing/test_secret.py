"""Whoever knows dialora's code, the seed and all that was compared reads nothing off what raters are shown."""

import random
from pathlib import Path

from dialora.study.drawing.chance import SecretRandom, make_secret
from dialora.study.folder import StudyFolder
from dialora.study.key import JUDGED
from tests.study.drawing.pools import build_pool, draw


def test_an_attacker_with_the_code_and_the_seed_matches_no_id_and_no_order() -> None:
    pool = build_pool(40, 3)
    study, key, _ = draw(pool, secret=make_secret(), num_dialogues=30)
    shown = {entry.item: study.items[entry.item] for sheet in study.sheets for entry in sheet.entries}
    truth = {item.id: item.writers for item in key.items}
    num_placed = 0
    for guess in ("", "0", "a secret", make_secret()):
        again, told, _ = draw(pool, secret=guess, num_dialogues=30)
        assert not set(again.items) & set(shown)
        # The same dialogues, for the seed chooses them; but neither sides nor orders are those that were shown.
        assert {one.dialogue_id for one in told.items if one.role == JUDGED} == {
            one.dialogue_id for one in key.items if one.role == JUDGED
        }
        for mine, theirs in zip(again.sheets, study.sheets, strict=True):
            for guessed, entry in zip(mine.entries, theirs.entries, strict=True):
                item = again.items[guessed.item]
                num_placed += (
                    item.dialogue == shown[entry.item].dialogue
                    and next(one.writers for one in told.items if one.id == item.id) == truth[entry.item]
                )
    assert num_placed < 0.1 * 4 * sum(len(sheet.entries) for sheet in study.sheets)


def test_ids_come_from_no_generator_that_is_begun_from_the_seed() -> None:
    """What used to tell all: ids drawn one after the other by a generator with a public beginning."""
    study, key, _ = draw(build_pool(40, 2), num_dialogues=20, seed=0)
    for step in ("questions", "checks", "sheets", "dialogues"):
        for text in (f"dialora study 0 {step}", f"dialora study 0 {step} {key.secret}"):
            rng = random.Random(text)
            for _ in range(2000):
                rng.shuffle([0, 1])
                assert f"{rng.getrandbits(48):012x}" not in study.items


def test_each_study_has_a_secret_that_no_rater_gets(tmp_path: Path) -> None:
    study, key, _ = draw(build_pool(10, 2), secret=make_secret(), num_dialogues=5)
    folder = StudyFolder(tmp_path / "s")
    folder.save(study, key)
    assert folder.load_key().secret == key.secret
    assert all(key.secret.encode() not in path.read_bytes() for path in (folder.root / "blind").iterdir())


def test_chance_behind_a_secret_is_even_and_repeatable() -> None:
    once, again, other = SecretRandom("a"), SecretRandom("a"), SecretRandom("b")
    drawn = [once.random() for _ in range(4000)]
    assert drawn == [again.random() for _ in range(4000)]
    assert drawn[:5] != [other.random() for _ in range(5)]
    assert all(0 <= number < 1 for number in drawn)
    assert abs(sum(drawn) / len(drawn) - 0.5) < 0.02
    counts = [sum(once.randrange(3) == value for _ in range(3000)) for value in range(3)]
    assert all(count > 850 for count in counts)
    assert once.getrandbits(0) == 0
    assert once.getrandbits(2000).bit_length() > 1900
    assert sorted(once.sample(range(50), 50)) == list(range(50))

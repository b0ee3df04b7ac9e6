"""How raters worked: attention, repeats, sides, drift, speed, others; and whom the rule leaves out."""

from collections.abc import Sequence

import pytest

from dialora.comparison.people import RaterFacts
from dialora.study.analysis.raters import RaterReview, measure_position_bias
from dialora.study.folder import BlindStudy
from dialora.study.judgements import Judgement
from dialora.study.key import ATTENTION, JUDGED, REPEAT, ItemKey, StudyKey
from dialora.study.records import PAIRWISE, RATING, Entry, Item, Sheet, StudySettings

PAIR = (("full",), ("lora",))


class Builder:
    """A study put together item by item; every sheet holds all of them in order."""

    def __init__(self, num_sheets: int = 1) -> None:
        self.items: list[Item] = []
        self.keys: list[ItemKey] = []
        self.num_sheets = num_sheets

    def add(self, key: ItemKey, *, texts: Sequence[str] = (), dialogue: str = "") -> str:
        kind = PAIRWISE if len(key.writers) == 2 else RATING
        shown = tuple(texts) or tuple(f"text {at} of {key.id}" for at in range(len(key.writers)))
        self.items.append(Item(key.id, kind, dialogue or f"A: dialogue {key.dialogue_id}", shown))
        self.keys.append(key)
        return key.id

    def pairs(self, count: int) -> list[str]:
        return [self.add(ItemKey(f"p{at}", JUDGED, f"d{at}", PAIR, "random")) for at in range(count)]

    def ratings(self, count: int) -> list[str]:
        return [self.add(ItemKey(f"r{at}", JUDGED, f"d{at}", (("full",),), "random")) for at in range(count)]

    def review(self, judgements: Sequence[Judgement], swapped: Sequence[str] = ()) -> tuple[RaterFacts, ...]:
        key = StudyKey((), tuple(self.keys), (), {}, 0)
        return RaterReview(self.build(swapped), key, judgements).describe()

    def build(self, swapped: Sequence[str] = ()) -> BlindStudy:
        entries = tuple(Entry(item.id, item.id in swapped) for item in self.items)
        sheets = tuple(Sheet(number + 1, entries) for number in range(self.num_sheets))
        settings = StudySettings("s", "both", "", "", self.num_sheets)
        return BlindStudy(settings, {item.id: item for item in self.items}, sheets)


def answer(
    items: Sequence[str], answers: Sequence[str], *, sheet: int = 1, seconds: float | None = None
) -> list[Judgement]:
    return [
        Judgement(sheet, item, place, answer=given, seconds=seconds)
        for place, (item, given) in enumerate(zip(items, answers, strict=True))
    ]


def test_attention_checks_of_pairs_know_the_side() -> None:
    study = Builder()
    checks = [study.add(ItemKey(f"c{at}", ATTENTION, "d", ((), ()), "random", better=at % 2)) for at in range(4)]
    # The better text is first, second, first, second; the last two stand the other way round.
    (facts,) = study.review(answer(checks, ["a", "b", "b", "tie"]), swapped=checks[2:])
    assert (facts.attention_passed, facts.attention_asked, facts.excluded) == (3, 4, "")
    (facts,) = study.review(answer(checks, ["b", "a", "b", "neither"]), swapped=checks[2:])
    assert facts.attention_passed == 1
    assert facts.excluded == "failed 3 of 4 attention checks"


def test_half_of_the_checks_or_a_single_one_excludes_nobody() -> None:
    study = Builder()
    checks = [study.add(ItemKey(f"c{at}", ATTENTION, "d", ((), ()), "random", better=0)) for at in range(2)]
    assert study.review(answer(checks, ["b", "a"]))[0].excluded == ""
    assert study.review(answer(checks[:1], ["b"]))[0].excluded == ""
    assert study.review(answer(checks, ["b", "b"]))[0].excluded


@pytest.mark.parametrize(
    ("scores", "passed"),
    [
        ({"faithfulness": 1, "fluency": 5}, 1),
        ({"faithfulness": 4, "fluency": 1}, 0),
        ({"accuracy": 2, "style": 5}, 1),
        ({"accuracy": 3, "style": 5}, 0),
    ],
)
def test_a_summary_of_another_dialogue_has_to_be_rated_low(scores: dict[str, int], passed: int) -> None:
    study = Builder()
    check = study.add(ItemKey("c", ATTENTION, "d", ((),), "random", better=-1))
    (facts,) = study.review([Judgement(1, check, 0, scores=scores)])
    assert (facts.attention_passed, facts.attention_asked) == (passed, 1)


def test_repeats_are_alike_where_the_same_text_is_preferred() -> None:
    study = Builder()
    texts = [("one", "other")] * 3
    firsts = [
        study.add(ItemKey(f"p{at}", JUDGED, f"d{at}", PAIR, "random"), texts=text) for at, text in enumerate(texts)
    ]
    again = [
        study.add(ItemKey("again0", REPEAT, "d0", PAIR, "random", of="p0"), texts=("one", "other")),
        # The texts of this item lie the other way round; the page turns them again.
        study.add(ItemKey("again1", REPEAT, "d1", PAIR[::-1], "random", of="p1"), texts=("other", "one")),
        study.add(ItemKey("again2", REPEAT, "d2", PAIR, "random", of="p2"), texts=("one", "other")),
    ]
    (facts,) = study.review(answer([*firsts, *again], ["a", "a", "tie", "b", "a", "a"]), swapped=["again0", "again1"])
    # One and one; one and one; neither and one.
    assert facts.self_agreement == pytest.approx(2 / 3)
    # A repeat whose first showing was never answered tells nothing.
    assert study.review(answer(again, ["a", "a", "a"]))[0].self_agreement is None


@pytest.mark.parametrize(
    ("first", "again", "alike"), [("tie", "neither", 0), ("neither", "neither", 1), ("a", "tie", 0)]
)
def test_a_tie_is_not_both_bad(first: str, again: str, alike: int) -> None:
    study = Builder(num_sheets=3)
    item = study.add(ItemKey("p0", JUDGED, "d0", PAIR, "random"), texts=("one", "other"))
    repeat = study.add(ItemKey("again", REPEAT, "d0", PAIR, "random", of="p0"), texts=("one", "other"))
    others = [one for sheet in (2, 3) for one in answer([item], [again], sheet=sheet)]
    facts, *_ = study.review([*answer([item, repeat], [first, again]), *others])
    assert facts.self_agreement == alike
    assert facts.agreement_with_others == alike


def test_repeated_ratings_are_alike_within_one() -> None:
    study = Builder()
    first = study.add(ItemKey("r", JUDGED, "d", (("full",),), "random"))
    near = study.add(ItemKey("near", REPEAT, "d", (("full",),), "random", of="r"))
    far = study.add(ItemKey("far", REPEAT, "d", (("full",),), "random", of="r"))
    given = [(first, {"x": 3, "y": 3}), (near, {"x": 4, "y": 2}), (far, {"x": 3, "y": 5})]
    (facts,) = study.review([Judgement(1, item, at, scores=scores) for at, (item, scores) in enumerate(given)])
    assert facts.self_agreement == 0.5


def test_sides_drift_and_time() -> None:
    study = Builder()
    pairs, ratings = study.pairs(5), study.ratings(4)
    judgements = answer(pairs, ["a", "a", "b", "tie", "a"], seconds=10.0)
    judgements += [Judgement(1, item, 5 + at, scores={"x": 1 + at}, seconds=30.0) for at, item in enumerate(ratings)]
    (facts,) = study.review(judgements)
    assert facts.first_share == 0.75
    assert facts.drift == 2.0
    assert facts.median_seconds == 10.0
    assert (facts.num_judged, facts.num_asked) == (9, 9)


def test_an_answer_faster_than_reading_is_told_from_a_quick_one() -> None:
    study = Builder()
    long = "A: " + "word " * 499
    items = [
        study.add(ItemKey(f"p{at}", JUDGED, f"d{at}", PAIR, "random"), texts=("x", "y"), dialogue=long + str(at))
        for at in range(6)
    ]
    # 500 words of dialogue and two of texts are a thousand a minute in 30.2 s.
    hasty, quick = answer(items, ["a"] * 6, seconds=20.0), answer(items, ["a"] * 6, seconds=31.0)
    assert study.review(hasty)[0].excluded == "gave 6 of 6 answers faster than 1,000 words a minute"
    assert study.review(quick)[0].excluded == ""
    assert study.review(quick[:3] + hasty[3:])[0].excluded == ""
    # Too few to judge by, and never timed.
    assert study.review(hasty[:4])[0].excluded == ""
    assert study.review(answer(items, ["a"] * 6))[0].excluded == ""


def test_a_dialogue_that_still_stands_there_is_read_once() -> None:
    study = Builder()
    long = "A: " + "word " * 499
    items = [
        study.add(ItemKey(f"p{at}", JUDGED, "d", PAIR, "random"), texts=("x", "y"), dialogue=long) for at in range(6)
    ]
    assert study.review(answer(items, ["a"] * 6, seconds=5.0))[0].excluded == ""


def test_agreement_with_the_majority_of_others() -> None:
    study = Builder(num_sheets=4)
    items = study.pairs(3)
    judgements = [
        *answer(items, ["a", "a", "b"], sheet=1),
        *answer(items, ["a", "b", "b"], sheet=2),
        *answer(items, ["a", "b", "a"], sheet=3),
    ]
    first, second, third, unbegun = study.review(judgements)
    # The others of rater 1 agree on the first (a) and second (b) item; those of rater 2 on the first alone.
    assert first.agreement_with_others == 0.5
    assert second.agreement_with_others == 1.0
    assert third.agreement_with_others == 0.5
    assert (unbegun.num_judged, unbegun.num_asked, unbegun.agreement_with_others) == (0, 3, None)


def test_agreement_of_ratings_is_a_rank_correlation() -> None:
    study = Builder(num_sheets=3)
    items = study.ratings(4)
    given = {1: [1, 2, 3, 4], 2: [2, 3, 4, 5], 3: [5, 4, 3, 2]}
    judgements = [
        Judgement(sheet, item, at, scores={"x": score})
        for sheet, scores in given.items()
        for at, (item, score) in enumerate(zip(items, scores, strict=True))
    ]
    one, two, three = study.review(judgements)
    # The mean of the others is flat for neither: rater 3 runs against both.
    assert three.agreement_with_others == pytest.approx(-1)
    assert one.agreement_with_others is None
    assert two.agreement_with_others is None


def test_position_bias_over_all_raters() -> None:
    study = Builder(num_sheets=2)
    items = study.pairs(20)
    key = StudyKey((), tuple(study.keys), (), {}, 0)
    always = answer(items, ["a"] * 20, sheet=1)
    fair = answer(items, ["a", "b"] * 9 + ["tie", "neither"], sheet=2)
    assert measure_position_bias(key, []) is None
    biased = measure_position_bias(key, always)
    assert biased is not None
    assert (biased.share, biased.num_choices) == (1.0, 20)
    assert biased.ci_low > 0.8
    even = measure_position_bias(key, fair)
    assert even is not None
    assert even.num_choices == 18
    assert even.ci_low < 0.5 < even.ci_high

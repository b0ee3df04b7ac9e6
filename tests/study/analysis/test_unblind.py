"""Judgements of texts become judgements of systems: sides, merged texts, checks and repeats."""

import pytest

from dialora.study.analysis.unblind import unblind
from dialora.study.judgements import Judgement, MarkedError
from dialora.study.key import ATTENTION, JUDGED, REPEAT, ItemKey, JudgedSystem, StudyKey
from dialora.study.records import Entry, Sheet

SYSTEMS = tuple(JudgedSystem(key, key, key, "") for key in ("full", "lora", "zero"))


def build_key(*items: ItemKey, identical: tuple[tuple[str, str, str], ...] = ()) -> StudyKey:
    return StudyKey(SYSTEMS, items, identical, {}, 0)


@pytest.mark.parametrize(
    ("writers", "is_swapped", "answer", "share", "is_first"),
    [
        # The text shown as A is that of full, or of lora; lora is later among the systems, so it is a.
        ((("full",), ("lora",)), False, "a", 0.0, False),
        ((("full",), ("lora",)), True, "a", 1.0, True),
        ((("lora",), ("full",)), False, "a", 1.0, True),
        ((("lora",), ("full",)), True, "a", 0.0, False),
        ((("full",), ("lora",)), False, "b", 1.0, False),
        ((("full",), ("lora",)), True, "b", 0.0, True),
        ((("full",), ("lora",)), True, "tie", 0.5, True),
        ((("full",), ("lora",)), False, "neither", 0.5, False),
    ],
)
def test_who_was_preferred(
    writers: tuple[tuple[str, ...], ...], is_swapped: bool, answer: str, share: float, is_first: bool
) -> None:
    key = build_key(ItemKey("i", JUDGED, "d", writers, "random"))
    found = unblind(key, [Sheet(1, (Entry("i", is_swapped),))], [Judgement(1, "i", 0, answer=answer)])
    (row,) = found.preferred
    assert (row.a, row.b, row.share, row.is_first) == ("lora", "full", share, is_first)
    assert row.is_both_bad == (answer == "neither")


def test_a_merged_text_counts_for_each_writer() -> None:
    key = build_key(
        ItemKey("i", JUDGED, "d", (("full", "zero"), ("lora",)), "random"),
        ItemKey("r", JUDGED, "d", (("full", "zero"),), "random"),
        identical=(("d", "zero", "full"),),
    )
    judgements = [
        Judgement(1, "i", 0, answer="a"),
        Judgement(1, "r", 1, scores={"fluency": 4}, errors=(MarkedError(0, 1, "invented"),)),
    ]
    found = unblind(key, [Sheet(1, (Entry("i"), Entry("r")))], judgements)
    assert {(row.a, row.b): row.share for row in found.preferred} == {("lora", "full"): 0.0, ("zero", "lora"): 1.0}
    assert {row.system: row.scores for row in found.rated} == {"full": {"fluency": 4}, "zero": {"fluency": 4}}
    assert found.identical == {("lora", "full"): (), ("zero", "full"): ("d",), ("zero", "lora"): ()}
    assert found.num_asked == {("lora", "full"): 1, ("zero", "full"): 0, ("zero", "lora"): 1}


def test_checks_and_repeats_are_no_judgements() -> None:
    pair = (("full",), ("lora",))
    key = build_key(
        ItemKey("i", JUDGED, "d", pair, "random"),
        ItemKey("again", REPEAT, "d", pair, "random", of="i"),
        ItemKey("check", ATTENTION, "e", ((), ()), "random", better=0),
        ItemKey("check-r", ATTENTION, "e", ((),), "random", better=-1),
    )
    sheet = Sheet(1, tuple(Entry(one.id) for one in key.items))
    judgements = [
        Judgement(1, "i", 0, answer="a"),
        Judgement(1, "again", 1, answer="b"),
        Judgement(1, "check", 2, answer="a"),
        Judgement(1, "check-r", 3, scores={"fluency": 5}),
        Judgement(1, "unknown", 4, answer="a"),
    ]
    found = unblind(key, [sheet], judgements)
    assert [row.item for row in found.preferred] == ["i"]
    assert found.rated == ()

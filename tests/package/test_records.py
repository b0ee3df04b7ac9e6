"""Records on disk: the plain form is that of the standard library, and what is given is never shared with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from dialora.records import ExampleScores, Record


class Kind(Enum):
    ONE = 1


@dataclass(frozen=True, slots=True)
class Whole(Record):
    parts: tuple[ExampleScores, ...]
    by_name: dict[str, list[Any]]
    kind: Kind
    nothing: None = None


def test_the_plain_form_is_that_of_the_standard_library() -> None:
    inner = ExampleScores("a", {"rouge1": [0.5, 0.25]})
    whole = Whole((inner, inner), {"x": [1, True, (inner, {"y": 2.5})]}, Kind.ONE)
    assert whole.to_json() == asdict(whole)
    assert type(whole.to_json()["parts"]) is tuple


def test_what_is_done_to_the_plain_form_changes_no_record() -> None:
    scores = ExampleScores("a", {"rouge1": [0.5]})
    scores.to_json()["scores"]["rouge1"].append(1.0)
    assert scores.scores == {"rouge1": [0.5]}

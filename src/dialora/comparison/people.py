"""What people judged: the result of a study, as the report shows it. Records only; `study/analysis/` fills them.

Everything goes by system key and speaks of dialogues like those that were drawn. Shares and scores carry a 95 %
interval; a fact that could not be found out is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from dialora.comparison.statistics import CONFIDENCE
from dialora.records import Record

SCHEMA_VERSION = 1
PEOPLE = "human"
"""The key of the references, where they were judged beside the systems."""


@dataclass(frozen=True, slots=True)
class Preference(Record):
    """How often `a` was preferred to `b`."""

    a: str
    b: str
    wins: int
    losses: int
    ties: int
    """Equally good, the same text among them."""
    both_bad: int
    num_dialogues: int
    share: float
    """Mean over dialogues of a's share of the judgements; a tie and "both bad" are half a win each. A rater's
    leaning to a side is taken out, which changes it only where positions have come out unbalanced."""
    ci_low: float
    ci_high: float
    p_value: float
    p_adjusted: float
    """After Holm's correction over the pairs."""
    num_more: int | None
    """So many more judgements would show a difference of this size four times in five; 0 where it is shown."""
    num_identical: int = 0
    """Dialogues for which both wrote the same: nobody was asked, and each is one of the ties."""

    @property
    def is_clear(self) -> bool:
        """Interval and corrected test agree that one of the two is preferred."""
        return self.p_adjusted < 1 - CONFIDENCE and (self.ci_low > 0.5 or self.ci_high < 0.5)

    @property
    def num_judgements(self) -> int:
        """All judgements of the pair by people."""
        return self.wins + self.losses + self.ties + self.both_bad - self.num_identical


@dataclass(frozen=True, slots=True)
class Strength(Record):
    """A system's strength after Bradley and Terry (1952), with ties after Davidson (1970)."""

    system: str
    log_strength: float
    """The mean over systems is 0; a difference of d: odds of exp(d) to be preferred where no tie is given."""
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class RatedCriterion(Record):
    """A system's mean rating in one criterion, from 1 to 5."""

    system: str
    criterion: str
    mean: float
    ci_low: float
    ci_high: float
    num_ratings: int


@dataclass(frozen=True, slots=True)
class RatingDifference(Record):
    """Mean rating of `a` minus that of `b` in one criterion, over the same dialogues and raters."""

    a: str
    b: str
    criterion: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    p_adjusted: float
    """After Holm's correction over the pairs in this criterion."""
    num_more: int | None
    """As in Preference."""

    @property
    def is_clear(self) -> bool:
        """Interval and corrected test agree."""
        return self.p_adjusted < 1 - CONFIDENCE and (self.ci_low > 0 or self.ci_high < 0)


@dataclass(frozen=True, slots=True)
class Agreement(Record):
    """Krippendorff's alpha between raters: nominal for choices, ordinal for ratings."""

    what: str
    """`preference`, or the key of a criterion."""
    alpha: float | None
    """None where fewer than two raters judged the same, or all gave one and the same answer."""
    ci_low: float | None
    ci_high: float | None
    num_items: int
    """Judged by two or more."""


@dataclass(frozen=True, slots=True)
class RaterFacts(Record):
    """How one rater worked. None where nothing was asked that would tell."""

    sheet: int
    num_judged: int
    num_asked: int
    median_seconds: float | None
    attention_passed: int
    attention_asked: int
    self_agreement: float | None
    """Share of repeats that were answered alike: the same text preferred, or ratings at most 1 apart."""
    first_share: float | None
    """How often the text shown as A was chosen where one was; 0.5 without a bias to a side."""
    drift: float | None
    """Mean rating in the second half of the sheet minus that in the first."""
    agreement_with_others: float | None
    """Share of choices that the majority of the others shares, or the rank correlation with their mean rating."""
    excluded: str
    """Why the rater's judgements are left out; "" where they count."""


@dataclass(frozen=True, slots=True)
class ErrorShare(Record):
    """How often a system's summaries have an error of a kind, as marked."""

    system: str
    kind: str
    label: str
    count: int
    """Marks, over all raters."""
    share: float
    """Of the rated summaries, averaged over dialogues."""
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class MetricAgreement(Record):
    """How well a metric tells what people say."""

    metric: str
    level: str
    """`dialogue`: over pairs of summaries of one dialogue; `system`: over the systems' means."""
    people: str
    """`preference`, or the key of a criterion."""
    tau: float | None
    """Kendall's tau-b."""
    ci_low: float | None
    ci_high: float | None
    """Over dialogues."""
    num_pairs: int


@dataclass(frozen=True, slots=True)
class PositionBias(Record):
    """How often A was chosen, over all raters, where one of two was."""

    share: float
    ci_low: float
    ci_high: float
    num_choices: int


@dataclass(frozen=True, slots=True)
class StudyResult(Record):
    """All that a study found."""

    name: str
    design: str
    labels: dict[str, str]
    """Of the systems, by key, in order; the references' key is PEOPLE."""
    criteria: dict[str, str]
    """Labels of the criteria, by key, in order."""
    num_dialogues: int
    num_raters: int
    """Whose judgements count."""
    num_judgements: int
    num_asked: int
    """All that the sheets hold: fewer judgements are an unfinished study."""
    preferences: tuple[Preference, ...]
    """Pairs as (later, earlier) of `labels`."""
    strengths: tuple[Strength, ...]
    ratings: tuple[RatedCriterion, ...]
    rating_differences: tuple[RatingDifference, ...]
    agreements: tuple[Agreement, ...]
    raters: tuple[RaterFacts, ...]
    errors: tuple[ErrorShare, ...]
    metrics: tuple[MetricAgreement, ...]
    position: PositionBias | None
    notes: tuple[str, ...]
    """In words: what was left out and what that changed, warnings."""
    sources: tuple[str, ...] = ()
    """The folders whose systems were judged."""
    written_by: dict[str, tuple[str, str]] = field(default_factory=dict)
    """For each system of `labels` its key where it was trained, and the folder it lies in; ("", "") for people."""
    judged: dict[str, dict[str, str]] = field(default_factory=dict)
    """By system and dialogue id, what the text that was judged is known by (`people_stage.digest_text`)."""
    id: str = ""
    """Of what was drawn: two studies may have one name."""
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the result from `to_json`'s form."""
        kinds: dict[str, type[Record]] = {
            "preferences": Preference,
            "strengths": Strength,
            "ratings": RatedCriterion,
            "rating_differences": RatingDifference,
            "agreements": Agreement,
            "raters": RaterFacts,
            "errors": ErrorShare,
            "metrics": MetricAgreement,
        }
        read: dict[str, Any] = {
            name: tuple(kind.from_json(one) for one in values[name]) for name, kind in kinds.items()
        }
        position = values["position"]
        read["position"] = None if position is None else PositionBias.from_json(position)
        read["written_by"] = {key: tuple(pair) for key, pair in values["written_by"].items()}
        return cls(**values | read | {"notes": tuple(values["notes"]), "sources": tuple(values["sources"])})


__all__ = [
    "PEOPLE",
    "Agreement",
    "ErrorShare",
    "MetricAgreement",
    "PositionBias",
    "Preference",
    "RatedCriterion",
    "RaterFacts",
    "RatingDifference",
    "Strength",
    "StudyResult",
]

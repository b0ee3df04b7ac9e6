"""What a study is asked to be, checked."""

from __future__ import annotations

from dataclasses import dataclass

from dialora.errors import InputError
from dialora.study.records import DESIGNS, RATING

MAX_DIALOGUES, MAX_RATERS = 10_000, 1_000
ALL_PAIRS = "all"
ITEMS_PER_CHECK, ITEMS_PER_REPEAT, FEWEST_CHECKS = 15, 15, 2


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """How many are asked what. What is None follows from the rest."""

    num_dialogues: int = 60
    design: str = "pairwise"
    """One of DESIGNS."""
    num_raters: int = 3
    judgements_per_item: int | None = None
    """So many raters judge each item; None: all."""
    pairs: str = ALL_PAIRS
    """`all`, or the key of the system that all others are compared with."""
    attention: int | None = None
    """Attention checks of a sheet; None: one in 15 items, at least 2."""
    repeats: int | None = None
    """Items of a sheet that are asked a second time; None: one in 15."""
    seed: int = 0
    asks_why: bool = False
    """A pair has a field for the reason."""

    @property
    def num_judges(self) -> int:
        """How many raters judge each item."""
        return self.num_raters if self.judgements_per_item is None else self.judgements_per_item

    def count_checks(self, num_items: int) -> int:
        """Return how many attention checks a sheet of so many items has."""
        return max(FEWEST_CHECKS, num_items // ITEMS_PER_CHECK) if self.attention is None else self.attention

    def count_repeats(self, num_items: int) -> int:
        """Return how many items a sheet of so many asks again."""
        return num_items // ITEMS_PER_REPEAT if self.repeats is None else self.repeats

    def require_valid(self) -> None:
        """Raise InputError with a line for each number that cannot be."""
        problems = []
        if self.design not in DESIGNS:
            problems.append(f"--design {self.design}: no such design; allowed: {', '.join(DESIGNS)}.")
        elif self.design == RATING:
            said = {f"--pairs {self.pairs}": self.pairs != ALL_PAIRS, "--why": self.asks_why}
            problems += [
                f"{option}: is about pairs, and with --design {RATING} there are none; leave it out, or give another "
                "design."
                for option, is_given in said.items()
                if is_given
            ]
        bounds = {
            "--items": (self.num_dialogues, 1, MAX_DIALOGUES),
            "--raters": (self.num_raters, 1, MAX_RATERS),
            "--attention": (self.attention, 0, MAX_DIALOGUES),
            "--repeats": (self.repeats, 0, MAX_DIALOGUES),
            "--seed": (self.seed, 0, 2**32 - 1),
        }
        problems += [
            f"{name} {value}: must be a number from {low:,} to {high:,}."
            for name, (value, low, high) in bounds.items()
            if value is not None and not low <= value <= high
        ]
        if self.judgements_per_item is not None and not 1 <= self.judgements_per_item <= self.num_raters:
            problems.append(
                f"--judgements-per-item {self.judgements_per_item}: each rater judges an item once, so it must be "
                f"from 1 to --raters, {self.num_raters}."
            )
        if problems:
            raise InputError("\n".join(problems))


__all__ = ["ALL_PAIRS", "MAX_DIALOGUES", "MAX_RATERS", "StudyOptions"]

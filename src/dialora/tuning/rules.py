"""The search for a method's learning rate: which rate is tried next, when a trial is given up, which one is chosen.

Takes what the trials before have come to and gives a decision, the same one every time: nothing is drawn, so a search
that was killed goes on from the trials that lie on disk. A method's own rate comes first, then fixed places of the
range, then the middle of the wider gap beside the best. Successive halving (arXiv 1810.05934) is Optuna's.
Never imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dialora.errors import TrainingError
from dialora.records import Record

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial as OptunaTrial


FINISHED, STOPPED, DIVERGED, PAUSED = "finished", "stopped", "diverged", "paused"
PLACES = (0.75, 0.25, 0.5, 1.0, 0.0)
"""Tried after the method's own rate: shares of the range on the log scale, those near one tried before left out."""
NEAR = 0.1
"""Rates are near each other within this share of the range."""
NARROW = math.log(1.1)
"""A gap between two rates that is not worth another trial while there is a wider one."""
REDUCTION = 2
"""One in so many goes on at each halving."""


@dataclass(frozen=True, slots=True)
class Trial(Record):
    """One training with one learning rate, and what it came to."""

    number: int
    learning_rate: float
    outcome: str
    """finished, stopped (given up on the way), diverged (the loss was not finite), or paused at the first halving."""
    value: float | None
    """The search's metric on validation; None unless finished."""
    validation: tuple[tuple[int, float], ...]
    """Validation loss per token after so many steps."""
    num_steps: int
    train_seconds: float
    """Optimizer steps only, as for every run."""
    wall_seconds: float | None
    """With tokenizing, validation and summaries; None after an interruption."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Trial:
        """Build the trial from `to_json`'s form."""
        return cls(**values | {"validation": tuple((step, loss) for step, loss in values["validation"])})


@dataclass(frozen=True, slots=True)
class Search(Record):
    """The rules of one method's search; they are the same for every method but for where it looks."""

    key: str
    start: float
    """The method's own rate."""
    low: float
    high: float
    num_trials: int
    metric: str
    num_evaluations: int
    halving: bool
    seed: int
    """Of every trial's training."""

    @property
    def first_rung(self) -> int | None:
        """After how many evaluations trials are halved for the first time; None where they never are."""
        first = math.ceil(self.num_evaluations / 4)
        return first if self.halving and first < self.num_evaluations else None

    @property
    def planned_rates(self) -> list[float]:
        """The rates that are tried whatever they come to: all of them reach the first rung before any is given up."""
        return self._list_fixed()[: self.num_trials]

    def next_rate(self, trials: Sequence[Trial]) -> float:
        """Return the learning rate to try after these."""
        fixed = self._list_fixed()
        if len(trials) < len(fixed):
            return fixed[len(trials)]
        rates = sorted(trial.learning_rate for trial in trials)
        gaps = [(math.log(above / below), below, above) for below, above in pairwise(rates)]
        best = self.find_best(trials)
        beside = [gap for gap in gaps if best is not None and best.learning_rate in gap[1:] and gap[0] > NARROW]
        _, below, above = max(beside or gaps)
        return round_rate(math.sqrt(below * above))

    def should_prune(self, others: Sequence[Trial], validation: Sequence[tuple[int, float]]) -> bool:
        """Whether a trial with these validation losses, its last one not among them, is to be given up.

        It goes on where it is among the better half of the trials that have come as far, itself included.
        """
        if not self.halving or not validation:
            return False
        study = self._replay(others)
        return _report(study.ask(), validation)

    def find_best(self, trials: Sequence[Trial]) -> Trial | None:
        """Return the finished trial that is best in the metric, the first of equals; None when none has finished."""
        finished = [(self._loss(trial.value), trial.number, trial) for trial in trials if trial.value is not None]
        return min(finished)[2] if finished else None

    def _list_fixed(self) -> list[float]:
        """Return the rates that are tried whatever they come to."""
        span = math.log(self.high / self.low)
        rates = [self.start]
        for place in PLACES:
            rate = round_rate(self.low * math.exp(place * span))
            if all(abs(math.log(rate / other)) > NEAR * span for other in rates):
                rates.append(rate)
        return rates

    def _replay(self, trials: Sequence[Trial]) -> Study:
        """Tell a new study all that the trials before have reported, in order: halving needs nothing else."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # The first halving comes after a quarter of the evaluations, the next after twice as many.
        first = self.first_rung or self.num_evaluations
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=REDUCTION)
        study = optuna.create_study(pruner=pruner)
        for trial in trials:
            study.enqueue_trial({"learning_rate": trial.learning_rate})
            asked = study.ask()
            # At its end a trial is no longer judged by halving, so its last loss was not reported.
            _report(asked, trial.validation[:-1] if trial.outcome == FINISHED else trial.validation)
            if trial.value is None:
                study.tell(asked, state=optuna.trial.TrialState.PRUNED)
            else:
                study.tell(asked, self._loss(trial.value))
        return study

    def _loss(self, value: float) -> float:
        return -value if self.metric == "rouge1" else value


@dataclass(frozen=True, slots=True)
class SearchOutcome(Record):
    """A finished search: what was tried, what was chosen, what it took."""

    key: str
    metric: str
    start: float
    low: float
    high: float
    trials: tuple[Trial, ...]
    chosen: Trial
    edge: str | None
    """lowest or highest, where nothing was tried on the other side of the chosen rate."""

    @property
    def num_steps(self) -> int:
        """Optimizer steps of all trials."""
        return sum(trial.num_steps for trial in self.trials)

    @property
    def train_seconds(self) -> float:
        """Seconds of all trials' optimizer steps."""
        return sum(trial.train_seconds for trial in self.trials)

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain values; the trial that was chosen is given by its rate."""
        values = asdict(self) | {"chosen": self.chosen.learning_rate}
        return values | {"num_steps": self.num_steps, "train_seconds": self.train_seconds}


def summarize_search(search: Search, trials: Sequence[Trial]) -> SearchOutcome:
    """Choose among finished trials. Raises TrainingError when there is none."""
    best = search.find_best(trials)
    if best is None:
        raise TrainingError(
            f"tuning: every learning rate tried for methods.{search.key} made the loss diverge ({search.low:g} to "
            f"{search.high:g}). Lower methods.{search.key}.learning_rate, or raise tuning.factor."
        )
    rates = [trial.learning_rate for trial in trials]
    edge = "lowest" if best.learning_rate == min(rates) else "highest" if best.learning_rate == max(rates) else None
    return SearchOutcome(
        key=search.key,
        metric=search.metric,
        start=search.start,
        low=search.low,
        high=search.high,
        trials=tuple(trials),
        chosen=best,
        edge=edge,
    )


def _report(trial: OptunaTrial, losses: Sequence[tuple[int, float]]) -> bool:
    """Report a trial's validation losses one by one, and return whether it was to be given up after the last."""
    is_pruned = False
    for evaluation, (_, loss) in enumerate(losses, start=1):
        trial.report(loss, evaluation)
        is_pruned = trial.should_prune()
    return is_pruned


def round_rate(rate: float) -> float:
    """Return the rate with three digits, so that what a report shows can be typed in."""
    return float(f"{rate:.3g}")


__all__ = [
    "DIVERGED",
    "FINISHED",
    "PAUSED",
    "PLACES",
    "STOPPED",
    "Search",
    "SearchOutcome",
    "Trial",
    "round_rate",
    "summarize_search",
]

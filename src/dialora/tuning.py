"""The search for a method's learning rate: which rate is tried next, when a trial is given up, which one is chosen.

Takes what the trials before have come to and gives a decision, the same one every time: nothing is drawn, so a search
that was killed goes on from the trials that lie on disk. A method's own rate comes first, then fixed places of the
range, then the middle of the wider gap beside the best. Successive halving (arXiv 1810.05934) is Optuna's.
Never imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import ExperimentConfig, stable_hash
from dialora.errors import StageError, TrainingError
from dialora.methods import Method
from dialora.records import Record
from dialora.runs import Run, build_trial, load_json

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial as OptunaTrial

FINISHED, STOPPED, DIVERGED = "finished", "stopped", "diverged"
TRIAL_FILE = "trial.json"
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
    """finished, stopped (given up on the way) or diverged (the loss was not finite)."""
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

    def next_rate(self, trials: Sequence[Trial]) -> float:
        """Return the learning rate to try after these."""
        fixed = self._list_fixed()
        if len(trials) < len(fixed):
            return fixed[len(trials)]
        rates = sorted(trial.learning_rate for trial in trials)
        gaps = [(math.log(above / below), below, above) for below, above in zip(rates, rates[1:], strict=False)]
        best = self.find_best(trials)
        beside = [gap for gap in gaps if best is not None and best.learning_rate in gap[1:] and gap[0] > NARROW]
        _, below, above = max(beside or gaps)
        return _round(math.sqrt(below * above))

    def is_hopeless(self, earlier: Sequence[Trial], validation: Sequence[tuple[int, float]]) -> bool:
        """Whether a trial with these validation losses, its last one not among them, is to be given up.

        It goes on where it is among the better half of the trials that have come as far, itself included.
        """
        if not self.halving or not validation:
            return False
        study = self._retell(earlier)
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
            rate = _round(self.low * math.exp(place * span))
            if all(abs(math.log(rate / other)) > NEAR * span for other in rates):
                rates.append(rate)
        return rates

    def _retell(self, trials: Sequence[Trial]) -> Study:
        """Tell a new study all that the trials before have reported, in order: halving needs nothing else."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # The first halving comes after a quarter of the evaluations, the next after twice as many.
        first = math.ceil(self.num_evaluations / 4)
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
class TrialJob:
    """What a worker must know of a search to make its next trial."""

    search: Search
    earlier: tuple[Trial, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain values."""
        return {"search": self.search.to_json(), "earlier": [trial.to_json() for trial in self.earlier]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrialJob:
        """Build the job from `to_json`'s form."""
        earlier = tuple(Trial.from_json(trial) for trial in values["earlier"])
        return cls(Search.from_json(values["search"]), earlier)


@dataclass(frozen=True, slots=True)
class PlannedSearch:
    """A search and where its trials lie."""

    search: Search
    method: str
    root: Path
    digest: str
    """A hash of all that the trials depend on besides their rate."""

    def plan_trial(self, number: int, learning_rate: float) -> Run:
        """Lay out one trial."""
        return build_trial(
            self.root,
            key=self.search.key,
            method=self.method,
            number=number,
            seed=self.search.seed,
            digest=self.digest,
            learning_rate=learning_rate,
        )

    def load_trials(self) -> list[Trial]:
        """Return the trials that lie on disk, up to the first one missing."""
        trials: list[Trial] = []
        while len(trials) < self.search.num_trials:
            run = self.plan_trial(len(trials), self.search.next_rate(trials))
            if run.training is None or not run.training.is_complete:
                break
            trials.append(Trial.from_json(load_json(run.training.folder / TRIAL_FILE)))
        return trials

    def load_outcome(self) -> SearchOutcome | None:
        """Return what the search has come to; None while trials are missing. Raises TrainingError when all failed."""
        trials = self.load_trials()
        return summarize_search(self.search, trials) if len(trials) == self.search.num_trials else None

    def require_outcome(self) -> SearchOutcome:
        """Return what the search has come to. Raises StageError while trials are missing."""
        outcome = self.load_outcome()
        if outcome is None:
            raise StageError(
                f"{self.root / 'tuning'}: the search for {self.search.key}'s learning rate is not finished; run it "
                f"first (`dialora tune`; `dialora compare` runs all that is missing)."
            )
        return outcome


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


def build_search(key: str, method: Method, config: ExperimentConfig) -> Search:
    """Lay down one method's search: from its own range, or from its rate and `tuning.factor`.

    A rate that the experiment names outside of the method's range widens it.
    """
    assert config.tuning is not None
    tuning = config.tuning
    start: float = method.learning_rate  # type: ignore[attr-defined]
    low, high = method.learning_rate_range
    if tuning.factor is not None:
        low, high = start / tuning.factor, start * tuning.factor
    return Search(
        key=key,
        start=start,
        low=min(start, _round(low)),
        high=max(start, _round(high)),
        num_trials=tuning.trials,
        metric=tuning.metric,
        num_evaluations=config.training.num_evaluations,
        halving=tuning.halving,
        seed=tuning.seed,
    )


def plan_search(key: str, config: ExperimentConfig, root: Path, inputs: Mapping[str, Any]) -> PlannedSearch:
    """Lay out one method's search under `root`; `inputs` is all that a trained system depends on but seed and method.

    The number of trials is left out of the hash: with more of them, those that were made before are kept.
    """
    method, tuning = config.methods[key], config.tuning
    assert tuning is not None
    search = build_search(key, method, config)
    rules = search.to_json() | {"num_trials": None, "method": method.name}
    if tuning.metric == "rouge1":
        decoding = config.decoding.model_dump(mode="json")
        rules |= {"max_examples": tuning.max_examples, "decoding": decoding, "references": config.scoring.references}
    options = method.model_dump(mode="json", exclude={"learning_rate"})
    return PlannedSearch(search, method.name, root, stable_hash([rules, options, dict(inputs)]))


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


def set_learning_rates(config: ExperimentConfig, rates: Mapping[str, float]) -> ExperimentConfig:
    """Return the experiment with these methods' learning rates put in."""
    methods = {
        key: method.model_copy(update={"learning_rate": rates[key]}) if key in rates else method
        for key, method in config.methods.items()
    }
    return config.model_copy(update={"methods": methods})


def _report(trial: OptunaTrial, losses: Sequence[tuple[int, float]]) -> bool:
    """Report a trial's validation losses one by one, and return whether it was to be given up after the last."""
    hopeless = False
    for evaluation, (_, loss) in enumerate(losses, start=1):
        trial.report(loss, evaluation)
        hopeless = trial.should_prune()
    return hopeless


def _round(rate: float) -> float:
    """Return the rate with three digits, so that what a report shows can be typed in."""
    return float(f"{rate:.3g}")


__all__ = [
    "DIVERGED",
    "FINISHED",
    "NARROW",
    "NEAR",
    "PLACES",
    "REDUCTION",
    "STOPPED",
    "TRIAL_FILE",
    "PlannedSearch",
    "Search",
    "SearchOutcome",
    "Trial",
    "TrialJob",
    "build_search",
    "plan_search",
    "set_learning_rates",
    "summarize_search",
]

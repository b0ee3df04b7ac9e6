"""The searches for learning rates on disk: where their trials lie, which are there, what is missing.

Takes an experiment and what its runs depend on, gives a PlannedSearch for each method that trains; the rules are
`rules`'. A trial's folder is named by all that it depends on, so what lies there is what would be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dialora.config import ExperimentConfig, stable_hash
from dialora.config.method import MAX_RATE, MIN_RATE
from dialora.errors import StageError
from dialora.methods import Method
from dialora.protocols import STANDARD
from dialora.store import ExperimentFolder, TrialFolder, build_trial, load_json, names, save_json
from dialora.tuning.rules import PAUSED, STOPPED, Search, SearchOutcome, Trial, round_rate, summarize_search

MakeTrial = Callable[[Search, TrialFolder, float, tuple[Trial, ...], bool], None]
"""Makes a search's trial with this learning rate, judged by these others, and its stage: up to the first halving where
the last argument says so, else its result."""


HALVING = "planned trials together"
"""How trials are halved; others would not be given up by other rules."""


@dataclass(frozen=True, slots=True)
class PlannedSearch:
    """A search and where its trials lie."""

    search: Search
    folder: ExperimentFolder
    digest: str
    """A hash of all that the trials depend on besides their rate."""

    def plan_trial(self, number: int, learning_rate: float) -> TrialFolder:
        """Lay out one trial."""
        return build_trial(
            self.folder.searches,
            key=self.search.key,
            number=number,
            seed=self.search.seed,
            digest=self.digest,
            learning_rate=learning_rate,
        )

    def finish(self, make_trial: MakeTrial) -> None:
        """Make the trials that are missing: the planned ones up to the first halving, then what is left of each.

        What comes after the planned ones follows from those before. Checkpoints and logs go when all are there.
        """
        if self.search.first_rung is not None:
            self._halve_planned(make_trial)
        trials = self.load_trials()
        while len(trials) < self.search.num_trials:
            rate = self.search.next_rate(trials)
            place = self.plan_trial(len(trials), rate)
            make_trial(self.search, place, rate, self._load_others(place), False)
            place.result.require()
            trials = self.load_trials()
        for trial in trials:
            self.plan_trial(trial.number, trial.learning_rate).tidy()

    def _halve_planned(self, make_trial: MakeTrial) -> None:
        """Bring every planned trial to the first rung; then give up those in the worse half of all of them.

        Judged as they come, a low rate, which lags at first, would go or stay by its place in the order.
        """
        places = [(self.plan_trial(at, rate), rate) for at, rate in enumerate(self.search.planned_rates)]
        for place, rate in places:
            if _load_trial(place) is None:
                make_trial(self.search, place, rate, (), True)
        reached = [(place, _load_trial(place)) for place, _ in places]
        for place, trial in reached:
            others = [other for _, other in reached if other is not None and other is not trial]
            if trial and trial.outcome == PAUSED and self.search.should_prune(others, trial.validation):
                with place.result.writing() as folder:
                    save_json(replace(trial, outcome=STOPPED).to_json(), folder / names.TRIAL)
                place.tidy()

    def _load_others(self, place: TrialFolder) -> tuple[Trial, ...]:
        """Return the other trials as far as they have come: what one is judged by at the next halvings."""
        known = self.load_trials()
        planned = [self.plan_trial(at, rate) for at, rate in enumerate(self.search.planned_rates)]
        found = {trial.number: trial for trial in map(_load_trial, planned) if trial is not None}
        found |= {trial.number: trial for trial in known}
        return tuple(found[number] for number in sorted(found) if number != place.number)

    def load_trials(self) -> list[Trial]:
        """Return the trials that lie on disk, up to the first one missing."""
        trials: list[Trial] = []
        while len(trials) < self.search.num_trials:
            place = self.plan_trial(len(trials), self.search.next_rate(trials))
            if not place.result.is_complete:
                break
            trials.append(Trial.from_json(load_json(place.result.folder / names.TRIAL)))
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
                f"{self.folder.searches}: the search for {self.search.key}'s learning rate is not finished; run it "
                f"first (`dialora tune`; `dialora compare` runs all that is missing)."
            )
        return outcome


def _load_trial(place: TrialFolder) -> Trial | None:
    """Return a trial as far as it has come; None where it has not reached the first rung."""
    stage = next((stage for stage in (place.result, place.first) if stage.is_complete), None)
    return None if stage is None else Trial.from_json(load_json(stage.folder / names.TRIAL))


def build_search(
    key: str, method: Method, config: ExperimentConfig, *, rate_range: tuple[float, float] | None = None
) -> Search:
    """Lay down one method's search: from `rate_range`, else the method's own, or from its rate and `tuning.factor`.

    A rate that the experiment names outside of the method's range widens it.
    """
    assert config.tuning is not None
    tuning = config.tuning
    start: float = method.learning_rate  # type: ignore[attr-defined]
    low, high = rate_range or method.learning_rate_range
    if tuning.factor is not None:
        low, high = start / tuning.factor, start * tuning.factor
    return Search(
        key=key,
        start=start,
        low=min(start, max(round_rate(low), MIN_RATE)),
        high=max(start, min(round_rate(high), MAX_RATE)),
        num_trials=tuning.trials,
        metric=tuning.metric,
        num_evaluations=config.training.num_evaluations,
        halving=tuning.halving,
        seed=tuning.seed,
    )


def plan_searches(
    config: ExperimentConfig,
    folder: ExperimentFolder,
    inputs: Mapping[str, Mapping[str, Any]],
    rate_ranges: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[PlannedSearch, ...]:
    """Lay out the search for each trained method's learning rate; none where none is asked for.

    By a method's key, `inputs` is all that its trained system depends on besides method and seed, `rate_ranges` where
    its rate should be looked for if not in the method's own range.
    """
    if config.tuning is None:
        return ()
    trained = [key for key, method in config.methods.items() if method.trains]
    ranges = rate_ranges or {}
    return tuple(_plan_search(key, config, folder, inputs.get(key, {}), ranges.get(key)) for key in trained)


def _plan_search(
    key: str,
    config: ExperimentConfig,
    folder: ExperimentFolder,
    inputs: Mapping[str, Any],
    rate_range: tuple[float, float] | None,
) -> PlannedSearch:
    method, tuning = config.methods[key], config.tuning
    assert tuning is not None
    search = build_search(key, method, config, rate_range=rate_range)
    # The number of trials is left out: with more of them, those that were made before are kept.
    rules = search.to_json() | {"num_trials": None, "method": method.name}
    if search.halving:
        rules["halving"] = HALVING
    if tuning.metric == "rouge1":
        decoding = config.decoding.identify()
        rules |= {"max_examples": tuning.max_examples, "decoding": decoding, "references": config.scoring.references}
        if config.scoring.tokenizer != STANDARD.tokenizer:
            rules["tokenizer"] = config.scoring.tokenizer
    options = {name: value for name, value in method.list_options().items() if name != "learning_rate"}
    return PlannedSearch(search, folder, stable_hash([rules, options, dict(inputs)]))


def set_learning_rates(config: ExperimentConfig, rates: Mapping[str, float]) -> ExperimentConfig:
    """Return the experiment with these methods' learning rates put in."""
    methods = {
        key: method.model_copy(update={"learning_rate": rates[key]}) if key in rates else method
        for key, method in config.methods.items()
    }
    return config.model_copy(update={"methods": methods})


__all__ = ["MakeTrial", "PlannedSearch", "build_search", "plan_searches", "set_learning_rates"]

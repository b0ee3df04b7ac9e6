"""The search for learning rates: the same rules for every method, and nothing lost by a kill."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from dialora import api
from dialora.comparison import Comparison
from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError, StageError, TrainingError
from dialora.methods import METHODS
from dialora.models.bases import settle
from dialora.report.tuning import build_tuning_notes, build_tuning_table
from dialora.store import ExperimentFolder, TrialFolder, names, save_json
from dialora.tuning.rules import DIVERGED, FINISHED, PAUSED, STOPPED, Search, Trial, summarize_search
from dialora.tuning.trials import build_search, plan_searches
from tests import sizes
from tests.conftest import build_experiment_values
from tests.experiment.test_kill import kill_at

MINIMAL = {"data": {"source": "bundled"}}


def plan(methods: dict[str, Any], **tuning: Any) -> dict[str, Search]:
    config = load_experiment(MINIMAL | {"methods": methods, "tuning": {"trials": 6} | tuning})
    return {key: build_search(key, method, config) for key, method in config.methods.items()}


def make_trial(number: int, rate: float, losses: list[float], outcome: str = FINISHED) -> Trial:
    value = losses[-1] if outcome == FINISHED else None
    validation = tuple((10 * i, loss) for i, loss in enumerate(losses, start=1))
    return Trial(number, rate, outcome, value, validation, 10 * len(losses), 1.0, None)


def run_search(search: Search, loss: Callable[[float], float], *, num_trials: int) -> list[Trial]:
    """A search without training: one evaluation, so nothing is halved."""
    trials: list[Trial] = []
    while len(trials) < num_trials:
        rate = search.next_rate(trials)
        trials.append(make_trial(len(trials), rate, [loss(rate)]))
    return trials


def test_every_method_is_tried_at_the_same_multiples_of_its_rate() -> None:
    trained = {name: {"peft_type": "LOHA"} if name == "peft" else {} for name, m in METHODS.items() if m.trains}
    multiples = {
        key: [trial.learning_rate / search.start for trial in run_search(search, abs, num_trials=5)]
        for key, search in plan(trained, factor=10).items()
    }
    for key, found in multiples.items():
        assert found == pytest.approx([1, 10**0.5, 10**-0.5, 10, 0.1], rel=5e-3), key


def test_the_narrowest_range_that_is_allowed_has_rates_to_try() -> None:
    for rate in (1e-3, 9.95e-4, 0.0101):
        search = plan({"lora": {"learning_rate": rate}}, factor=1.1)["lora"]
        trials = run_search(search, lambda rate: rate, num_trials=9)
        assert len({trial.learning_rate for trial in trials}) == 9


def test_without_a_factor_the_methods_own_range_is_searched_from_its_own_rate() -> None:
    for key, search in plan({"lora": {}, "prompt_tuning": {}, "full": {"learning_rate": 5e-3}}).items():
        low, high = METHODS[key].learning_rate_range
        rates = [trial.learning_rate for trial in run_search(search, lambda rate: rate, num_trials=6)]
        assert rates[0] == search.start
        assert min(rates) == low
        assert max(rates) == (5e-3 if key == "full" else high)
        # No trial is spent beside another.
        gaps = [b / a for a, b in zip(sorted(rates), sorted(rates)[1:], strict=False)]
        assert min(gaps) > 1.4


@pytest.mark.parametrize("best", [1.7e-4, 6e-4, 1e-3, 2.2e-3, 7e-3])
def test_what_comes_after_the_fixed_rates_closes_in_on_the_best(best: float) -> None:
    search = plan({"lora": {}})["lora"]

    def miss(trials: list[Trial]) -> float:
        return abs(math.log10(summarize_search(search, trials).chosen.learning_rate / best))

    trials = run_search(search, lambda rate: math.log10(rate / best) ** 2, num_trials=10)
    assert miss(trials) < 0.07
    assert miss(trials) <= miss(trials[:5])


def test_halving_gives_up_what_a_live_optuna_study_prunes() -> None:
    search = Search("lora", 1e-3, 1e-4, 1e-2, 8, "validation_loss", 8, True, 0)
    rng = random.Random(0)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=2)
    study = optuna.create_study(pruner=pruner)
    trials: list[Trial] = []
    outcomes = set()
    for number in range(40):
        asked, start, losses = study.ask(), rng.uniform(2, 4), []
        outcome = FINISHED
        for evaluation in range(1, 9):
            losses.append(start - 0.1 * evaluation + rng.gauss(0, 0.5))
            if evaluation == 8:
                continue
            asked.report(losses[-1], evaluation)
            pruned = asked.should_prune()
            validation = make_trial(number, 1e-3, losses).validation
            assert search.should_prune(trials, validation) == pruned
            if pruned:
                outcome = STOPPED
                break
        if outcome == FINISHED:
            study.tell(asked, losses[-1])
        else:
            study.tell(asked, state=optuna.trial.TrialState.PRUNED)
        trials.append(make_trial(number, 1e-3, losses, outcome))
        outcomes.add((outcome, len(losses)))
    # Given up at the first halving, at the second, and not at all: all three are in the comparison.
    assert {(STOPPED, 2), (STOPPED, 4), (FINISHED, 8)} <= outcomes


def test_halving_can_be_switched_off() -> None:
    losses = [make_trial(i, rate, [loss] * 4) for i, (rate, loss) in enumerate([(1e-3, 2.0), (2e-3, 1.0)])]
    losses.append(make_trial(2, 1e-2, [], DIVERGED))
    worse = make_trial(3, 3e-3, [9.0, 9.0]).validation
    assert plan({"lora": {}})["lora"].should_prune(losses, worse)
    assert not plan({"lora": {}}, halving=False)["lora"].should_prune(losses, worse)


def test_only_a_finished_trial_is_chosen_and_an_edge_is_warned_of() -> None:
    search = plan({"lora": {}})["lora"]
    trials = [
        make_trial(0, 1e-3, [3.0, 2.0]),
        make_trial(1, 3e-3, [2.5, 1.9]),
        make_trial(2, 1e-4, [1.0], STOPPED),
        make_trial(3, 1e-2, [], DIVERGED),
    ]
    outcome = summarize_search(search, trials)
    assert (outcome.chosen.number, outcome.edge) == (1, None)
    assert build_tuning_notes([outcome], {"lora": "PEFT"}) == []
    # Without the rate at which it diverged nothing says that the best is not higher still.
    outcome = summarize_search(search, trials[:3])
    assert outcome.edge == "highest"
    (note,) = build_tuning_notes([outcome], {"lora": "PEFT"})
    assert note.startswith("PEFT: the learning rate chosen, 0.003, is the highest that was tried")


def test_rouge_is_better_when_it_is_higher() -> None:
    search = plan({"lora": {}}, metric="rouge1")["lora"]
    trials = [make_trial(i, rate, [value]) for i, (rate, value) in enumerate([(1e-3, 0.2), (3e-3, 0.3), (1e-4, 0.1)])]
    assert summarize_search(search, trials).chosen.learning_rate == 3e-3


def test_where_every_rate_diverged_the_error_says_what_to_do() -> None:
    search = plan({"lora": {}})["lora"]
    with pytest.raises(TrainingError, match=r"every learning rate tried for methods\.lora .* Lower methods\.lora\."):
        summarize_search(search, [make_trial(0, 1e-3, [], DIVERGED), make_trial(1, 1e-4, [], DIVERGED)])


def test_a_search_cut_short_goes_on_with_the_same_rates_and_repeats_nothing(tmp_path: Path) -> None:
    config = load_experiment(MINIMAL | {"methods": {"full": {}, "lora": {}}, "tuning": {"trials": 8}})
    made: list[tuple[str, float]] = []

    def make(search: Search, place: TrialFolder, rate: float, others: tuple[Trial, ...], until_rung: bool) -> None:
        made.append((place.key, rate))
        with (place.first if until_rung else place.result).writing() as folder:
            losses = [math.log10(rate / 3e-4) ** 2 + 1 / at for at in range(1, 3 if until_rung else 6)]
            outcome = PAUSED if until_rung else FINISHED
            save_json(make_trial(place.number, rate, losses, outcome).to_json(), folder / names.TRIAL)

    def make_until(limit: int, *job: Any) -> None:
        if len(made) == limit:
            raise KeyboardInterrupt
        make(*job)

    for planned in plan_searches(config, ExperimentFolder(tmp_path / "whole"), {}):
        planned.finish(make)
    expected, made[:] = list(made), []
    # Five planned places of each method reach the first rung, two of them and three later ones go to their end.
    assert sorted(expected.count(trial) for trial in set(expected)) == [1] * 12 + [2] * 4
    for limit in range(21):
        with suppress(KeyboardInterrupt):
            for planned in plan_searches(config, ExperimentFolder(tmp_path / "cut"), {}):
                planned.finish(partial(make_until, limit))
    assert made == expected
    assert len(set(made)) == 16


def test_every_planned_rate_reaches_the_first_halving_before_any_is_given_up(tmp_path: Path) -> None:
    # The lower a rate the slower it begins and the lower it ends. Three are worse at the first halving than two of them
    # all, whichever come first.
    config = load_experiment(MINIMAL | {"methods": {"lora": {"learning_rate": 1e-3}}, "tuning": {"trials": 5}})
    told: list[tuple[int, bool, int]] = []

    def make(search: Search, place: TrialFolder, rate: float, others: tuple[Trial, ...], until_rung: bool) -> None:
        told.append((place.number, until_rung, len(others)))
        losses = [2.0 + first_losses[place.number], 1.5]
        with (place.first if until_rung else place.result).writing() as folder:
            trial = make_trial(place.number, rate, losses[: 1 if until_rung else 2], PAUSED if until_rung else FINISHED)
            save_json(trial.to_json(), folder / names.TRIAL)

    for first_losses, survivors in (((1, 2, 3, 4, 5), {0, 1}), ((5, 4, 3, 2, 1), {3, 4}), ((3, 5, 1, 4, 2), {2, 4})):
        told.clear()
        config = load_experiment(config, {"training.num_evaluations": 4})
        (planned,) = plan_searches(config, ExperimentFolder(tmp_path / str(first_losses)), {})
        planned.finish(make)
        assert told[:5] == [(number, True, 0) for number in range(5)]
        assert {number for number, _, _ in told[5:]} == survivors
        # At the later halvings each is judged by all others.
        assert {count for _, _, count in told[5:]} == {4}
        trials = planned.load_trials()
        assert [trial.outcome for trial in trials] == [FINISHED if at in survivors else STOPPED for at in range(5)]


def test_a_trial_is_the_same_after_a_round_trip_through_json() -> None:
    trial = make_trial(3, 1.23e-4, [2.5, 2.25], STOPPED)
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


@pytest.mark.parametrize(
    ("tuning", "problem"),
    [
        ({}, "tuning.trials: is missing"),
        ({"trials": 1}, "tuning.trials: input should be greater than or equal to 2, got 1"),
        ({"trials": 4, "metric": "rouge"}, "tuning.metric: input should be 'validation_loss' or 'rouge1'"),
        ({"trials": 4, "factor": 1.0001}, "tuning.factor: input should be greater than or equal to 1.1, got 1.0001"),
        ({"trails": 4}, "tuning.trails: unknown key; did you mean 'trials'?"),
    ],
)
def test_a_mistake_in_the_section_is_named(tuning: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(MINIMAL | {"methods": {"lora": {}}, "tuning": tuning})
    assert problem in str(caught.value)


def test_the_table_tells_what_became_of_every_rate() -> None:
    search = plan({"lora": {}})["lora"]
    trials = [make_trial(0, 1e-3, [3.0, 2.0]), make_trial(1, 3e-3, [4.0], STOPPED), make_trial(2, 1e-2, [], DIVERGED)]
    table = build_tuning_table([summarize_search(search, trials)], {"lora": "PEFT"})
    assert table is not None
    name, chosen, value, tried, steps, seconds = table.rows[0].cells
    assert (name.text, chosen.text, value.text, steps.text, seconds.text) == ("PEFT", "0.001", "2.0000", "30", "3.0 s")
    assert tried.details == (
        "0.001: 2.0000",
        "0.003: stopped after 10 steps, loss 4.0000",
        "0.01: diverged after 0 steps",
    )


class Tuned:
    """A finished experiment with a search, run once for all tests here."""

    def __init__(self, config: ExperimentConfig, root: Path) -> None:
        self.config, self.root = config, root
        self.comparison: Comparison = api.compare(config, output=root)
        self.results = json.loads((root / "results.json").read_text(encoding="utf-8"))

    def trials(self) -> dict[str, bytes]:
        return {path.parents[1].name: path.read_bytes() for path in self.root.glob("tuning/*/*/result/trial.json")}


@pytest.fixture(scope="module")
def tuned(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    values = build_experiment_values(tiny_model, small_data) | {"tuning": {"trials": 3, "factor": 10}}
    values["methods"] = {"zero_shot": {}, "lora": {"r": 4, "learning_rate": 1e-2}}
    return Tuned(load_experiment(values), tmp_path_factory.mktemp("runs") / "tuned")


def test_the_runs_are_made_with_the_rate_that_was_chosen(tuned: Tuned) -> None:
    (search,) = tuned.results["tuning"]
    assert search["key"] == "lora"
    assert [trial["learning_rate"] for trial in search["trials"]] == [0.01, 0.0316, 0.00316]
    finished = [trial for trial in search["trials"] if trial["outcome"] == FINISHED]
    best = min(finished, key=lambda trial: trial["value"])
    assert search["chosen"] == best["learning_rate"]
    assert search["num_steps"] == sum(trial["num_steps"] for trial in search["trials"])
    # The same rate, seed and batches: the run's loss is the trial's, to the last bit.
    training = json.loads(next(tuned.root.glob("lora-s0-*/training/training.json")).read_text())
    assert [list(point) for point in training["result"]["validation"]] == best["validation"]


def test_no_weights_and_no_checkpoints_of_trials_are_kept(tuned: Tuned) -> None:
    names = {path.name for path in (tuned.root / "tuning").rglob("*") if path.is_file()}
    assert names == {"trial.json", "manifest.json"}


def test_the_report_shows_the_search(tuned: Tuned) -> None:
    assert "## Learning rates" in (tuned.root / "report.md").read_text(encoding="utf-8")
    assert 'id="tuning"' in (tuned.root / "report.html").read_text(encoding="utf-8")
    assert (tuned.root / "figures" / "learning_rates.svg").is_file()
    # The file shown is the one that was asked for: run again, it searches from the same rate.
    assert load_experiment(yaml.safe_load((tuned.root / "experiment.yaml").read_text())) == settle(tuned.config)


def test_one_more_trial_and_one_more_seed_repeat_nothing(tuned: Tuned, tmp_path: Path) -> None:
    root = tmp_path / "more"
    shutil.copytree(tuned.root, root)
    before = tuned.trials()
    events: list[dict[str, Any]] = []
    config = load_experiment(tuned.config, {"tuning.trials": 4, "seeds": [0, 1]})
    api.compare(config, output=root, observer=events.append)
    after = {path.parents[1].name: path.read_bytes() for path in root.glob("tuning/*/*/result/trial.json")}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"lora-trial-3"}
    trained = {event["run"].rpartition("-")[0] for event in events if event.get("stage") == "training"}
    (search,) = json.loads((root / "results.json").read_text())["tuning"]
    same_rate = search["chosen"] == tuned.results["tuning"][0]["chosen"]
    assert trained == {"lora-trial", "lora-s1"} | (set() if same_rate else {"lora-s0"})


def test_stages_wait_for_the_search(tuned: Tuned, tmp_path: Path) -> None:
    root = tmp_path / "waiting"
    shutil.copytree(tuned.root, root)
    shutil.rmtree(next(root.glob("tuning/*/lora-trial-1")))
    for verb in (api.generate, api.score, api.report):
        with pytest.raises(StageError, match="the search for lora's learning rate is not finished"):
            verb(tuned.config, output=root)
    api.train(tuned.config, output=root, observer=None)
    assert next(root.glob("tuning/*/lora-trial-1/result/trial.json")).is_file()


def test_a_search_by_rouge_scores_summaries_of_validation_dialogues(experiment: dict[str, Any], tmp_path: Path) -> None:
    tuning = {"trials": 2, "metric": "rouge1", "max_examples": 3, "halving": False}
    config = load_experiment(experiment, {"tuning": tuning, "methods": {"lora": {"r": 4, "learning_rate": 1e-2}}})
    (outcome,) = api.tune(config, output=tmp_path / "rouge")
    assert all(0 <= trial.value <= 1 for trial in outcome.trials if trial.value is not None)
    assert outcome.chosen.value == max(trial.value or 0 for trial in outcome.trials)


def test_a_rate_at_which_training_diverges_is_a_result(experiment: dict[str, Any], tmp_path: Path) -> None:
    # The largest that are allowed: weights grow nearly a hundredfold with every step.
    settings = {"tuning": {"trials": 2, "factor": 1.1}, "training.warmup_ratio": 0, "training.weight_decay": 10}
    config = load_experiment(
        experiment, settings | {"training.num_train_epochs": 10, "methods": {"full": {"learning_rate": 10}}}
    )
    with pytest.raises(TrainingError, match="every learning rate tried"):
        api.compare(config, output=tmp_path / "x")
    found = [json.loads(path.read_text()) for path in tmp_path.glob("x/tuning/*/*/result/trial.json")]
    assert {trial["outcome"] for trial in found} == {DIVERGED}
    assert all(1 <= trial["num_steps"] < 60 for trial in found)


def start(file: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dialora", "tune", str(file), "--output", str(output), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)


def describe(outcomes: list[dict[str, Any]]) -> list[Any]:
    """All that must not depend on interruptions."""
    names = ("number", "learning_rate", "outcome", "value", "validation", "num_steps")
    return [(o["key"], o["chosen"], [[trial[name] for name in names] for trial in o["trials"]]) for o in outcomes]


def stamp(output: Path) -> dict[Path, tuple[int, int]]:
    """The trials that have reached their first halving or their end, and when and where each was written."""
    found = output.glob("tuning/*/*/*/manifest.json")
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


def check_kept(before: dict[Path, tuple[int, int]], after: dict[Path, tuple[int, int]]) -> None:
    """Nothing was made again: what a trial left at its first halving goes when it has a result."""
    for path, written in before.items():
        result = path.parents[1] / "result" / "manifest.json"
        assert after.get(path) == written or (path.parent.name == "first-rung" and result in after)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker through /proc")
def test_killed_at_many_moments_no_finished_trial_is_repeated(experiment: dict[str, Any], tmp_path: Path) -> None:
    values = experiment | {"tuning": {"trials": 4, "factor": 10}}
    values["methods"] = {"full": {"learning_rate": 1e-3}, "lora": {"r": 4, "learning_rate": 1e-2}}
    values["training"] = experiment["training"] | {"checkpoint_seconds": 1e-6, "num_evaluations": 4}
    file = tmp_path / "search.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    began = time.monotonic()
    with start(file, tmp_path / "undisturbed") as process:
        expected = json.loads(process.communicate(timeout=900)[0])
    # On a machine with other work nothing may have come yet after the seconds that are enough on a quiet one.
    took = time.monotonic() - began
    within = max(3, took / 3), max(9, took)
    assert [len(outcome["trials"]) for outcome in expected] == [4, 4]
    rng = random.Random(os.environ.get("DIALORA_KILL_SEED", "0"))
    output = tmp_path / "disturbed"
    finished: dict[Path, tuple[int, int]] = {}
    triggers = ["checkpoint-*/dialora.json", ".result.writing", "manifest.json", "worker.log"]
    for number in range(sizes.NUM_KILLS_OF_A_SEARCH):
        trigger = triggers[number % len(triggers)]
        if not kill_at(start(file, output), output, trigger, rng, parent=rng.random() < 0.5, within=within):
            break
        now = stamp(output)
        check_kept(finished, now)
        finished = now
    with start(file, output) as process:
        found = json.loads(process.communicate(timeout=900)[0])
    assert finished, "no trial had come anywhere before the last kill"
    check_kept(finished, stamp(output))
    assert describe(found) == describe(expected)
    assert not list(output.rglob("checkpoint-*"))

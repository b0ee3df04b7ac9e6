"""Intervals, differences and the verdict."""

import hashlib
import time
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from dialora.comparison import (
    METRICS,
    Comparison,
    Difference,
    RunResult,
    SystemRuns,
    aggregate_references,
    compare_systems,
    draws,
)
from dialora.comparison.draws import Counts
from dialora.comparison.statistics import (
    BLOCK_COLUMNS,
    SeedSpread,
    bootstrap_interval,
    bootstrap_intervals,
    detectable_difference,
    holm,
    sign_flip_p_value,
    sign_flip_p_values,
)
from dialora.config import ScoringConfig
from dialora.records import Cost, ExampleScores

SCORING = ScoringConfig(num_resamples=2000)


def runs(
    key: str, values: np.ndarray, method: str | None = None, seed: int = 0, cost: Cost | None = None
) -> SystemRuns:
    scores = tuple(ExampleScores(f"e{i}", {metric: [float(v)] for metric in METRICS}) for i, v in enumerate(values))
    result = RunResult(seed, cost or Cost(10, 100, train_seconds=5.0), scores)
    return SystemRuns(key, method or key, key.title(), (result,))


def compare(*systems: SystemRuns, scoring: ScoringConfig = SCORING) -> Comparison:
    return compare_systems(systems, experiment="x", protocol="p", scoring=scoring)


def test_the_interval_is_scipys_within_monte_carlo_error() -> None:
    values = np.random.default_rng(0).beta(3, 5, size=200)
    score = compare(runs("a", values), scoring=ScoringConfig(num_resamples=10_000)).systems[0].scores["rouge1"]
    theirs = stats.bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", rng=1).confidence_interval
    assert score.mean == pytest.approx(values.mean())
    assert score.ci_low == pytest.approx(theirs.low, abs=0.002)
    assert score.ci_high == pytest.approx(theirs.high, abs=0.002)


def test_the_p_value_is_scipys_within_monte_carlo_error() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.30, 0.1, 60), rng.normal(0.27, 0.1, 60)
    theirs = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=20_000, rng=1
    ).pvalue
    assert sign_flip_p_value(a - b, num_resamples=20_000, seed=0) == pytest.approx(theirs, abs=0.015)


def test_many_columns_at_once_are_as_each_alone() -> None:
    columns = np.random.default_rng(0).normal(0.1, 1.0, (40, BLOCK_COLUMNS + 3))
    columns[:, -1] = 0
    counts = Counts(40, 1500, 0)
    intervals = bootstrap_intervals(columns, counts)
    p_values = sign_flip_p_values(columns, num_resamples=1500, seed=0)
    assert (len(intervals), len(p_values)) == (columns.shape[1],) * 2
    for at in (0, 1, BLOCK_COLUMNS - 1, BLOCK_COLUMNS, BLOCK_COLUMNS + 2):
        low, high = np.percentile(
            [columns[:, at] @ draw / 40 for _, block in counts.blocks() for draw in block], [2.5, 97.5]
        )
        assert intervals[at] == pytest.approx((low, high), abs=1e-12)
        assert p_values[at] == sign_flip_p_value(columns[:, at], num_resamples=1500, seed=0)
    assert (intervals[-1], p_values[-1]) == ((0.0, 0.0), 1.0)


def test_what_is_drawn_does_not_depend_on_how_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.random.default_rng(0).normal(0.02, 0.2, (700, 3))
    spreads = [[], [SeedSpread(0.01, 2)], []]

    def measure() -> tuple[np.ndarray, np.ndarray, list[float]]:
        counts = np.vstack([block for _, block in Counts(700, 2300, 0).blocks()])
        p_values = sign_flip_p_values(columns, num_resamples=2300, seed=0, spreads=spreads, num_compared=3)
        return counts, np.array(bootstrap_intervals(columns, Counts(700, 2300, 0))), p_values

    counts, intervals, p_values = measure()
    # The draws that every published interval was made with.
    assert hashlib.sha256(counts.astype(np.int64)).hexdigest()[:16] == "7f96aa1c49d08f6c"
    monkeypatch.setattr(draws, "MOST_HELD", 0)
    monkeypatch.setattr(draws, "BLOCK_NUMBERS", 700 * 90)
    again = measure()
    assert np.array_equal(again[0], counts)
    assert again[1] == pytest.approx(intervals, abs=1e-14)
    assert again[2] == p_values


def test_many_dialogues_are_resampled_in_bounded_memory() -> None:
    columns = np.random.default_rng(0).normal(0.1, 1.0, (200_000, 2))
    tracemalloc.start()
    try:
        bootstrap_intervals(columns, Counts(len(columns), 400, 0))
        sign_flip_p_values(columns, num_resamples=400, seed=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # All 400 at once would be 320 MB of counts and 640 MB of signs.
    assert peak < 200e6


def test_fifteen_systems_take_seconds() -> None:
    rng = np.random.default_rng(0)
    systems = [runs(f"s{i}", rng.beta(3, 5, size=120)) for i in range(15)]
    started = time.process_time()
    comparison = compare(*systems, scoring=ScoringConfig(num_resamples=10_000))
    assert time.process_time() - started < 5
    assert len(comparison.comparisons) == 105 * len(METRICS)


def test_differences_are_paired() -> None:
    # Dialogues differ much, systems differ by a constant: unpaired intervals would overlap.
    base = np.random.default_rng(0).uniform(0, 0.8, size=100)
    item = compare(runs("a", base), runs("b", base + 0.02)).difference("b", "a")
    assert item.difference == pytest.approx(0.02)
    assert item.ci_low == pytest.approx(0.02)
    assert item.p_value < 0.01
    assert item.relative == pytest.approx(0.02 / base.mean())


def test_equal_systems_differ_by_nothing() -> None:
    base = np.random.default_rng(0).uniform(size=50)
    item = compare(runs("a", base), runs("b", base)).difference("b", "a")
    assert (item.difference, item.ci_low, item.ci_high, item.p_value) == (0, 0, 0, 1)


def test_seeds_are_averaged_within_a_dialogue() -> None:
    first, second = runs("a", np.array([0.0, 1.0] * 20), seed=0), runs("a", np.array([1.0, 0.0] * 20), seed=1)
    system = compare(SystemRuns("a", "a", "A", first.runs + second.runs)).systems[0]
    assert system.seeds == (0, 1)
    score = system.scores["rouge1"]
    assert score.mean == 0.5
    # Seeds whose means differ could have come out otherwise; seeds that agree say no more than one.
    apart = compare(SystemRuns("a", "a", "A", first.runs + runs("a", np.array([0.2, 1.0] * 20), seed=1).runs))
    wide = apart.systems[0].scores["rouge1"]
    assert wide.mean == pytest.approx(0.55)
    assert wide.ci_high - wide.ci_low > 0.6
    twice = compare(SystemRuns("a", "a", "A", first.runs + runs("a", np.array([0.0, 1.0] * 20), seed=1).runs))
    assert twice.systems[0].scores["rouge1"].ci_low == pytest.approx(compare(first).systems[0].scores["rouge1"].ci_low)


@pytest.mark.parametrize(("references", "expected"), [("mean", 0.5), ("max", 0.9), ("first", 0.4)])
def test_references(references: str, expected: float) -> None:
    assert aggregate_references([0.4, 0.2, 0.9], references) == pytest.approx(expected)


def test_systems_scored_on_different_dialogues_are_not_compared() -> None:
    with pytest.raises(ValueError, match="not scored on the same dialogues"):
        compare(runs("a", np.ones(3)), runs("b", np.ones(4)))


def test_what_was_not_measured_is_none() -> None:
    system = compare(runs("a", np.ones(3), cost=Cost(100, 100))).systems[0]
    assert (system.train_seconds, system.peak_memory_bytes) == (None, None)


def test_the_verdict_says_what_is_sure_and_what_is_not() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0, 0.5, 80)
    noise = rng.normal(0, 0.05, 80)
    comparison = compare(
        runs("original", base, "zero_shot"),
        runs("instruct", base + 0.1, "full", cost=Cost(100, 100, train_seconds=10)),
        runs("peft", base + 0.1 + noise - noise.mean(), "lora", cost=Cost(2, 102, train_seconds=8)),
    )
    assert "Peft is 0.0 ± 1." in comparison.verdict
    assert "at 2 % of the trainable parameters and 80 % of the training time" in comparison.verdict
    assert "the difference could be chance" in comparison.verdict
    assert "Instruct is better than the original model (+10.0 ± 0.0)." in comparison.verdict
    worse = compare(runs("original", base, "zero_shot"), runs("instruct", base - 0.05, "full"))
    assert "Instruct is worse than the original model" in worse.verdict


def test_the_verdict_does_not_depend_on_the_order_of_systems() -> None:
    base = np.random.default_rng(0).uniform(0, 0.5, 80)
    original, full = runs("original", base, "zero_shot"), runs("instruct", base + 0.1, "full")
    sentence = "Instruct is better than the original model (+10.0 ± 0.0)."
    assert compare(original, full).verdict == compare(full, original).verdict == sentence
    thin, wide = runs("thin", base, "lora"), runs("wide", base + 0.1, "lora")
    assert compare(thin, wide).verdict.startswith("Wide is 10.0 ± 0.0 ROUGE-1 points above Thin")
    assert compare(thin).verdict == "One system only: nothing to compare."


@pytest.mark.parametrize("size", [1, 3, 5])
def test_a_handful_of_dialogues_proves_nothing(size: int) -> None:
    base = np.linspace(0.2, 0.4, size)
    verdict = compare(runs("original", base, "zero_shot"), runs("instruct", base + 0.1, "full")).verdict
    assert "not clearly different" in verdict


def test_times_of_different_machines_stay_out_of_the_verdict() -> None:
    base = np.linspace(0, 1, 20)
    systems = [runs("a", base, "full"), runs("b", base, "lora")]
    options = {"experiment": "x", "protocol": "p", "scoring": SCORING}
    assert "training time" in compare_systems(systems, **options).verdict
    assert "training time" not in compare_systems(systems, **options, comparable_costs=False).verdict


def test_holm_is_the_textbooks() -> None:
    # Holm 1979: the smallest p times 4, the next times 3, ..., never below one already corrected, never above 1.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_more_pairs_ask_for_more() -> None:
    rng = np.random.default_rng(4)
    base = rng.uniform(0.2, 0.5, 60)
    better = base + rng.normal(0.012, 0.04, 60)
    others = [runs(f"other{i}", base + rng.normal(0, 0.04, 60)) for i in range(6)]
    alone = compare(runs("a", base), runs("b", better)).difference("b", "a")
    among = compare(runs("a", base), runs("b", better), *others).difference("b", "a")
    assert alone.p_value == alone.p_adjusted == pytest.approx(among.p_value, abs=0.005)
    assert alone.is_clear
    assert among.p_adjusted > 0.05
    assert not among.is_clear


def test_the_detectable_difference_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(0)
    size, spread, trials = 100, 0.1, 2000
    effect = 2.8016 * spread / np.sqrt(size)
    pilot = rng.normal(0, spread, 100_000)[:size]
    assert detectable_difference(pilot) == pytest.approx(effect, rel=0.2)
    samples = rng.normal(effect, spread, (trials, size))
    found = stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03)
    assert detectable_difference(np.ones(1)) is None


def test_seeds_and_dialogues_spread_apart() -> None:
    base = np.random.default_rng(0).uniform(0.2, 0.5, 50)
    first, second = runs("a", base, seed=0), runs("a", base + 0.02, seed=1)
    score = compare(SystemRuns("a", "a", "A", first.runs + second.runs)).systems[0].scores["rouge1"]
    assert score.seed_means == pytest.approx([base.mean(), base.mean() + 0.02])
    assert score.seed_deviation == pytest.approx(0.02 / np.sqrt(2))
    assert compare(first).systems[0].scores["rouge1"].seed_deviation is None


def test_noninferiority_needs_a_margin_and_evidence() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.5, 200)
    noise = rng.normal(0, 0.03, 200)
    systems = [
        runs("instruct", base, "full"),
        runs("near", base - 0.003 + noise - noise.mean(), "lora"),
        runs("far", base - 0.02 + noise - noise.mean(), "lora"),
    ]
    assert compare(*systems).difference("near", "instruct").noninferior is None
    comparison = compare(*systems, scoring=ScoringConfig(num_resamples=2000, margin=1.0))
    assert comparison.difference("near", "instruct").noninferior is True
    assert comparison.difference("far", "instruct").noninferior is False
    assert "Less than 1 points below full fine-tuning for sure: Near; not shown for Far" in comparison.verdict
    turned = compare(*reversed(systems), scoring=ScoringConfig(num_resamples=2000, margin=1.0))
    assert "for sure: Near; not shown for Far" in turned.verdict


def test_the_verdict_groups_many_systems() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.5, 100)
    shifts = {"a": 0.0, "b": -0.05, "c": 0.05, "d": 0.001}
    systems = [runs(key, base + shift + rng.normal(0, 0.02, 100), "lora") for key, shift in shifts.items()]
    verdict = compare(runs("original", base - 0.1, "zero_shot"), runs("instruct", base, "full"), *systems).verdict
    assert "Above full fine-tuning, in ROUGE-1 points: C (+" in verdict
    assert "Below full fine-tuning, in ROUGE-1 points: B (−" in verdict
    assert "Not told apart from full fine-tuning (100 dialogues show differences from about" in verdict
    assert "Above the original model, in ROUGE-1 points: C (" in verdict
    assert "zero" not in verdict


@pytest.mark.parametrize("num_systems", [2, 3, 15])
def test_the_detectable_difference_is_that_of_the_test_that_is_made(num_systems: int) -> None:
    rng = np.random.default_rng(num_systems)
    size, spread, trials = 200, 0.1, 3000
    pairs = [(a, b) for b in range(num_systems) for a in range(b + 1, num_systems)]
    noise = rng.normal(0, spread, (trials, num_systems, size))
    pilot = stats.zscore(rng.normal(size=size), ddof=1) * np.sqrt(2) * spread
    effect = detectable_difference(pilot, num_compared=len(pairs))
    assert effect is not None
    # System 1 is better than system 0 by just this much, the others lie between them.
    shifts = np.full(num_systems, effect / 2)
    shifts[0], shifts[1] = 0, effect
    scores = noise + shifts[:, None]
    columns = np.stack([scores[:, a] - scores[:, b] for a, b in pairs], axis=1)
    p_values = stats.ttest_1samp(columns, 0, axis=2).pvalue
    found = [holm(list(row))[0] < 0.05 for row in p_values]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_a_difference_that_nobody_could_miss_is_clear_among_any_number_of_systems() -> None:
    rng = np.random.default_rng(5)
    base = rng.uniform(0.2, 0.5, 120)
    others = [runs(f"other{i}", base + rng.normal(0, 0.03, 120)) for i in range(31)]
    comparison = compare(runs("a", base), runs("b", base + rng.normal(0.325, 0.03, 120)), *others)
    item = comparison.difference("b", "a")
    assert item.difference == pytest.approx(0.325, abs=0.01)
    assert item.is_clear
    assert item.p_adjusted < 0.001
    # One that needs the tail to be told, but not so plain that a bound tells it.
    medium = compare(runs("a", base), runs("b", base + rng.normal(0.0125, 0.03, 120)), *others)
    assert 1e-6 < medium.difference("b", "a").p_value < 1e-4
    assert medium.difference("b", "a").is_clear


def test_the_bound_of_the_tail_is_above_the_p_value() -> None:
    rng = np.random.default_rng(6)
    for shift in (0.2, 0.3, 0.4):
        differences = rng.normal(shift, 1, 60)
        known = sign_flip_p_value(differences, num_resamples=200_000, seed=0)
        few = sign_flip_p_values(differences[:, None], num_resamples=100, seed=0)[0]
        assert few >= 0.8 * known


def build_seeds(rng: np.random.Generator, key: str, base: np.ndarray, num_seeds: int, spread: float) -> SystemRuns:
    """A system whose seeds differ by `spread`, and in each dialogue by chance."""
    made = [base + rng.normal(0, spread) + rng.normal(0, 0.05, len(base)) for _ in range(num_seeds)]
    return SystemRuns(key, key, key.title(), tuple(runs(key, one, seed=at).runs[0] for at, one in enumerate(made)))


@pytest.mark.slow
def test_with_several_seeds_equal_methods_are_not_called_different() -> None:
    rng = np.random.default_rng(7)
    alarms = dict.fromkeys((1, 3, 5), 0)
    trials = 150
    for num_seeds in alarms:
        for _ in range(trials):
            base = rng.uniform(0.2, 0.5, 500)
            systems = [build_seeds(rng, key, base, num_seeds, 0.005) for key in ("a", "b")]
            comparison = compare(*systems, scoring=ScoringConfig(num_resamples=400))
            alarms[num_seeds] += comparison.difference("b", "a").is_clear
    assert alarms[3] / trials <= 0.06
    assert alarms[5] / trials <= 0.06
    # One seed each tells the weights apart, as it should, and the verdict says that this is all it does.
    assert alarms[1] / trials > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("num_seeds", "power"), [(2, 0.3), (3, 0.4), (5, 0.5)])
def test_a_few_seeds_are_not_taken_for_many(num_seeds: int, power: float) -> None:
    # Two or three seeds hardly say how much seeds spread: what lies between them is no interval.
    rng, trials, true = np.random.default_rng(9), 150, 0.01
    scoring = ScoringConfig(num_resamples=400, margin=100 * true)

    def draw(shift: float) -> Difference:
        base = rng.uniform(0.2, 0.5, 200)
        full = build_seeds(rng, "full", base, num_seeds, 0.02)
        return compare(full, build_seeds(rng, "lora", base + shift, num_seeds, 0.02), scoring=scoring).difference(
            "lora", "full"
        )

    found = [draw(-true) for _ in range(trials)]
    assert sum(item.ci_low <= -true <= item.ci_high for item in found) / trials >= 0.92
    assert sum(bool(item.noninferior) for item in found) / trials <= 0.06
    detectable = float(np.median([item.detectable for item in found if item.detectable is not None]))
    assert sum(draw(detectable).is_clear for _ in range(trials)) / trials >= power


def test_the_verdict_of_one_seed_speaks_of_weights_and_says_how_many_would_tell() -> None:
    rng = np.random.default_rng(8)
    base = rng.uniform(0.2, 0.5, 200)
    full, lora = (build_seeds(rng, key, base + shift, 1, 0) for key, shift in (("full", 0), ("lora", 0.02)))
    verdict = compare(full, lora).verdict
    assert "With one seed this speaks of these trained weights, not of the methods" in verdict
    assert "3 of each tell 2." in verdict
    several = compare(*(build_seeds(rng, key, base, 3, 0.002) for key in ("full", "lora")))
    assert "one seed" not in several.verdict
    tables = [
        SystemRuns(s.key, s.method, s.label, (RunResult(0, Cost(None, None), s.runs[0].scores),)) for s in (full, lora)
    ]
    assert "This speaks of these outputs: trained again, systems write others." in compare(*tables).verdict


def test_the_verdict_names_what_does_not_beat_the_floor() -> None:
    rng = np.random.default_rng(9)
    base = rng.uniform(0.2, 0.5, 150)
    systems = [
        runs("zero_shot", base - 0.1),
        runs("full", base + rng.normal(0.001, 0.05, 150)),
        runs("lora", base + 0.1),
    ]
    floors = [runs("lead-2", base), runs("longest-2", base - 0.05), runs("human", base + 0.3)]
    verdict = compare_systems(systems, experiment="x", protocol="p", scoring=SCORING, yardsticks=floors).verdict
    assert "Not shown to beat the floor, lead-2 of the dialogue: Full (" in verdict
    assert "Lora (" not in verdict.split("Not shown to beat the floor")[1]
    above = compare_systems(systems[::2], experiment="x", protocol="p", scoring=SCORING, yardsticks=floors).verdict
    assert "floor" not in above


@pytest.mark.slow
def test_intervals_cover_and_false_alarms_are_rare() -> None:
    rng = np.random.default_rng(1)
    size, trials = 150, 2000
    counts = Counts(size, 1000, 0)
    covered = 0
    for _ in range(trials):
        # Scores as ROUGE gives them: skewed, bounded, some zero.
        scores = np.where(rng.random(size) < 0.05, 0.0, rng.beta(2.5, 5, size))
        low, high = bootstrap_interval(scores, counts)
        covered += low <= 0.95 * 2.5 / 7.5 <= high
    assert covered / trials == pytest.approx(0.95, abs=0.015)

    # Three systems that are equal: does any of the three pairs look different after Holm?
    alarms = 0
    for trial in range(trials):
        dialogue = rng.beta(2.5, 5, (1, 60))
        systems = np.clip(dialogue + rng.normal(0, 0.08, (3, 60)), 0, 1)
        paired = [systems[i] - systems[j] for i, j in ((1, 0), (2, 0), (2, 1))]
        alarms += min(holm([sign_flip_p_value(p, num_resamples=400, seed=trial) for p in paired])) < 0.05
    assert alarms / trials <= 0.05


def test_in_a_notebook_it_is_a_table() -> None:
    comparison = compare(runs("a", np.linspace(0, 1, 9)), runs("b", np.linspace(0, 0.5, 9)))
    frame = comparison.frame()
    assert list(frame.index) == ["A", "B"]
    assert frame.loc["A", "rouge1"] == pytest.approx(0.5)
    assert "<table" in comparison._repr_html_()

"""The verdict: what the ROUGE-1 differences mean, in plain words. Takes a comparison's rows, gives text."""

from __future__ import annotations

from collections.abc import Sequence

from dialora.comparison.results import Difference, System
from dialora.comparison.statistics import count_seeds

UNTRAINED = "zero_shot"
COMMON_SPREAD, SMALLEST = 0.5, 0.1
"""ROUGE points: standard deviation over seeds, and the smallest difference that anybody would chase."""
MAX_SENTENCES = 3
"""So many systems get a sentence each; more are put into groups."""


def render_verdict(
    systems: Sequence[System],
    differences: Sequence[Difference],
    *,
    num_examples: int,
    margin: float | None = None,
    has_costs: bool = True,
    floor: System | None = None,
    above_floor: Sequence[Difference] = (),
) -> str:
    """Say what is sure and what is not; PEFT against full fine-tuning comes first.

    `margin` is the non-inferiority margin in ROUGE points. Times are mentioned only where they can be compared
    (`has_costs`). `above_floor` are the differences of the trained systems from the best `floor`.
    """
    if len(systems) == 1:
        return "One system only: nothing to compare."
    by_key = {system.key: system for system in systems}
    rouge1 = [d for d in differences if d.metric == "rouge1"]
    groups: dict[str | None, list[System]] = {}
    for system in systems:
        groups.setdefault(system.base, []).append(system)
    sentences: list[str] = []
    for base, group in groups.items():
        within = _compare_within(group, rouge1, num_examples=num_examples, margin=margin, has_costs=has_costs)
        sentences += [f"On {base}: {within[0]}", *within[1:]] if within and len(groups) > 1 else within
    if len(groups) > 1:
        sentences += _compare_across(list(groups.values()), rouge1, num_examples)
    if floor is not None:
        sentences += _describe_floor([(by_key[item.a], _Signed(item, 1)) for item in above_floor], floor)
    return " ".join([*sentences, *_describe_seeds(systems, rouge1)])


def _compare_within(
    systems: Sequence[System],
    differences: Sequence[Difference],
    *,
    num_examples: int,
    margin: float | None,
    has_costs: bool,
) -> list[str]:
    """Say how systems on one base differ."""
    by_key = {system.key: system for system in systems}
    rouge1 = [item for item in differences if item.a in by_key and item.b in by_key]
    full = next((s for s in systems if s.method == "full"), None)
    original = next((s for s in systems if s.method == UNTRAINED), None)
    against_full = _oriented(rouge1, by_key, full, but=original)
    against_original = _oriented(rouge1, by_key, original)
    sentences: list[str] = []
    if full and len(against_full) > MAX_SENTENCES:
        sentences += _group(against_full, "full fine-tuning", num_examples)
    elif full:
        sentences += [_against(s, full, "full fine-tuning", d, num_examples, has_costs) for s, d in against_full]
    if margin is not None and against_full:
        sentences.append(_noninferior(against_full, margin))
    if len(against_original) > MAX_SENTENCES:
        sentences += _group(against_original, "the original model", num_examples)
    else:
        sentences += [_against_original(system, item) for system, item in against_original]
    if not sentences:
        for item in rouge1:
            a, b = by_key[item.a], by_key[item.b]
            sentences.append(_against(a, b, b.label, _Signed(item, 1), num_examples, has_costs))
    return sentences


def _compare_across(groups: Sequence[Sequence[System]], rouge1: Sequence[Difference], num_examples: int) -> list[str]:
    """Say how the best systems of each base differ from the best of all."""
    best = sorted((max(group, key=_score) for group in groups), key=_score, reverse=True)
    first, *others = best
    keys = {system.key for system in others}
    seen = [(s, d) for s, d in _oriented(rouge1, {system.key: system for system in best}, first) if s.key in keys]
    name = f"{first.label} on {first.base}, the best of all bases"
    return [_measure(f"{s.label} on {s.base}", name, d) + _doubt(d, num_examples) for s, d in seen]


def _score(system: System) -> float:
    return system.scores["rouge1"].mean


class _Signed:
    """A difference seen from one of its two systems, in ROUGE points."""

    def __init__(self, item: Difference, sign: int) -> None:
        self.points = 100 * sign * item.difference
        self.low = 100 * (item.ci_low if sign > 0 else -item.ci_high)
        self.half = 100 * (item.ci_high - item.ci_low) / 2
        self.is_clear = item.is_clear
        self.detectable = None if item.detectable is None else 100 * item.detectable

    def __str__(self) -> str:
        # A minus as in the tables, not a hyphen, at which lines are broken.
        return f"{self.points:+.1f} ± {self.half:.1f}".replace("-", "−")


_Seen = list[tuple[System, _Signed]]


def _oriented(
    differences: Sequence[Difference], systems: dict[str, System], other: System | None, but: System | None = None
) -> _Seen:
    """Return every system's difference from `other`, whichever of the two came first in the table."""
    seen: _Seen = []
    for item in differences:
        for key, base, sign in ((item.a, item.b, 1), (item.b, item.a, -1)):
            if other and base == other.key and (but is None or key != but.key) and key in systems:
                seen.append((systems[key], _Signed(item, sign)))
    return seen


def _against(system: System, other: System, name: str, item: _Signed, num_examples: int, has_costs: bool) -> str:
    text = _measure(system.label, name, item)
    if system.trainable_params and other.trainable_params:
        share = 100 * system.trainable_params / other.trainable_params
        text += f", at {share:.2g} % of the trainable parameters"
    if has_costs and system.training_seconds and other.training_seconds:
        text += f" and {100 * system.training_seconds / other.training_seconds:.0f} % of the training time"
    return text + _doubt(item, num_examples)


def _measure(name: str, other: str, item: _Signed) -> str:
    relation = ("above" if item.points > 0 else "below") if item.is_clear else "from"
    return f"{name} is {abs(item.points):.1f} ± {item.half:.1f} ROUGE-1 points {relation} {other}"


def _doubt(item: _Signed, num_examples: int) -> str:
    return "." if item.is_clear else f"; the difference could be chance{_reach([item], num_examples)}."


def _reach(items: Sequence[_Signed], num_examples: int) -> str:
    """Say from what size on this test set shows a difference: "could be chance" is no "equal"."""
    sizes = [item.detectable for item in items if item.detectable]
    return f" ({num_examples} dialogues show differences from about {max(sizes):.1f} points on)" if sizes else ""


def _against_original(system: System, item: _Signed) -> str:
    outcome = ("better than" if item.points > 0 else "worse than") if item.is_clear else "not clearly different from"
    return f"{system.label} is {outcome} the original model ({item})."


def _group(seen: _Seen, name: str, num_examples: int) -> list[str]:
    """Put many systems into three sentences: above, below, not told apart."""
    ordered = sorted(seen, key=lambda pair: -pair[1].points)
    above = [(s, d) for s, d in ordered if d.is_clear and d.points > 0]
    below = [(s, d) for s, d in ordered if d.is_clear and d.points <= 0]
    unclear = [(s, d) for s, d in ordered if not d.is_clear]
    sentences = []
    for group, relation in ((above, "Above"), (below, "Below")):
        if group:
            sentences.append(f"{relation} {name}, in ROUGE-1 points: {_list(group)}.")
    if unclear:
        reach = _reach([item for _, item in unclear], num_examples)
        sentences.append(f"Not told apart from {name}{reach}: {_list(unclear)}.")
    return sentences


def _list(group: _Seen) -> str:
    return ", ".join(f"{system.label} ({item})" for system, item in group)


def _describe_floor(seen: _Seen, floor: System) -> list[str]:
    """Name the trained systems that are not shown to beat what takes nothing to make."""
    below = [(system, item) for system, item in seen if not (item.is_clear and item.points > 0)]
    return [f"Not shown to beat the floor, {floor.label.lower()} of the dialogue: {_list(below)}."] if below else []


def _describe_seeds(systems: Sequence[System], differences: Sequence[Difference]) -> list[str]:
    """Say that one seed speaks of weights and not of methods, and how many seeds would tell."""
    trained = {system.key for system in systems if system.method != UNTRAINED}
    between = [_Signed(item, 1) for item in differences if {item.a, item.b} <= trained]
    if not between or all(len(system.seeds) > 1 for system in systems if system.key in trained):
        return []
    if all(system.train_seconds is None for system in systems):
        return ["This speaks of these outputs: trained again, systems write others."]
    sizes = [abs(item.points) if item.is_clear else item.detectable or 0.0 for item in between]
    size = max(min(sizes), SMALLEST)
    number = count_seeds(size, COMMON_SPREAD)
    return [
        f"With one seed this speaks of these trained weights, not of the methods: if seeds spread by {COMMON_SPREAD:g} "
        f"points, as is common, {number} of each tell {size:.1f} points from luck."
    ]


def _noninferior(seen: _Seen, margin: float) -> str:
    shown = [system.label for system, item in seen if item.low > -margin]
    others = [f"{system.label} (down to {item.low:+.1f})" for system, item in seen if item.low <= -margin]
    if not shown:
        return f"None is shown to be within {margin:g} points below full fine-tuning: {', '.join(others)}."
    text = f"Less than {margin:g} points below full fine-tuning for sure: {', '.join(shown)}"
    return text + (f"; not shown for {', '.join(others)}." if others else ".")


__all__ = ["UNTRAINED", "render_verdict"]

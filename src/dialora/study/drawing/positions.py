"""Where texts stand: every system is shown as A as often as the one beside it, and as early as the others.

A pair's showings are the edges of a graph between sheets and items. Walking along its edges in closed walks and calling
the way from a sheet to an item one side, the way back the other, gives every sheet, every item and the whole as many of
one side as of the other, or one more (Euler; an edge to an added node ends each odd one). Orders of ratings are the
rows of a cyclic Latin square begun as Williams (1949) does, taken in turn over all sheets: any run of them has each
system in each place equally often, or once more.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product

from dialora.study.key import ItemKey

Showing = tuple[int, str]
"""A sheet, counted from 0, and an item's id."""
_ATTEMPTS, _STEPS = 4, 400
_SHEET, _ITEM = 0, 1
_ADDED = -1
Node = tuple[int, int | str]


def choose_sides(showings: Sequence[Showing], keys: dict[str, ItemKey], rng: random.Random) -> dict[Showing, bool]:
    """Return of each showing of a pair whether its second text stands first.

    For every two systems, each is shown first equally often, or once more, over all sheets and within each. Where a
    text has several writers one side decides for several pairs, so that they are then brought into line by trying.
    """
    groups: dict[tuple[tuple[str, ...], ...], list[Showing]] = defaultdict(list)
    for showing in showings:
        groups[tuple(sorted(keys[showing[1]].writers))].append(showing)
    leads: dict[Showing, bool] = {}
    for signature in sorted(groups):
        leads |= _halve(groups[signature], rng)
    if any(len(writers) > 1 for signature in groups for writers in signature):
        leads = _settle(leads, keys, rng)
    # What leads is the text whose writers come first by name; the item holds its texts in an order of its own.
    return {
        showing: lead == (keys[showing[1]].writers[0] > keys[showing[1]].writers[1]) for showing, lead in leads.items()
    }


def list_pairs(key: ItemKey) -> list[tuple[str, str]]:
    """Return every two systems that a pair's answer tells about: a writer of its first text, then one of its second."""
    first, second = key.writers
    return list(product(first, second))


def find_imbalance(sides: dict[Showing, bool], keys: dict[str, ItemKey]) -> int:
    """Return by how much, at most, one of two systems is shown first more often than the other: in all, or a sheet."""
    counts: dict[tuple[object, ...], int] = defaultdict(int)
    for (sheet, item), swapped in sides.items():
        for pair in list_pairs(keys[item]):
            one, other = sorted(pair)
            sign = 1 if (pair[1] if swapped else pair[0]) == one else -1
            counts[one, other] += sign
            counts[one, other, sheet] += sign
    return max(map(abs, counts.values()), default=0)


class Rotation:
    """Gives orders of some texts, one after the other, in which each text stands in each place in turn."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._states: dict[tuple[tuple[str, ...], ...], tuple[list[int], int]] = {}

    def order(self, items: Iterable[str], keys: dict[str, ItemKey]) -> list[str]:
        """Return the ratings of a dialogue in the next order for those who wrote its texts."""
        items = sorted(items, key=lambda item: keys[item].writers)
        signature = tuple(keys[item].writers[0] for item in items)
        if signature not in self._states:
            self._states[signature] = (self._rng.sample(range(len(items)), len(items)), 0)
        names, turn = self._states[signature]
        self._states[signature] = (names, turn + 1)
        return [items[names[(step + turn) % len(items)]] for step in _zigzag(len(items))]


def _zigzag(size: int) -> list[int]:
    """0, n − 1, 1, n − 2, …: shifted in turn, every one follows every other equally often where n is even."""
    return [step // 2 if step % 2 == 0 else size - 1 - step // 2 for step in range(size)]


def _halve(showings: Sequence[Showing], rng: random.Random) -> dict[Showing, bool]:
    """Divide into two halves such that each sheet's, each item's and all showings are halved, or but for one."""
    edges: list[tuple[Node, Node]] = [((_SHEET, sheet), (_ITEM, item)) for sheet, item in showings]
    degree: dict[Node, int] = defaultdict(int)
    for edge in edges:
        for node in edge:
            degree[node] += 1
    ends: tuple[Node, Node] = ((_SHEET, _ADDED), (_ITEM, _ADDED))
    for node in [node for node, count in degree.items() if count % 2]:
        edges.append((node, ends[_ITEM]) if node[0] == _SHEET else (ends[_SHEET], node))
        degree[ends[1 - node[0]]] += 1
    if degree[ends[_SHEET]] % 2:
        edges.append(ends)
    return dict(zip(showings, _orient(edges, rng), strict=False))


def _orient(edges: Sequence[tuple[Node, Node]], rng: random.Random) -> list[bool]:
    """Walk along all edges in closed walks; return of each whether it is walked from its first end to its second."""
    at: dict[Node, list[int]] = defaultdict(list)
    for number, edge in enumerate(edges):
        for node in edge:
            at[node].append(number)
    nodes = list(at)
    rng.shuffle(nodes)
    for numbers in at.values():
        rng.shuffle(numbers)
    walked: dict[int, bool] = {}
    for start in nodes:
        node = start
        while True:
            while at[node] and at[node][-1] in walked:
                at[node].pop()
            if not at[node]:
                break
            number = at[node].pop()
            first, second = edges[number]
            walked[number] = node == first
            node = second if node == first else first
    return [walked[number] for number in range(len(edges))]


def _settle(leads: dict[Showing, bool], keys: dict[str, ItemKey], rng: random.Random) -> dict[Showing, bool]:
    """Turn showings round until no two systems differ by more than one, in all and in each sheet; the best found."""
    effects = {showing: _list_effects(showing, keys) for showing in leads}
    members: dict[tuple[object, ...], list[Showing]] = defaultdict(list)
    for showing, listed in effects.items():
        for count, _ in listed:
            members[count].append(showing)
    best, best_excess = dict(leads), -1
    for _ in range(_ATTEMPTS):
        current = dict(leads)
        counts: dict[tuple[object, ...], int] = dict.fromkeys(members, 0)
        for showing, listed in effects.items():
            for count, sign in listed:
                counts[count] += sign if current[showing] else -sign
        for _ in range(_STEPS * max(1, len(members) // 20)):
            wrong = [count for count, value in counts.items() if abs(value) > 1]
            excess = sum((abs(counts[count]) - 1) ** 2 for count in wrong)
            if best_excess < 0 or excess < best_excess:
                best, best_excess = dict(current), excess
            if not wrong:
                return best
            turned = _find_turn(rng.choice(wrong), current, counts, members, effects, rng)
            for count, sign in effects[turned]:
                counts[count] -= 2 * sign if current[turned] else -2 * sign
            current[turned] = not current[turned]
    return best


def _find_turn(
    wrong: tuple[object, ...],
    current: dict[Showing, bool],
    counts: dict[tuple[object, ...], int],
    members: dict[tuple[object, ...], list[Showing]],
    effects: dict[Showing, list[tuple[tuple[object, ...], int]]],
    rng: random.Random,
) -> Showing:
    """Return the showing of a count that is too large whose turning leaves the least too large; at times, any."""
    found: list[tuple[int, float, Showing]] = []
    for showing in members[wrong]:
        change = 0
        helps = False
        for count, sign in effects[showing]:
            before = counts[count]
            after = before - (2 * sign if current[showing] else -2 * sign)
            change += max(abs(after) - 1, 0) ** 2 - max(abs(before) - 1, 0) ** 2
            helps |= count == wrong and abs(after) < abs(before)
        if helps:
            found.append((change, rng.random(), showing))
    return rng.choice(found)[2] if rng.random() < 0.1 else min(found)[2]


def _list_effects(showing: Showing, keys: dict[str, ItemKey]) -> list[tuple[tuple[object, ...], int]]:
    """Return which counts a showing adds to where its leading text stands first, and with which sign."""
    sheet, item = showing
    leading, other = sorted(keys[item].writers)
    found: list[tuple[tuple[object, ...], int]] = []
    for a, b in product(leading, other):
        one, two = sorted((a, b))
        sign = 1 if a == one else -1
        found += [((one, two), sign), ((one, two, sheet), sign)]
    return found


__all__ = ["Rotation", "Showing", "choose_sides", "find_imbalance", "list_pairs"]

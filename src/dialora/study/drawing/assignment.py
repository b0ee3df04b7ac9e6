"""Who judges what: each item by exactly so many raters, sheets of one length or one apart.

Dialogues stay whole as far as that allows, since reading one takes longer than judging it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from dialora.study.drawing.questions import Block


def assign_items(blocks: Sequence[Block], num_raters: int, num_judges: int, rng: random.Random) -> list[set[str]]:
    """Return the items of each sheet; every item is in `num_judges` of the `num_raters` sheets."""
    sheets: list[set[str]] = [set() for _ in range(num_raters)]
    for block in rng.sample(list(blocks), len(blocks)):
        order = rng.sample(range(num_raters), num_raters)
        for at in sorted(order, key=lambda at: len(sheets[at]))[:num_judges]:
            sheets[at].update(block.items)
    places = {item: at for at, item in enumerate(item for block in blocks for item in block.items)}
    while True:
        longest, shortest = max(sheets, key=len), min(sheets, key=len)
        if len(longest) - len(shortest) < 2:
            return sheets
        # The longer one has an item that the shorter one lacks, so moving it brings both nearer.
        moved = min(longest - shortest, key=lambda item: places[item])
        longest.remove(moved)
        shortest.add(moved)


__all__ = ["assign_items"]

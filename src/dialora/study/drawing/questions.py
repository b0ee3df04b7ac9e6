"""What is asked of the dialogues drawn: which texts are rated, and which are set side by side.

Texts that read the same are asked about once, with all who wrote them; two systems that wrote the same are never set
side by side, and the key says so. A system that wrote nothing is shown as "(empty)": that is what a user would get, so
it is judged like any other text. The order of two texts in an item is random too: not even the files tell a side.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from dialora.config.problems import suggest
from dialora.errors import InputError
from dialora.report.document import ReportedExample
from dialora.report.examples import EMPTY
from dialora.study.drawing.options import ALL_PAIRS
from dialora.study.drawing.pool import normalise
from dialora.study.key import JUDGED, ItemKey, JudgedSystem
from dialora.study.records import BOTH, PAIRWISE, RATING, Item

Text = tuple[str, tuple[str, ...]]
"""As it is shown, and the keys of those who wrote it."""


@dataclass(slots=True, eq=False)
class Block:
    """The items of one dialogue, which a sheet keeps together: ratings come before pairs."""

    dialogue_id: str
    items: list[str]


@dataclass(slots=True)
class Questions:
    """All items with their keys, by id."""

    items: dict[str, Item] = field(default_factory=dict)
    keys: dict[str, ItemKey] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    identical: list[tuple[str, str, str]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        example: ReportedExample,
        texts: Sequence[Text],
        rng: random.Random,
        *,
        stratum: str,
        role: str = JUDGED,
        of: str | None = None,
        better: int | None = None,
    ) -> str:
        """Add an item under an id drawn at random, and return the id."""
        number = f"{rng.getrandbits(48):012x}"
        while number in self.items:
            number = f"{rng.getrandbits(48):012x}"
        self.items[number] = Item(number, kind, example.dialogue, tuple(text for text, _ in texts))
        writers = tuple(keys for _, keys in texts)
        self.keys[number] = ItemKey(number, role, example.id, writers, stratum, of, better)
        return number


def ask(
    drawn: Sequence[tuple[ReportedExample, str]],
    systems: Sequence[JudgedSystem],
    *,
    design: str,
    pairs: str,
    rng: random.Random,
) -> Questions:
    """Make the items of the dialogues drawn. Raises InputError where there is nothing to compare."""
    keys = [system.key for system in systems]
    if design != RATING:
        _require_pairs(keys, pairs)
    found = Questions()
    for example, stratum in drawn:
        texts = merge_texts({key: example.summaries[key] for key in keys})
        block = Block(example.id, [])
        if design in (RATING, BOTH):
            block.items += [found.add(RATING, example, [text], rng, stratum=stratum) for text in texts]
        if design in (PAIRWISE, BOTH):
            for pair in _pair_texts(texts, pairs):
                both = list(pair)
                rng.shuffle(both)
                block.items.append(found.add(PAIRWISE, example, both, rng, stratum=stratum))
            found.identical += [(example.id, a, b) for a, b in _find_identical(texts, keys, pairs)]
        if block.items:
            found.blocks.append(block)
    if not found.blocks:
        raise InputError(f"all systems wrote the same of all {len(drawn):,} dialogues; there is nothing to compare.")
    return found


def merge_texts(summaries: dict[str, str]) -> list[Text]:
    """Return the distinct texts, as they are shown, each with the systems that wrote it, in their order."""
    merged: dict[str, tuple[str, list[str]]] = {}
    for key, text in summaries.items():
        shown = text.strip() or EMPTY
        merged.setdefault(normalise(shown), (shown, []))[1].append(key)
    return [(shown, tuple(keys)) for shown, keys in merged.values()]


def _require_pairs(keys: Sequence[str], pairs: str) -> None:
    if len(keys) < 2:
        raise InputError(
            f"a pair needs two systems, and there is {keys[0] if keys else 'none'}; give another run, --include-human, "
            "or --design rating."
        )
    if pairs != ALL_PAIRS and pairs not in keys:
        raise InputError(f"--pairs {pairs}: no system of that key{suggest(pairs, [ALL_PAIRS, *keys])}")


def _pair_texts(texts: Sequence[Text], pairs: str) -> Iterator[tuple[Text, Text]]:
    """Give the pairs of texts to ask about; of one system against the others, its own name alone stands for its text.

    Otherwise one that happened to write the same would be compared on those dialogues only.
    """
    for a, b in combinations(texts, 2):
        if pairs == ALL_PAIRS:
            yield a, b
        elif pairs in a[1]:
            yield (a[0], (pairs,)), b
        elif pairs in b[1]:
            yield a, (b[0], (pairs,))


def _find_identical(texts: Sequence[Text], keys: Sequence[str], pairs: str) -> Iterator[tuple[str, str]]:
    for _, writers in texts:
        for a, b in combinations(sorted(writers, key=list(keys).index), 2):
            if pairs in (ALL_PAIRS, a, b):
                yield a, b


__all__ = ["Block", "Questions", "Text", "ask", "merge_texts"]

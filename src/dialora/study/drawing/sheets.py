"""Every rater's sheet: dialogues in an order of chance, their items together, checks and repeats spread among them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dialora.report.document import ReportedExample
from dialora.study.drawing.assignment import assign_items
from dialora.study.drawing.options import StudyOptions
from dialora.study.drawing.planted import Checks
from dialora.study.drawing.positions import Rotation, Showing, choose_sides
from dialora.study.drawing.questions import Block, Questions
from dialora.study.drawing.strata import divide
from dialora.study.key import ATTENTION, JUDGED, REPEAT
from dialora.study.records import BOTH, PAIRWISE, RATING, Entry, Sheet

Signature = tuple[tuple[str, ...], ...]
"""The writers of an item's texts, sorted."""


@dataclass(slots=True)
class SheetBuilder:
    """Lays out the sheets of a study, one after the other: what is balanced is so within each and over all."""

    questions: Questions
    checks: Checks
    options: StudyOptions
    by_id: dict[str, ReportedExample]
    rng: random.Random
    _rotation: Rotation = field(init=False)
    _repeats: dict[str, str] = field(default_factory=dict)
    """By the item that is repeated."""
    _check_first: bool | None = None
    """Whether the last check showed what belongs to the dialogue first: sides take turns, from sheet to sheet too."""
    _repeat_first: dict[Signature, bool] = field(default_factory=dict)
    """The same of repeats and the text whose writers come first, by the writers of both."""
    _num_repeats: Counter[Signature] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._rotation = Rotation(self.rng)

    def build(self) -> list[Sheet]:
        """Return the sheets, numbered from 1."""
        questions, options = self.questions, self.options
        assigned = assign_items(questions.blocks, options.num_raters, options.num_judges, self.rng)
        order = [item for block in questions.blocks for item in block.items if questions.items[item].kind == PAIRWISE]
        showings = [(at, item) for at, items in enumerate(assigned) for item in order if item in items]
        sides = choose_sides(showings, questions.keys, self.rng)
        fresh = self.checks.list_fresh()
        shortest = min(map(len, assigned))
        return [
            Sheet(at + 1, tuple(self._build_sheet(at, items, sides, fresh, shortest)))
            for at, items in enumerate(assigned)
        ]

    def _build_sheet(
        self,
        at: int,
        items: set[str],
        sides: dict[Showing, bool],
        fresh: Sequence[ReportedExample],
        num_items: int,
    ) -> list[Entry]:
        blocks = [
            Block(block.dialogue_id, [item for item in block.items if item in items]) for block in self.questions.blocks
        ]
        blocks = [self._order(block) for block in blocks if block.items]
        self.rng.shuffle(blocks)
        swapped = {item: sides.get((at, item), False) for item in items}
        self._plant_checks(blocks, num_items, swapped, fresh)
        self._plant_repeats(blocks, num_items, swapped)
        return [Entry(item, swapped[item]) for block in blocks for item in block.items]

    def _order(self, block: Block) -> Block:
        """Put a dialogue's ratings in the next balanced order, before its pairs in one of chance."""
        kinds = self.questions.items
        ratings = [item for item in block.items if kinds[item].kind == RATING]
        pairs = [item for item in block.items if kinds[item].kind == PAIRWISE]
        self.rng.shuffle(pairs)
        return Block(block.dialogue_id, [*self._rotation.order(ratings, self.questions.keys), *pairs])

    def _plant_checks(
        self, blocks: list[Block], num_items: int, swapped: dict[str, bool], fresh: Sequence[ReportedExample]
    ) -> None:
        """Add checks, one in each of as many stretches of the sheet; kinds take turns where there are two."""
        kinds = (PAIRWISE, RATING) if self.options.design == BOTH else (self.options.design,)
        stretches = divide(list(blocks), self.options.count_checks(num_items))
        unused = list(fresh)
        # Beside a lone pair, a second one of the same dialogue would stand out; among several, a lone one would.
        is_lone = max(len(block.items) for block in self.questions.blocks) == 1
        for number, stretch in enumerate(stretches):
            kind = kinds[number % len(kinds)]
            found = None if is_lone else self._add_check(blocks, stretch, kind)
            found = found or self._add_fresh_check(blocks, stretch, unused, kind)
            found = found or self._add_check(blocks, stretch, kind)
            if found is not None and kind == PAIRWISE:
                self._check_first = self.rng.random() < 0.5 if self._check_first is None else not self._check_first
                swapped[found] = (self.questions.keys[found].better == 0) != self._check_first
            elif found is not None:
                swapped[found] = False

    def _add_fresh_check(
        self, blocks: list[Block], stretch: Sequence[Block], unused: list[ReportedExample], kind: str
    ) -> str | None:
        """Add a check on a dialogue that was not drawn, as a block of its own."""
        while unused:
            example = unused.pop(0)
            found = self.checks.find(example, kind)
            if found is None:
                continue
            place = blocks.index(self.rng.choice(stretch)) if stretch else self.rng.randrange(len(blocks) + 1)
            blocks.insert(place, Block(example.id, [found]))
            return found
        return None

    def _add_check(self, blocks: Sequence[Block], stretch: Sequence[Block], kind: str) -> str | None:
        """Add a check to the items of a dialogue that has none yet, of this stretch or, else, of any."""
        for block in self._list_in_turn(stretch, blocks):
            items, keys = self.questions.items, self.questions.keys
            if any(keys[item].role == ATTENTION for item in block.items):
                continue
            found = self.checks.find(self.by_id[block.dialogue_id], kind)
            if found is not None:
                ratings = sum(items[item].kind == RATING for item in block.items)
                start, stop = (0, ratings) if kind == RATING else (ratings, len(block.items))
                block.items.insert(self.rng.randint(start, stop), found)
                return found
        return None

    def _list_in_turn(self, *groups: Sequence[Block]) -> Iterator[Block]:
        for group in groups:
            yield from self.rng.sample(list(group), len(group))

    def _plant_repeats(self, blocks: list[Block], num_items: int, swapped: dict[str, bool]) -> None:
        """Ask some items of the sheet's first half again half a sheet later, pairs the other way round."""
        middle = len(blocks) // 2
        if not middle:
            return
        waiting = self._list_repeatable(blocks[: len(blocks) - middle], swapped)
        taken: set[int] = set()
        seen: Counter[Signature] = Counter()
        later: list[tuple[int, Block]] = []
        for number in range(self.options.count_repeats(num_items)):
            kinds = (PAIRWISE, RATING) if self.options.design == BOTH else (self.options.design,)
            kind = kinds[number % len(kinds)]
            heads = []
            for (of_kind, signature, leads), queue in waiting.items():
                while queue and queue[0][1] in taken:
                    queue.popleft()
                if queue and of_kind == kind:
                    heads.append((self._rank_repeat(signature, leads, seen), queue[0]))
            if not heads:
                continue
            _, (_, at, item) = min(heads)
            taken.add(at)
            signature = self._sign(item)
            seen[signature] += 1
            self._num_repeats[signature] += 1
            repeat = self._repeat(item)
            swapped[repeat] = kind == PAIRWISE and not swapped[item]
            if kind == PAIRWISE:
                self._repeat_first[signature] = self._leads(item, is_swapped=swapped[repeat])
            later.append((self.rng.randint(at + 1 + middle, len(blocks)), Block(blocks[at].dialogue_id, [repeat])))
        for place, block in sorted(later, key=lambda one: -one[0]):
            blocks.insert(place, block)

    def _list_repeatable(
        self, blocks: Sequence[Block], swapped: dict[str, bool]
    ) -> dict[tuple[str, Signature, bool], deque[tuple[int, int, str]]]:
        """Return what may be repeated, in an order of chance: its place there, its block's, and the item.

        It is sorted by all that decides which is repeated: the kind, the writers, and who of them would lead.
        """
        questions = self.questions
        found = [
            (at, item) for at, block in enumerate(blocks) for item in block.items if questions.keys[item].role == JUDGED
        ]
        self.rng.shuffle(found)
        waiting: dict[tuple[str, Signature, bool], deque[tuple[int, int, str]]] = defaultdict(deque)
        for place, (at, item) in enumerate(found):
            kind = questions.items[item].kind
            leads = kind == PAIRWISE and self._leads(item, is_swapped=not swapped[item])
            waiting[kind, self._sign(item), leads].append((place, at, item))
        return waiting

    def _rank_repeat(self, signature: Signature, leads: bool, seen: Counter[Signature]) -> tuple[bool, bool, int, int]:
        """Rank what may be repeated: the side that is due, one writer to a text, the pair repeated least so far."""
        last = self._repeat_first.get(signature)
        is_wrong_side = last is not None and leads == last
        has_several = any(len(writers) > 1 for writers in signature)
        return is_wrong_side, has_several, seen[signature], self._num_repeats[signature]

    def _sign(self, item: str) -> Signature:
        return tuple(sorted(self.questions.keys[item].writers))

    def _leads(self, item: str, *, is_swapped: bool) -> bool:
        """Whether the text whose writers come first by name stands first."""
        first, second = self.questions.keys[item].writers
        return (second if is_swapped else first) == min(first, second)

    def _repeat(self, item: str) -> str:
        if item not in self._repeats:
            key = self.questions.keys[item]
            asked = self.questions.items[item]
            texts = list(zip(asked.texts, key.writers, strict=True))
            example = self.by_id[key.dialogue_id]
            self._repeats[item] = self.questions.add(
                asked.kind, example, texts, self.rng, stratum=key.stratum, role=REPEAT, of=item
            )
        return self._repeats[item]


__all__ = ["SheetBuilder"]

"""What is planted among the items: attention checks, whose answer is known, and repeats, which tell self-agreement.

A check sets a dialogue's reference beside a reference of another dialogue, or asks for a rating of the latter alone.
Only reading tells: both were written by people, in the same manner, and are about as long. The other dialogue's is the
one that has the fewest words in common with the dialogue, names among them, so that whoever reads cannot take it for
right. A check stands where it does not stand out: among a dialogue's other items where dialogues have several, and else
on a dialogue of its own that was not drawn, as far as there are references. No check uses a text that is judged.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dialora.report.document import ReportedExample
from dialora.study.drawing.pool import Pool, normalise
from dialora.study.drawing.questions import Questions, Text
from dialora.study.key import ATTENTION
from dialora.study.records import PAIRWISE

_NEAREST = 60
"""So many references of about the same length are looked at."""
_FEWEST_IN_COMMON = 5
"""So many of them, those that have the least in common with the dialogue, may be taken."""
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Checks:
    """Makes attention checks, each once for a dialogue and kind: sheets that ask for the same share it."""

    pool: Pool
    questions: Questions
    rng: random.Random
    drawn: frozenset[str]
    _made: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _references: dict[int, list[tuple[str, str, str]]] = field(default_factory=dict)
    """By number of words: the dialogue, the reference as it is compared, and as it is."""

    def __post_init__(self) -> None:
        for example in self.pool.examples:
            texts = {normalise(text): text for text in self._list_free(example)}
            said = normalise(example.dialogue)
            for normal, text in texts.items():
                self._references.setdefault(len(text.split()), []).append((said, normal, text))

    def list_fresh(self) -> list[ReportedExample]:
        """Return the dialogues that were not drawn, in an order of chance."""
        fresh = [example for example in self.pool.examples if example.id not in self.drawn]
        self.rng.shuffle(fresh)
        return fresh

    def find(self, example: ReportedExample, kind: str) -> str | None:
        """Return the id of the check of a kind on a dialogue; None where its references allow none."""
        place = (example.id, kind)
        if place not in self._made:
            self._made[place] = self._make(example, kind)
        return self._made[place]

    def _make(self, example: ReportedExample, kind: str) -> str | None:
        own = next(self._list_free(example), None)
        like = own or example.references[0]
        foreign = self._find_foreign(example, like)
        if foreign is None or (kind == PAIRWISE and own is None):
            return None
        if kind != PAIRWISE:
            return self._add(kind, example, [(foreign, ())], -1)
        texts: list[Text] = [(own or "", ()), (foreign, ())]
        better = self.rng.randrange(2)
        return self._add(kind, example, texts[::-1] if better else texts, better)

    def _add(self, kind: str, example: ReportedExample, texts: Sequence[Text], better: int) -> str:
        # Why its dialogue was drawn says nothing here: nobody's text is judged.
        return self.questions.add(kind, example, texts, self.rng, stratum=ATTENTION, role=ATTENTION, better=better)

    def _list_free(self, example: ReportedExample) -> Iterator[str]:
        """Give the references that are not judged, nor say what any judged text says."""
        judged = {normalise(text) for text in example.summaries.values()}
        if example.id not in self.drawn:
            judged = set()
        yield from (text for text in example.references if text.strip() and normalise(text) not in judged)

    def _find_foreign(self, example: ReportedExample, like: str) -> str | None:
        size = len(like.split())
        own = {normalise(text) for text in (*example.references, *example.summaries.values())}
        here = normalise(example.dialogue)
        near: list[str] = []
        for distance in range(max([size, *self._references]) + 1):
            fitting = [
                text
                for length in sorted({size - distance, size + distance})
                for dialogue, normal, text in self._references.get(length, ())
                if dialogue != here and normal not in own
            ]
            near += self.rng.sample(fitting, min(len(fitting), _NEAREST - len(near)))
            if len(near) == _NEAREST:
                break
        said = set(_WORD.findall(example.dialogue.lower()))
        near.sort(key=lambda text: _measure_shared(text, said))
        return self.rng.choice(near[:_FEWEST_IN_COMMON]) if near else None


def _measure_shared(text: str, said: set[str]) -> float:
    words = set(_WORD.findall(text.lower()))
    return len(words & said) / len(words) if words else 1.0


__all__ = ["Checks"]

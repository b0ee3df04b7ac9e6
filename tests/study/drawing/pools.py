"""Pools made in memory, and what is counted in a study that is drawn of one."""

import random
from collections import Counter

from dialora.report.document import ReportedExample
from dialora.study.drawing.create import draw_study
from dialora.study.drawing.options import StudyOptions
from dialora.study.drawing.pool import Pool
from dialora.study.folder import BlindStudy
from dialora.study.key import JUDGED, JudgedSystem, StudyKey
from dialora.study.records import PAIRWISE, Sheet, StudySettings

NAMES = ("zebrafinch", "quokkaling", "axolotlet", "narwhalish", "okapiform")
"""Of systems: words that stand in no dialogue and in no text of dialora's."""
WORDS = ("she", "will", "call", "the", "bank", "on", "Monday", "about", "a", "lost", "card", "and", "he", "agrees")


def build_pool(
    num_dialogues: int = 24, num_systems: int = 3, *, same: float = 0.0, seed: int = 0, num_references: int = 1
) -> Pool:
    """Dialogues between two people each; with a chance of `same` a system writes what the one before it wrote."""
    rng = random.Random(seed)
    names = NAMES[:num_systems]
    examples = []
    for at in range(num_dialogues):
        people = (f"Ann{at}", f"Ben{at}")
        turns = [f"{people[turn % 2]}: {write(rng, f'd{at}t{turn}')}" for turn in range(rng.randint(2, 12))]
        summaries: dict[str, str] = {}
        for name in names:
            before = list(summaries.values())[-1:]
            summaries[name] = before[0] if before and rng.random() < same else write(rng, f"s{at}{name[:2]}")
        examples.append(
            ReportedExample(
                id=f"dialogue-{at}",
                dialogue="\n".join(turns),
                topic=None,
                references=tuple(f"{people[0]} {write(rng, f'r{at}n{one}')}." for one in range(num_references)),
                summaries=summaries,
                scores={name: {"rouge1": rng.random()} for name in names},
            )
        )
    return Pool(tuple(JudgedSystem(name, name, name.title(), "runs/x") for name in names), tuple(examples))


def write(rng: random.Random, mark: str) -> str:
    return " ".join([mark, *rng.choices(WORDS, k=rng.randint(4, 9))])


def draw(pool: Pool, *, secret: str = "a secret", **options: object) -> tuple[BlindStudy, StudyKey, Counter[str]]:
    asked = StudyOptions(**options)  # type: ignore[arg-type]
    asked.require_valid()
    settings = StudySettings("study", asked.design, "Which?", "Read.", asked.num_raters)
    return draw_study(pool, asked, settings, secret)


def roles(key: StudyKey) -> dict[str, str]:
    return {item.id: item.role for item in key.items}


def judged(study: BlindStudy, key: StudyKey, sheet: Sheet) -> list[str]:
    """The judged items of a sheet, in order."""
    found = roles(key)
    return [entry.item for entry in sheet.entries if found[entry.item] == JUDGED]


def count_first(study: BlindStudy, key: StudyKey, sheet: Sheet, *, role: str = JUDGED) -> Counter[tuple[str, str]]:
    """How often one of two systems is shown first, minus how often the other is, by their names in order."""
    keys = {item.id: item for item in key.items}
    found: Counter[tuple[str, str]] = Counter()
    for entry in sheet.entries:
        item = keys[entry.item]
        if item.role == role and study.items[item.id].kind == PAIRWISE:
            first, second = item.writers[::-1] if entry.is_swapped else item.writers
            for a in first:
                for b in second:
                    found[min(a, b), max(a, b)] += 1 if a < b else -1
    return found

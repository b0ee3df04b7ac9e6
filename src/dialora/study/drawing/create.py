"""From finished comparisons to a study on disk: drawn, blinded, balanced, with checks and repeats.

The seed chooses dialogues; what is shown of them, and how, is drawn behind a secret that the key keeps, since a seed
can be guessed. The same of both draw the same study. Nothing is ever written over: people's time is in a study.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dialora.config.loading import Overrides, find_bad_values
from dialora.errors import InputError
from dialora.records import Observer, ignore_events
from dialora.store import names
from dialora.store.disk import disk_errors_explained
from dialora.study.drawing.blinding import find_told, require_blind_names, require_blind_texts
from dialora.study.drawing.chance import SecretRandom, make_secret
from dialora.study.drawing.drawn import DrawnStudy, describe_drawn
from dialora.study.drawing.options import StudyOptions
from dialora.study.drawing.planted import Checks
from dialora.study.drawing.pool import Pool, load_pool
from dialora.study.drawing.questions import ask
from dialora.study.drawing.sheets import SheetBuilder
from dialora.study.drawing.sources import find_folders
from dialora.study.drawing.strata import draw_dialogues
from dialora.study.drawing.texts import StudyTexts, load_texts
from dialora.study.folder import STUDIES, BlindStudy, StudyFolder
from dialora.study.key import StudyKey
from dialora.study.records import BOTH, PAIRWISE, RATING, Criterion, ErrorKind, StudySettings

DEFAULT_NAME = "study"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LONGEST_TITLE = 120


def create_study(
    sources: Sequence[str | Path],
    *,
    options: StudyOptions | None = None,
    systems: Sequence[str] = (),
    include_human: bool = False,
    criteria: Path | None = None,
    name: str | None = None,
    title: str | None = None,
    output: Path | None = None,
    secret: str | None = None,
    set: Overrides = (),
    observer: Observer = ignore_events,
) -> DrawnStudy:
    """Draw a study and write it to `output`, or `studies/NAME`; return what was drawn. Raises DialoraError.

    Without a `name` the study is called as its folder, unless that tells what is compared.

    `sources` are folders of finished experiments or scored tables, names of shipped experiments, or files of outputs,
    which are scored first, with `set`. `systems` are keys; `include_human` puts the first reference among them.
    `criteria` is a file of one's own texts (see `texts.yaml`). `secret` is that of a study to draw once more, from its
    key; without one a new one is made.
    """
    options = options or StudyOptions()
    options.require_valid()
    _require_names(name, title)
    root = STUDIES / (name or DEFAULT_NAME) if output is None else output
    with disk_errors_explained(root):
        _require_free(root)
    texts = load_texts(criteria)
    pool = load_pool(find_folders(sources, set, observer), systems=systems, include_human=include_human)
    if name is None:
        name = root.name if _NAME.fullmatch(root.name) and find_told(root.name, pool) is None else DEFAULT_NAME
    require_blind_names(name, title, pool)
    require_blind_texts(texts, criteria, pool)
    settings = _write_settings(options, texts, name, title)
    study, key, drawn = draw_study(pool, options, settings, secret or make_secret())
    with disk_errors_explained(root):
        StudyFolder(root).save(study, key)
    return describe_drawn(root, study, key, drawn, num_available=len(pool.examples), options=options)


def draw_study(
    pool: Pool, options: StudyOptions, settings: StudySettings, secret: str
) -> tuple[BlindStudy, StudyKey, Counter[str]]:
    """Draw a study of what is in a pool; return it with its key and the number of dialogues of each stratum.

    The seed alone chooses dialogues, so that another number of raters judges the same ones; all else needs the secret.
    """
    chance = random.Random(f"dialora study {options.seed} dialogues")
    dialogues = draw_dialogues(pool.examples, options.num_dialogues, chance)

    def draw_for(step: str) -> random.Random:
        return SecretRandom(f"dialora study {options.seed} {step} {secret}")

    questions = ask(dialogues, pool.systems, design=options.design, pairs=options.pairs, rng=draw_for("questions"))
    builder = SheetBuilder(
        questions,
        Checks(pool, questions, draw_for("checks"), frozenset(example.id for example, _ in dialogues)),
        options,
        {example.id: example for example in pool.examples},
        draw_for("sheets"),
    )
    sheets = builder.build()
    # By id, which is drawn at random: the order in the file says nothing either.
    study = BlindStudy(settings, dict(sorted(questions.items.items())), tuple(sheets))
    key = StudyKey(
        systems=pool.systems,
        items=tuple(one for _, one in sorted(questions.keys.items())),
        identical=tuple(questions.identical),
        scores={example.id: example.scores for example, _ in dialogues},
        seed=options.seed,
        secret=secret,
    )
    return study, key, Counter(stratum for _, stratum in dialogues)


def _write_settings(options: StudyOptions, texts: StudyTexts, name: str, title: str | None) -> StudySettings:
    kinds = {PAIRWISE: (PAIRWISE,), RATING: (RATING,), BOTH: (RATING, PAIRWISE)}[options.design]
    rates = RATING in kinds
    criteria: tuple[Criterion, ...] = texts.list_criteria() if rates else ()
    error_kinds: tuple[ErrorKind, ...] = texts.list_error_kinds() if rates else ()
    return StudySettings(
        name=name,
        design=options.design,
        title=title or getattr(texts.title, options.design),
        instructions=texts.write_instructions(kinds),
        num_sheets=options.num_raters,
        criteria=criteria,
        error_kinds=error_kinds,
        practice=texts.list_practice(kinds),
        asks_why=options.asks_why and PAIRWISE in kinds,
    )


def _require_names(name: str | None, title: str | None) -> None:
    if name is not None and not _NAME.fullmatch(name):
        raise InputError(f"--name {name}: must be of letters, digits, `.`, `_` and `-`, and at most 100 of them.")
    if title is None:
        return
    problem = next(find_bad_values(title, ("--title",)), None)
    if problem is not None:
        raise InputError(problem)
    if not title.strip() or len(title) > _LONGEST_TITLE:
        raise InputError(f"--title: must have 1 to {_LONGEST_TITLE} characters, got {len(title.strip()):,}.")


def _require_free(root: Path) -> None:
    """Raise InputError where anything lies in the folder but a study whose writing was broken off."""
    if root.exists() and not root.is_dir():
        raise InputError(f"--output {root}: is a file; give a folder.")
    found = {path.name for path in root.iterdir()} if root.is_dir() else frozenset()
    if found <= {names.KEY, names.unfinished(names.KEY), names.unfinished(names.BLIND)}:
        return
    if names.BLIND in found:
        raise InputError(
            f"{root}: holds a study already, and people's judgements belong to what they were shown; give another "
            "--name or --output."
        )
    raise InputError(f"{root}: holds files that are not a study's; give a new or empty folder with --output.")


__all__ = ["DEFAULT_NAME", "create_study", "draw_study"]

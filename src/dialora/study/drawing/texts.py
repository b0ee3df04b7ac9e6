"""What raters read and are asked: dialora's own texts, or those of a file in the same form.

Takes the path of a YAML file; gives instructions, criteria, kinds of errors and practice items. What the file leaves
out is as in `texts.yaml` beside this module; a practice item that asks for criteria which there are not is left out.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from dialora.config.experiment import build_config
from dialora.config.loading import apply_overrides
from dialora.config.section import Section
from dialora.config.yaml_file import read_yaml_file
from dialora.config.yaml_text import parse_yaml
from dialora.errors import ConfigError
from dialora.study.records import ANSWERS, HIGHEST, LOWEST, PAIRWISE, RATING, Criterion, ErrorKind, PracticeItem

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40, description="names it in files")]
Line = Annotated[str, Field(min_length=1, max_length=120, description="a few words")]
Sentence = Annotated[str, Field(min_length=1, max_length=1_000, description="a sentence or two")]
Paragraphs = Annotated[str, Field(max_length=5_000, description="paragraphs apart by an empty line")]
_MOST = 20


class TitleTexts(Section):
    """The page's title, by design."""

    pairwise: Line
    rating: Line
    both: Line


class InstructionTexts(Section):
    """What raters are told before they begin; what does not fit the design is left out."""

    opening: Paragraphs
    pairwise: Paragraphs
    rating: Paragraphs
    closing: Paragraphs


class CriterionText(Section):
    """A quality that is rated from 1 to 5."""

    key: Key
    label: Line
    question: Sentence
    lowest: Sentence
    highest: Sentence
    example: Sentence


class ErrorKindText(Section):
    """A kind of error that raters mark."""

    key: Key
    label: Line
    definition: Sentence
    example: Sentence


class PracticeText(Section):
    """An item to try, with its answer."""

    kind: Literal["pairwise", "rating"]
    dialogue: Annotated[str, Field(min_length=1, max_length=20_000)]
    texts: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=5_000)], ...], Field(max_length=2)]
    expected: dict[str, Any]
    feedback: Sentence

    @model_validator(mode="after")
    def _fits_kind(self) -> PracticeText:
        wanted, count = ("answer", 2) if self.kind == PAIRWISE else ("scores", 1)
        if len(self.texts) != count:
            raise ValueError(f"texts: a {self.kind} item shows {count}, got {len(self.texts)}")
        if list(self.expected) != [wanted]:
            raise ValueError(f"expected: must be {{{wanted}: …}}, got the keys {', '.join(self.expected) or 'none'}")
        value = self.expected[wanted]
        if self.kind == PAIRWISE:
            if not isinstance(value, list) or not value or not set(map(str, value)) <= set(ANSWERS):
                raise ValueError(f"expected.answer: must list the answers that are right, of {', '.join(ANSWERS)}")
        elif not isinstance(value, dict) or not value or not all(map(_is_range, value.values())):
            raise ValueError(
                f"expected.scores: must give each criterion its [lowest, highest] right mark, of {LOWEST} to {HIGHEST}"
            )
        return self


class StudyTexts(Section):
    """All that raters read besides dialogues and summaries."""

    title: TitleTexts
    instructions: InstructionTexts
    criteria: Annotated[tuple[CriterionText, ...], Field(min_length=1, max_length=_MOST)]
    error_kinds: Annotated[tuple[ErrorKindText, ...], Field(max_length=_MOST)]
    practice: Annotated[tuple[PracticeText, ...], Field(max_length=_MOST)]

    @field_validator("criteria", "error_kinds")
    @classmethod
    def _are_distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        keys = [one.key for one in value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"names {twice!r} twice")
        return value

    def list_criteria(self) -> tuple[Criterion, ...]:
        """Return the criteria as a study keeps them."""
        return tuple(Criterion(**one.model_dump()) for one in self.criteria)

    def list_error_kinds(self) -> tuple[ErrorKind, ...]:
        """Return the kinds of errors as a study keeps them."""
        return tuple(ErrorKind(**one.model_dump()) for one in self.error_kinds)

    def list_practice(self, kinds: tuple[str, ...]) -> tuple[PracticeItem, ...]:
        """Return the practice items of some kinds, in that order, as a study keeps them."""
        return tuple(
            PracticeItem(one.kind, one.dialogue, one.texts, one.expected, one.feedback)
            for kind in kinds
            for one in self.practice
            if one.kind == kind
        )

    def write_instructions(self, kinds: tuple[str, ...]) -> str:
        """Return what raters of items of these kinds are told."""
        told = self.instructions
        middle = [told.rating] * (RATING in kinds) + [told.pairwise] * (PAIRWISE in kinds)
        return "\n\n".join(text.strip() for text in (told.opening, *middle, told.closing) if text.strip())


def load_texts(path: Path | None = None) -> StudyTexts:
    """Load dialora's texts, with what a file says instead. Raises ConfigError with every problem of the file."""
    shipped = resources.files("dialora.study.drawing") / "texts.yaml"
    values: dict[str, Any] = parse_yaml(shipped.read_text(encoding="utf-8"))
    if path is None:
        return build_config(StudyTexts, values)
    own = _read_file(path)
    is_own_practice = "practice" in own
    for key, value in own.items():
        shared = values.get(key)
        values[key] = shared | value if isinstance(shared, dict) and isinstance(value, dict) else value
    try:
        texts = build_config(StudyTexts, values)
    except ConfigError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from error
    known = [one.key for one in texts.criteria]
    fitting = tuple(one for one in texts.practice if set(one.expected.get("scores", ())) <= {*known})
    if is_own_practice and len(fitting) < len(texts.practice):
        asked = {key for one in texts.practice for key in one.expected.get("scores", ())}
        raise ConfigError(
            f"{path}: practice: {', '.join(sorted(asked - {*known}))}: no such criterion; allowed: {', '.join(known)}."
        )
    return texts.model_copy(update={"practice": fitting})


def _read_file(path: Path) -> dict[str, Any]:
    values = read_yaml_file(path)
    sections = list(StudyTexts.model_fields)
    if not isinstance(values, dict) or not values or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: must be a mapping with some of {', '.join(sections)}.")
    try:
        apply_overrides(values, ())  # looks that no file, page or terminal stumbles over a text
    except ConfigError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from error
    return values


def _is_range(value: Any) -> bool:
    is_pair = isinstance(value, list) and len(value) == 2 and all(type(bound) is int for bound in value)
    return is_pair and LOWEST <= value[0] <= value[1] <= HIGHEST


__all__ = ["StudyTexts", "load_texts"]

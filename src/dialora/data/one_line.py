"""A dialogue that is written on one line → its turns, where the line shows for certain that it holds several.

Labels are what `turns` takes for speakers once each stands at the start of a line. Here they have to be told from words
before a colon within what is said (`I need two things: milk`), from headings (`Note: …`), clock times and addresses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialora.data.turns import LABEL

_SEPARATORS = [re.compile(sign) for sign in (r"\|\|", r"\|", "(?<!:)//", " / ", "\t")]
"""Those of an address (`https://`) are none."""
_TAG = re.compile(r"(?:^|(?<=\s))#[^#\n]{1,30}#\s*[:：]")
_TITLE = r"(?:Mrs?|Ms|Dr|Prof)\."
_SENTENCE_START = (
    r"(?:^|(?<=[.!?…\"'”’»)\]])(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bMrs\.)(?<!\bProf\.)\s+|(?<=[。！？])\s*)"
)
_AT_SENTENCE_START = re.compile(rf"{_SENTENCE_START}((?:{_TITLE} )?[^\W_][^:：,;!?.…|\n]{{0,29}}?)\s*(?::(?=\s)|：)")
_WORD = r"[^\W_][\w'’-]*+"
_ANYWHERE = re.compile(rf"(?<!\S)((?:(?:{_TITLE}|{_WORD}) ){{0,2}}{_WORD})\s*(?::(?=\s)|：)")
_MOST_WORDS = 3
_MOST_CHARACTERS = 30
# fmt: off
_HEADINGS = frozenset((
    "note", "notes", "warning", "important", "reminder", "tip", "example", "update", "edit", "ps", "nb", "re", "fwd",
    "from", "to", "cc", "subject", "title", "topic", "summary", "source", "date", "time", "place", "address", "price",
))
# fmt: on
"""Words before a colon that nobody is called by."""


@dataclass(frozen=True, slots=True)
class _Label:
    start: int
    end: int
    name: str
    begins_sentence: bool

    @property
    def key(self) -> str:
        return self.name.casefold()

    @property
    def num_words(self) -> int:
        return sum(not re.fullmatch(_TITLE, word) for word in self.name.split())


def split_line(line: str) -> list[str]:
    """Return the turns of a dialogue on one line, or the line where it does not show for certain that it holds several.

    It does where each part between separators (`A: hi | B: yo`) begins with a label; where tags follow (`#Person1#: hi
    #Person2#: yo`); where sentences begin with labels of which one returns (`A: Hi! B: Yo. A: Well?`); and where
    capitalised labels of several speakers stand within sentences and one of them returns (`Anna: hi Bob: yo Anna: ok`).
    """
    line = line.strip()
    if not LABEL.match(line):
        return [line]
    for separator in _SEPARATORS:
        parts = [part.strip() for part in separator.split(line) if part.strip()]
        if len(parts) > 1 and all(map(LABEL.match, parts)):
            return parts
    starts = [match.start() for match in _TAG.finditer(line)] if line.startswith("#") else _find_speakers(line)
    ends = [*starts[1:], len(line)]
    return [line[start:end].strip() for start, end in zip(starts, ends, strict=True)] if len(starts) > 1 else [line]


def _find_speakers(line: str) -> list[int]:
    """Return where the labels begin that are taken for speakers; none where the line does not begin with one."""
    labels = _choose_labels(_list_labels(line), line)
    times = Counter(label.key for label in labels)
    if len(times) > 1 and any(times[label.key] > 1 for label in labels if not label.begins_sentence):
        return [label.start for label in labels]
    returns = max(Counter(label.key for label in labels if label.begins_sentence).values(), default=0) > 1
    around = zip([None, *labels], labels, [*labels[1:], None], strict=False)
    certain = [label for before, label, after in around if label.begins_sentence or _is_between(before, label, after)]
    return [label.start for label in certain] if returns else []


def _is_between(before: _Label | None, label: _Label, after: _Label | None) -> bool:
    """Whether a label is where another speaker is missing: between two turns of one speaker."""
    return before is not None and after is not None and before.key == after.key != label.key


def _choose_labels(places: Sequence[Sequence[_Label]], line: str) -> list[_Label]:
    """Return the likeliest label before each colon that may have one: what returns, rather than what does not."""
    first = next((label for label in places[0] if label.start == 0), None) if places else None
    if first is None:
        return []
    times = Counter(key for labels in places for key in {label.key for label in labels})
    chosen = [first]
    for labels in places[1:]:
        likely = [
            label
            for label in labels
            if (times[label.key] > 1 or label.begins_sentence or label.num_words <= first.num_words)
            and (times[label.key] > 1 or not label.name[0].islower())
            and line[chosen[-1].end : label.start].strip()  # something is said between two labels
        ]
        # Of `Hi Bob`, a part is the name where it also stands alone; and `Smith` is none where there are two Smiths.
        likely = [
            label
            for at, label in enumerate(likely)
            if all(times[label.key] > times[longer.key] for longer in likely[:at])
        ]
        if likely:
            chosen.append(max(likely, key=lambda label: (label.num_words == first.num_words, times[label.key])))
    return chosen


def _list_labels(line: str) -> list[list[_Label]]:
    """Return all that may be a label, by the colon that it stands before, the longest first."""
    places: dict[int, dict[int, _Label]] = {}
    for match in _AT_SENTENCE_START.finditer(line):
        if len(match[1].split()) <= _MOST_WORDS:
            places[match.end()] = {match.start(1): _Label(match.start(1), match.end(), match[1], True)}
    for match in _ANYWHERE.finditer(line):
        for start in _list_names(match[1]):
            label = _Label(match.start(1) + start, match.end(), match[1][start:], False)
            places.setdefault(match.end(), {}).setdefault(label.start, label)
    labels = [[own for _, own in sorted(places[end].items()) if own.key not in _HEADINGS] for end in sorted(places)]
    return [own for own in labels if own]


def _list_names(words: str) -> Iterator[int]:
    """Give where in words before a colon a name may begin: its words are capitalised, or numbers behind the first."""
    starts = [match.start() for match in re.finditer(r"(?<!\S)\S", words)]
    for at, start in enumerate(starts):
        is_capitalised = words[start].isalpha() and not any(words[own].islower() for own in starts[at:])
        if is_capitalised and len(words) - start <= _MOST_CHARACTERS:
            yield start


__all__ = ["split_line"]

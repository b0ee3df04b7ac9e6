"""Names of a summary that its dialogue does not contain, and speaker tags it does not know.

Takes text in a script with capitals; a name is what English writes with a capital letter inside a sentence, or at its
beginning before a verb that people do. A name counts as contained in any case, as a plural, possessive, nickname,
nationality or abbreviation, and when it is but misspelled: what is left is invented.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import groupby

from dialora.scoring.faithfulness.lexicon import (
    ABBREVIATIONS,
    CURRENCIES,
    FUNCTION_WORDS,
    KINDS_NAMED,
    NO_NAMES,
    PERSON_VERBS,
    SAME_NAMES,
    TITLES,
)

_NEVER_NAMES = NO_NAMES | TITLES | KINDS_NAMED | FUNCTION_WORDS | CURRENCIES.keys()
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_TAG = re.compile(r"#([^#\s]{1,30})#|#?\b(Person\d+)\b#?")
_SPELLED = re.compile(r"\b(?:[^\W\d_][ .,\-]+){2,}[^\W\d_]\b")
_APOSTROPHE, _SIGNS, _RUN = re.compile(r"['’]"), re.compile(r"[\W_]+"), re.compile(r"[^\W_]+")
_ENDING = re.compile(r"['’](?:s|m|ll|d|ve|re)?$")
_COMMON_ENDING = re.compile(r"(?:ing|ly|ed|tion|sion|ment|ness|ity|ous|able|ful|less|ers|ors|ists)$")
MIN_VOCABULARY = 1000
"""So many words must be known before an unknown one is taken for a name."""
_OPENING = " \t\"'“”‘’([{*_-–—«„"
_SENTENCE_END = frozenset(".!?:;…。！？：\n\r>•")


class SpokenNames:
    """All the words of a dialogue, in the forms in which a summary may take them up."""

    def __init__(self, dialogue: str) -> None:
        """Read the dialogue once; many summaries may then be held against it."""
        whole = _WORD.findall(dialogue)
        words = [*whole, *(part for word in whole if "'" in word or "’" in word for part in _APOSTROPHE.split(word))]
        spelled = [re.sub(r"[\W_]", "", match[0]) for match in _SPELLED.finditer(dialogue)]  # S M I T H
        self.words = {word.casefold() for word in [*words, *spelled]} - {""}
        self.acronyms = {word.casefold() for word in words if word.isupper() and 2 <= len(word) <= 6}
        self.joined = _SIGNS.sub("", dialogue.casefold())
        self.initials = "".join(run[0].casefold() for run in _RUN.findall(dialogue))
        capitals = {word.casefold() for word in words if word[:1].isupper()}
        self.names = capitals | {word for word in self.words if len(word) >= 6}
        """What a name may be misspelled from."""

    def contains(self, word: str) -> bool:
        """Return whether the dialogue has this word, or one that names the same."""
        whole = re.sub(r"['’]s?$", "", word.casefold())
        parts = re.split(r"['’]", whole)
        folded = parts[0] if len(parts[0]) > 2 else "".join(parts)  # John'll, but O'Brien
        forms = {whole, folded, folded + "s", folded.removesuffix("s"), folded.removesuffix("es")}
        if forms & self.words or (len(folded) >= 6 and folded in self.joined):
            return True
        if any(forms & group and group & self.words for group in SAME_NAMES):
            return True
        if word.isupper() and 2 <= len(word) <= 6 and folded in self.initials:
            return True
        return any(_is_variant(folded, name) for name in self.names)


def find_unsupported_names(
    summary: str, spoken: SpokenNames, *, vocabulary: Collection[str] = ()
) -> list[tuple[int, int]]:
    """Return where `summary` has names that the dialogue does not contain; words that follow each other are one.

    `vocabulary` holds the lower-case words of many texts; with it, a word at the beginning of a sentence is a name when
    it is none of them. A text in capitals, or with most words in them, tells nothing: it gives none.
    """
    text = mask_tags(summary)
    words = list(_WORD.finditer(text))
    if len(words) > 6 and sum(match[0][0].isupper() for match in words) > 0.6 * len(words):
        return []
    found = [
        (index, match.span())
        for index, match in enumerate(words)
        if _is_name(text, words, index, vocabulary) and not spoken.contains(match[0])
    ]
    found = [(index, span) for index, span in found if not _is_spelled_out(text, words, index, spoken)]
    runs = []
    for _, group in groupby(enumerate(found), key=lambda item: item[1][0] - item[0]):
        spans = [span for _, (_, span) in group]
        start = spans[0][0]
        for (_, end), (after, _) in zip(spans, [*spans[1:], (None, None)], strict=True):
            # A sign between two names parts them: "Paris, Rome".
            if after is None or text[end:after].strip(" .'-’"):
                runs.append((start, _without_possessive(text, start, end)))
                start = after if after is not None else start
    return runs


def has_only_known_names(summary: str, dialogue: str) -> bool:
    """Whether all that may be names stands in the dialogue letter by letter: then there is nothing to look for.

    The dialogue's tags are masked.
    """
    capitals = {word for word in _WORD.findall(mask_tags(summary)) if word[0].isupper() and _may_be_name(word)}
    return not capitals or capitals <= set(_WORD.findall(dialogue))


def mask_tags(text: str) -> str:
    """Return text of the same length in which every tag is signs: its digits are no number, its letters no word."""
    return _TAG.sub(lambda match: "#" * len(match[0]), text)


def find_unsupported_tags(summary: str, dialogue: str) -> list[tuple[int, int]]:
    """Return where `summary` has tags (`#Person3#`, also cut ones) that `dialogue` does not know."""
    known = {(match[1] or match[2]).casefold() for match in _TAG.finditer(dialogue)}
    return [match.span() for match in _TAG.finditer(summary) if (match[1] or match[2]).casefold() not in known]


def _is_name(text: str, words: list[re.Match[str]], index: int, vocabulary: Collection[str]) -> bool:
    match = words[index]
    word = match[0]
    if not word[0].isupper() or not _may_be_name(word):
        return False
    folded = _fold(word)
    if not _is_first(text, words, index):
        return True
    if folded in vocabulary or _COMMON_ENDING.search(folded):
        return False
    follower = words[index + 1] if index + 1 < len(words) else None
    if follower is None or text[match.end() : follower.start()].strip():
        return False
    return follower[0] in PERSON_VERBS or (len(vocabulary) >= MIN_VOCABULARY and follower[0][0].islower())


def _may_be_name(word: str) -> bool:
    folded = _fold(word)
    return len(folded) >= 2 and folded not in _NEVER_NAMES


def _fold(word: str) -> str:
    return _ENDING.sub("", word.casefold()) if "'" in word or "’" in word else word.casefold()


def _is_first(text: str, words: list[re.Match[str]], index: int) -> bool:
    """Whether a word begins a sentence, a quotation, a line or a turn, where any word has a capital."""
    start = words[index].start()
    before = text[:start].rstrip(_OPENING)
    if not before or before[-1] in _SENTENCE_END or "\n" in text[len(before) : start]:
        previous = words[index - 1][0] if index else ""
        is_short = previous.casefold() in ABBREVIATIONS or (len(previous) == 1 and previous.isupper())
        return not (is_short and before.endswith(f"{previous}."))
    return any(sign in text[len(before) : start] for sign in '"“„«*')


def _is_spelled_out(text: str, words: list[re.Match[str]], index: int, spoken: SpokenNames) -> bool:
    """Whether the word belongs to a name whose initials the dialogue has: United States, said as US."""
    for size in range(2, 6):
        for first in range(max(0, index - size + 1), index + 1):
            run = words[first : first + size]
            if len(run) == size and "".join(match[0][0] for match in run).casefold() in spoken.acronyms:
                return True
    return False


def _is_variant(word: str, name: str) -> bool:
    """Whether two words are one name: Chinese and China, Dan and Daniel, Jonson and Johnson."""
    if word[0] != name[0]:
        return False
    short, long = sorted((word, name), key=len)
    if len(short) >= 3 and long.startswith(short) and len(long) - len(short) <= 6:
        return True
    same = next((i for i, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), len(short))
    if same >= 4 and len(short) >= 5 and len(long) - same <= 4:
        return True
    if len(short) >= 4 and (_single(word) == _single(name) or (len(word) > 5 and sorted(word) == sorted(name))):
        return True
    return len(short) >= 5 and _is_one_edit(short, long)


def _single(word: str) -> str:
    """Return the word with its doubled letters written once: Karren as Karen."""
    return re.sub(r"(.)\1", r"\1", word)


def _is_one_edit(short: str, long: str) -> bool:
    if len(long) - len(short) > 1:
        return False
    i = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) == len(short):
        swapped = short[i : i + 2] == long[i : i + 2][::-1] and short[i + 2 :] == long[i + 2 :]
        return swapped or short[i + 1 :] == long[i + 1 :]
    return short[i:] == long[i + 1 :]


def _without_possessive(text: str, start: int, end: int) -> int:
    return end - len(re.search(r"(?:['’]s?)?$", text[start:end])[0])  # type: ignore[index]


__all__ = ["SpokenNames", "find_unsupported_names", "find_unsupported_tags", "has_only_known_names", "mask_tags"]

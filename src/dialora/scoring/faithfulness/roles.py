"""Who asked and who told: claims of a summary about the speakers that its dialogue settles.

Looks at clauses of the form "A asks B …" and "A tells B that …" where A is a speaker's label (`#Person1#`, `Amanda`).
What the clause is about is searched in the questions, or in the statements, of every speaker. It is decided only where
one speaker alone spoke of it; anything else is left open, and the number of decided claims tells how far this reaches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dialora.data.turns import LABEL
from dialora.scoring.faithfulness.lexicon import LITTLE_WORDS

MIN_SHARED = {"asks": 2, "tells": 3}
"""So many words of a clause must stand in what one speaker asked or stated; names and little words do not count."""
MIN_SHARE = 0.6
"""So much of what the clause and the whole dialogue share must stand there."""
_ASKS = "asks|asked|inquires|inquired|wonders|wondered"
_TELLS = "tells|told|says|said|explains|explained|informs|informed|answers|answered|replies|replied"
_QUESTION = re.compile(r"\s*(?:about|if|whether|what|why|how|where|when|who|which|for)\b")
_STATEMENT = re.compile(r"\s*(?:that\b|about\b|(?!to\b|how\b|what\b|where\b|why\b|when\b|if\b|whether\b|not\b)\w+)")

_CLAUSE_END = re.compile(
    rf"[.;!?\n]|,|\b(?:and|but|because|so|then|while|after|before)\b|\b(?:{_ASKS}|{_TELLS}|thinks|wants|agrees)\b"
)

_NAME = re.compile(r"(?<=\s)[A-Z][^\W_]*(?:['’]s)?")
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class RoleClaim:
    """One decided claim: the words of the summary that make it, and whether the dialogue says the contrary."""

    start: int
    end: int
    is_swapped: bool


class SpokenTurns:
    """Who asked and who stated which words."""

    def __init__(self, dialogue: str) -> None:
        """Read the dialogue once; many summaries may then be held against it."""
        self.questions: dict[str, set[str]] = {}
        self.statements: dict[str, set[str]] = {}
        labels = list(LABEL.finditer(dialogue))
        for i, match in enumerate(labels):
            speaker = (f"#{match[1].strip()}#" if match[1] is not None else match[2].strip()).casefold()
            said = dialogue[match.end() : labels[i + 1].start() if i + 1 < len(labels) else len(dialogue)]
            asked, stated = self.questions.setdefault(speaker, set()), self.statements.setdefault(speaker, set())
            for sentence in _SENTENCE.findall(said):
                (asked if sentence.rstrip().endswith(("?", "？")) else stated).update(_stems(sentence))


def find_role_claims(summary: str, spoken: SpokenTurns) -> list[RoleClaim]:
    """Return the claims of `summary` about who asked or told something that the dialogue decides."""
    if len(spoken.questions) < 2:
        return []
    claims = []
    for start, end, speaker, listener, kind, topic in _find_claims(summary, spoken):
        said = spoken.questions if kind == "asks" else spoken.statements
        decided = _decide(topic, said, spoken, MIN_SHARED[kind])
        if decided is not None and listener != speaker:
            claims.append(RoleClaim(start, end, is_swapped=decided != speaker))
    return claims


def _find_claims(summary: str, spoken: SpokenTurns) -> Iterator[tuple[int, int, str, str | None, str, set[str]]]:
    """Yield place, speaker, listener, kind and topic of each clause that claims who asked or told."""
    names = "|".join(re.escape(name) for name in sorted(spoken.questions, key=len, reverse=True))
    pattern = re.compile(
        rf"(?<![\w#])({names})\s+(?:({_ASKS})|({_TELLS}))\b(?:\s+(?:to\s+)?({names})(?!['’\w]))?", re.IGNORECASE
    )
    for match in pattern.finditer(summary):
        kind = "asks" if match[2] else "tells"
        if not (_QUESTION if match[2] else _STATEMENT).match(summary, match.end()):
            continue
        stop = _CLAUSE_END.search(summary, match.end())
        end = stop.start() if stop else len(summary)
        ignored = set(_stems(" ".join(spoken.questions)))
        # Names are in everybody's mouth: they tell who is spoken of, not who speaks.
        topic = _stems(_NAME.sub(" ", summary[match.end() : end])) - ignored
        listener = match[4].casefold() if match[4] else None
        yield match.start(), end, match[1].casefold(), listener, kind, topic


def _decide(topic: set[str], said: dict[str, set[str]], spoken: SpokenTurns, least: int) -> str | None:
    """Return the one speaker who spoke of the topic in this way; None where that is open.

    Who is claimed to have done so does not matter: right and wrong claims are decided on the same evidence.
    """
    everything = set().union(*spoken.questions.values(), *spoken.statements.values())
    known = topic & everything
    if len(known) < least:
        return None
    shared = {name: len(known & words) for name, words in said.items()}
    best = max(shared, key=lambda name: shared[name])
    if shared[best] < max(least, MIN_SHARE * len(known)):
        return None
    rest = len(known) - shared[best]
    for other in said.keys() - {best}:
        # Neither in this way nor in the other: a question may well tell, and an answer take up what was asked.
        if shared[other] or len(known & (spoken.questions[other] | spoken.statements[other])) > rest:
            return None
    return best


def _stems(text: str) -> set[str]:
    words = (match[0].casefold().split("'")[0].split("’")[0] for match in _WORD.finditer(text))
    return {stem(word) for word in words if len(word) > 2 and word not in LITTLE_WORDS}


def stem(word: str) -> str:
    """Return an English word in lower case without its ending, alike for `boxes` and `box`; no linguist's stem."""
    for ending in ("ings", "ing", "ied", "ies", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word.rstrip("ey") if len(word) > 4 else word


__all__ = ["RoleClaim", "SpokenTurns", "find_role_claims", "stem"]

"""Turn what speakers say into reported speech: a summary for dialogues that nobody summarized.

"I love hiking, but my knee hurts." becomes "#Person1# loves hiking, but #Person1#'s knee hurts." The most
telling sentences of a dialogue, told this way and in order, teach what summaries of dialogues need most:
to choose, to name who said it, and to turn first and second person into names. The rules know the simple
cases and leave every other sentence alone.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

from recipes.base.corpora import Turn
from recipes.base.lexicon import ADVERBS, BE, CONTRACTED, KEPT, LOWERED, PAST, PRESENT, STOP

# A clause that can follow "says that" has one of these early on.
HAS_VERB = re.compile(
    r"(?i)^(?:\S+ ){1,6}?(is|are|was|were|has|have|had|can|could|will|would|did|does|should|must|may|might|\w+n't)\b"
    r"|^(?:it|that|there|he|she|they|you)'(?:s|re|ll|d|ve)\b"
)
INTERJECTION = re.compile(
    r"(?i)^(good|great|thanks?|perfect|nice|awesome|cool|true|exactly|agreed|interesting|sorry|please|maybe|lol|ha|"
    r"what|how|why|which|not|wow|alright|fine|have|had|got|um|uh|hmm?)\b"
)
SMALL_TALK = re.compile(
    r"(?i)^(hi|hello|hey|thank|thanks|bye|good ?bye|you're welcome|sure|ok|okay|yes|yeah|no|nope|wow)\b.{0,22}$"
)
QUESTION = re.compile(r"(?i)^(?:so,? |and |oh,? |well,? |but )?(do|have|are|can|could|would|will) you (.+)\?$")
WH_QUESTION = re.compile(
    r"(?i)^(?:so,? |and |oh,? |well,? |but )?"
    r"((?:what|which|how many|how much|what kind of) ?\w*|where|when|how|why|who) "
    r"(do|would|can|are|have|will) you (.+)\?$"
)
DID_YOU_KNOW = re.compile(r"(?i)^(?:.{0,12}\b)?(?:did|do) you know (?:that )?(\w+ .+)\?$")
OPENER = re.compile(
    r"^(?:Well|Oh|Yeah|Yea|Yep|Yes|No|So|And|But|Actually|Haha|Wow|Okay|Ok|Sure|Right|Hi|Hello|Hey)\b"
    r"(?: there)?[,.]? "
)
# "We" may or may not include the listener, and quotations keep their own persons.
UNTELLABLE = re.compile(r"(?i)\b(we|us|our|ours|we're|we'll|let's|myself|yourself|lol|haha|guess|um|uh)\b|[\"()#*<>]")
STATEMENT = (
    "{a} says {x}",
    "{a} tells {b} that {x}",
    "{a} mentions that {x}",
    "{a} says that {x}",
    "{a} tells {b} {x}",
)


def third_person(verb: str) -> str:
    """Return the form of `verb` that follows a name: go → goes, try → tries, have → has."""
    low = verb.lower()
    if low in BE:
        return BE[low]
    if low in KEPT or low in PAST or (low.endswith("ed") and low not in PRESENT):
        return low
    if low.endswith(("s", "sh", "ch", "x", "o", "z")):
        return low + "es"
    return low[:-1] + "ies" if re.search(r"[^aeiou]y$", low) else low + "s"


def shift_person(text: str, speaker: str, listener: str) -> str:
    """Replace first and second person by names and let the verbs agree."""
    tokens = text.split()
    for pronoun, name in (("i", speaker), ("you", listener)):
        for at, token in enumerate(tokens):
            found = re.fullmatch(rf"(?i){pronoun}('m|'re|'ve|'ll|'d)?([.,!?;:]*)", token)
            if found is None:
                continue
            tokens[at] = name + (" " + CONTRACTED[found[1]] if found[1] else "") + found[2]
            if not found[1] and not found[2]:
                _agree(tokens, at + 1, is_subject=pronoun == "i")
    plain = {
        "me": speaker,
        "my": f"{speaker}'s",
        "mine": f"{speaker}'s",
        "your": f"{listener}'s",
        "yours": f"{listener}'s",
    }
    return " ".join(re.sub(r"^\w+", lambda m: plain.get(m[0].lower(), m[0]), token) for token in tokens)


def _agree(tokens: list[str], at: int, *, is_subject: bool) -> None:
    """Give the verb at `at` its third person; "you" may be an object, so only known verbs follow it."""
    while at < len(tokens) and tokens[at].lower() in ADVERBS:
        at += 1
    if at == len(tokens):
        return
    word = tokens[at].lower()
    is_verb = is_subject and word.isalpha() and word not in STOP and not word.endswith(("ed", "ing", "ly"))
    if word in PRESENT or word in BE or is_verb:
        tokens[at] = third_person(tokens[at])


def report(sentence: str, rng: random.Random, *, speaker: str, listener: str) -> str:
    """Tell in the third person what `speaker` said to `listener`; empty where no rule fits."""
    sentence = OPENER.sub("", sentence.strip())
    words = sentence.split()
    if not 4 <= len(words) <= 24 or UNTELLABLE.search(sentence):
        return ""
    told = (
        _question(sentence, rng, speaker, listener)
        if sentence.endswith("?")
        else _statement(sentence, rng, speaker, listener)
    )
    return told[0].upper() + told[1:] if told else ""


def _question(sentence: str, rng: random.Random, speaker: str, listener: str) -> str:
    asks = rng.choice((f"{speaker} asks {listener}", f"{speaker} asks", f"{speaker} wants to know"))
    if news := DID_YOU_KNOW.match(sentence):
        return f"{speaker} tells {listener} that {shift_person(_lowered(news[1]), speaker, listener)}"
    if found := WH_QUESTION.match(sentence):
        lead, verb, rest = found[1].lower().strip(), found[2].lower(), found[3].split()
    elif found := QUESTION.match(sentence):
        lead, verb, rest = rng.choice(("if", "whether")), found[1].lower(), found[2].split()
        if verb in ("can", "could", "will") or (verb == "would" and rest[0].lower() not in ("like", "rather", "be")):
            order = shift_person(" ".join(rest), speaker, listener)
            return rng.choice((f"{speaker} asks {listener} to {order}", f"{speaker} wants {listener} to {order}"))
    else:
        return ""
    if verb == "do":
        if rest[0].lower() not in PRESENT:
            return ""
        inner = [third_person(rest[0]), *rest[1:]]
    else:
        inner = [BE.get(verb, verb), *rest]
    return f"{asks} {lead} {listener} {shift_person(' '.join(inner), speaker, listener)}"


def _statement(sentence: str, rng: random.Random, speaker: str, listener: str) -> str:
    text = sentence.rstrip(".!")
    told = shift_person(_lowered(text), speaker, listener)
    if re.match(r"I\b", text):
        plain = re.match(rf"{re.escape(speaker)} (?:\w+ )?([\w']+)", told)
        return told if plain and rng.random() < 0.8 else f"{speaker} says {told}"
    first = text.split()[0]
    if INTERJECTION.match(text) or not HAS_VERB.match(text) or first.lower() in PRESENT | KEPT or first.lower() in BE:
        return ""
    is_plain = first.split("'")[0].lower() in LOWERED or first.lower().startswith("you")
    if not is_plain and first.lower() in STOP:
        return ""
    return rng.choice(STATEMENT).replace("{a}", speaker).replace("{b}", listener).replace("{x}", told)


def _lowered(text: str) -> str:
    first = text.split()[0]
    return text[0].lower() + text[1:] if first.split("'")[0].lower() in LOWERED else text


def report_dialogue(turns: Sequence[Turn], rng: random.Random, num_sentences: int) -> str:
    """Summarize two-party `turns` by their most telling sentences; empty where too few can be told."""
    speakers = list(dict.fromkeys(turn.speaker for turn in turns))
    if len(speakers) != 2:
        return ""
    counts = Counter(w for turn in turns for w in set(_content(turn.text)))
    told: list[tuple[float, int, str]] = []
    for position, turn in enumerate(turns):
        listener = speakers[1 - speakers.index(turn.speaker)]
        for sentence in re.split(r"(?<=[.!?])\s+", turn.text):
            text = "" if SMALL_TALK.match(sentence) else report(sentence, rng, speaker=turn.speaker, listener=listener)
            if text:
                words = _content(sentence)
                score = (
                    sum(min(counts[w], 3) for w in words) / (len(words) + 3) + 0.6 / (1 + position) + 0.5 * rng.random()
                )
                told.append((score, len(told), text))
    best = sorted(sorted(told, reverse=True)[:num_sentences], key=lambda item: item[1])
    if len(best) < num_sentences:
        return ""
    return ". ".join(text for _, _, text in best) + "."


def _content(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z']{3,}|\d+", text.lower()) if word not in STOP]

"""The word lists that the rules of `reports` and the rows of `tasks` rest on."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """Split a list that is written as a text."""
    return tuple(text.split())


PRESENT = frozenset(
    words(
        "agree appreciate believe care come do drink eat enjoy expect feel find forget get give go guess hate "
        "have hear help hope keep know learn leave like listen live look love make mean meet miss need own "
        "play prefer put read remember run say see seem sing sleep speak spend stay study suppose take talk "
        "teach tell think travel try understand use visit wait walk want watch wish wonder work worry write "
        "buy call"
    )
)
PAST = frozenset(
    words(
        "was had did got went saw heard thought knew found felt said told read took made came loved liked "
        "wanted used bought lived learned watched played grew met ate spent enjoyed tried started forgot "
        "lost moved gave came became began broke brought built caught chose cut drank drove fell fought flew hid hit "
        "held kept led left lent let paid put ran rang rode rose sang sat sent set shook shot slept spoke stole stood "
        "swam taught threw understood woke won wore wrote drew dealt hurt shut quit"
    )
)
KEPT = frozenset(words("can cannot could will would may might must should can't couldn't won't wouldn't didn't"))
ADVERBS = frozenset(words("really also just always never actually definitely still usually often only even probably"))
BE = {"am": "is", "are": "is", "was": "was", "were": "was", "have": "has", "don't": "doesn't", "do": "does"}
BE |= {"haven't": "hasn't", "aren't": "isn't", "weren't": "wasn't", "wasn't": "wasn't"}
CONTRACTED = {"'m": "is", "'re": "is", "'ve": "has", "'ll": "will", "'d": "would"}
LOWERED = frozenset(
    words("the it that there they he she this these those a an some most many in if when his her their its")
)
STOP = frozenset(
    words(
        "the a an and or but so to of in on at for with from is are was were be been it its that this there "
        "they he she i you we me my your do does did have has had not no yes if as what which who how when "
        "where can could would will just about really very well oh okay like know think get got some any all "
        "one also too up out more"
    )
)
FIRST_NAMES = words(
    "Anna Ben Carla David Emma Frank Grace Henry Irene Jack Kate Leo Maria Nick Olivia Paul Rose Sam Tina "
    "Victor Wendy Tom Lily Mike Susan Peter Jane Steven Mary John Linda Mark Alice Bill Lucy Tony Amy "
    "Jason Helen Bob"
)

"""The English words that the other modules know: names and what is none, number words, money, little words.

Plain tables, all in lower case. A word that is missing here costs a finding or adds a false one; nothing breaks.
"""

from __future__ import annotations


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


def _numbered(words: str, first: int, step: int = 1) -> dict[str, float]:
    return {word: float(first + i * step) for i, word in enumerate(words.split())}


TITLES = _words(
    "mr mrs ms miss mister dr doctor prof professor sir madam madame mme st sgt capt lt gen col officer president",
    "captain aunt uncle mum mom dad mother father grandma grandpa granny manager director detective judge",
)

ABBREVIATIONS = _words("mr mrs ms dr prof st sgt capt lt gen col mme no")
"""After these a full stop ends no sentence."""
KINDS_NAMED = _words(
    "day days company corporation hotel inn restaurant cafe street road avenue university college school center centre",
    "department station airport park festival city river museum bank store shop library hospital office team group",
    "club tower building room hall bridge bus flight train number north south east west northern southern eastern",
    "western century year years month weekend morning evening spring summer autumn winter fall",
)
"""The common part of names: what kind of thing is named."""
NO_NAMES = _words(
    "ok okay tv tvs cd cds dvd dvds pc pcs cv id ids atm vip am pm internet web wifi wi fi gps faq asap phd mba god",
    "earth bible english ad bc etc ps vs qa q1 q2 q3 q4 hr ceo usb sms app diy dj resume sos rsvp dna sim person",
)
"""Words that are written with capitals and name nobody."""
FUNCTION_WORDS = _words(
    "he she it they we you i who what that this there everyone everybody someone somebody nobody anyone people one",
    "both neither each another others the a an and but so then also still never always however how why when where",
    "which whose his her their its our your my me us them him if because although though while after before in on at",
    "to of for from with by as or not no yes finally later therefore besides meanwhile",
)

PERSON_VERBS = _words(
    "asks tells says wants thinks likes invites advises suggests agrees explains helps calls loves hopes believes",
    "recommends shows offers feels plans decides gives buys introduces needs refuses apologizes complains orders",
    "reminds answers doubts informs thanks prefers knows hates wonders talks promises encourages persuades worries",
    "requests comforts praises congratulates describes disagrees finds visits teaches meets asked told said wanted",
    "thought liked invited advised suggested agreed explained called hasn't doesn't didn't isn't wasn't",
)
"""What mostly people do: a word before it at the beginning of a sentence is taken for a name."""
SAME_NAMES = tuple(
    _words(group)
    for group in (
        "michael mike mick mickey", "thomas tom tommy", "robert bob bobby rob robbie", "william bill billy will willy",
        "elizabeth liz lizzy beth betty eliza lisa", "katherine catherine kate kathy cathy katie kathleen",
        "james jim jimmy", "richard dick rick ricky", "david dave davy", "steven stephen steve", "anthony tony",
        "edward ed eddie ted", "charles charlie chuck", "john johnny jack", "joseph joe joey", "andrew andy drew",
        "margaret maggie meg peggy", "susan sue suzy", "alexander alex alexandra", "patricia pat patty",
        "christopher chris", "jennifer jenny jen", "france french", "spain spanish", "greece greek",
        "netherlands dutch holland", "poland polish", "swiss switzerland", "denmark danish", "ireland irish",
        "wales welsh", "cuba cuban", "peru peruvian", "norway norwegian", "us usa america american americans states",
        "uk britain british england kingdom", "york ny nyc", "television tv", "xmas christmas", "la angeles",
        "mr mister", "ms miss mrs", "sept september", "beijing peking", "guangzhou canton cantonese",
    )
)  # fmt: skip
"""Words that stand for each other: nicknames, countries and their people, abbreviations."""
NUMBERS = {
    **_numbered("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen", 0),
    **_numbered("sixteen seventeen eighteen nineteen", 16),
    **_numbered("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10),
    **_numbered("third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth", 3),
    **_numbered("fifteenth sixteenth seventeenth eighteenth nineteenth twentieth", 15),
    **_numbered("twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth", 20, 10),
    "fourty": 40.0,
}

SCALES = {"hundred": 1e2, "dozen": 12.0, "thousand": 1e3, "grand": 1e3, "k": 1e3, "million": 1e6, "billion": 1e9}
SCALES |= {f"{name}s": value for name, value in SCALES.items() if len(name) > 1}

IMPLIED = {
    "half": (0.5, 30, 50),  # of one, of an hour, of a hundred
    "quarter": (0.25, 15, 25, 45),
    "quarters": (0.75, 45, 75),
    "fortnight": (14,),
    "decade": (10,),
    "century": (100,),
    "triple": (3,),
    **dict.fromkeys(("couple", "both", "pair", "twice", "double", "second", "twin"), (2,)),
}
"""What a dialogue may say instead of a number."""
CURRENCIES = {
    **dict.fromkeys(("$", "dollar", "buck", "usd"), "dollar"),
    **dict.fromkeys(("£", "pound", "quid", "gbp"), "pound"),
    **dict.fromkeys(("€", "euro", "eur"), "euro"),
    **dict.fromkeys(("yuan", "rmb", "kuai"), "yuan"),
    **{name: name for name in ("yen", "rupee", "franc")},
    **dict.fromkeys(("¥", "￥", "cent", "penny", "pence"), ""),
}
"""Words and signs for money, and whose money it is; empty where that is open."""
LITTLE_WORDS = _words(
    "the and for that this with from have has had was were are is not but you your yours his her hers its our their",
    "they them she him who what when where why how which will would can could should may might must did does doing",
    "done don about there here some any all one two very much many more most just also than then too out off over into",
    "onto get got goes going come comes want wants like likes think thinks know knows say says said tell tells told",
    "ask asks asked let make makes made take takes need needs really well yes yeah okay please thank thanks sorry sure",
    "right good great person people thing things something anything because if whether been being way back now besides",
    "still didn doesn isn aren wasn weren haven hasn hadn won wouldn couldn shouldn",
)
"""Words that tell nothing about what is spoken of."""


__all__ = [
    "ABBREVIATIONS",
    "CURRENCIES",
    "FUNCTION_WORDS",
    "IMPLIED",
    "KINDS_NAMED",
    "LITTLE_WORDS",
    "NO_NAMES",
    "NUMBERS",
    "PERSON_VERBS",
    "SAME_NAMES",
    "SCALES",
    "TITLES",
]

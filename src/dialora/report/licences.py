"""What data sets and base models allow, as far as this small table knows them by name.

A name that is not in it says nothing: the licence is unknown, and who publishes has to name one. Whether weights count
as made from the data is settled nowhere; here they are treated as if they were, and every card says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from dialora.config import BUNDLED, ExperimentConfig
from dialora.errors import ConfigError
from dialora.report.known_data import find_published
from dialora.report.origins import find_base_origin, find_data_origin

UNKNOWN = "unknown"
_LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]{1,39}")


class Licence(NamedTuple):
    """One licence: its name, and what it forbids or asks for in one clause; None where it asks for naming alone."""

    name: str
    terms: str | None


LICENCES = {
    "mit": Licence("MIT", None),
    "apache-2.0": Licence("Apache-2.0", None),
    "cc-by-4.0": Licence("CC BY 4.0", None),
    "cc-by-sa-4.0": Licence("CC BY-SA 4.0", "what is made from it is shared under the same licence"),
    "cc-by-nc-sa-4.0": Licence(
        "CC BY-NC-SA 4.0", "no commercial use, and what is made from it is shared under the same licence"
    ),
    "cc-by-nc-nd-4.0": Licence(
        "CC BY-NC-ND 4.0", "no commercial use, and nothing adapted from it may be shared at all"
    ),
}
"""By the hub's id, the one that allows most first."""
STRICTNESS = {licence: at for at, licence in enumerate(LICENCES)}


class Work(NamedTuple):
    """Data or a base model: what it is called, its licence by the hub's id, its language, and who says so."""

    name: str
    licence: str | None = None
    language: str | None = None
    source: str | None = None


DIALOGSUM = Work("DialogSum", "cc-by-nc-sa-4.0", "en", "https://github.com/cylnlp/dialogsum")
SAMSUM = Work("SAMSum", "cc-by-nc-nd-4.0", "en", "https://arxiv.org/abs/1911.12237")
BUNDLED_DATA = Work("dialora's own dialogues", "apache-2.0", "en")
BUNDLED_BASE = Work("dialora's own base", "cc-by-sa-4.0", "en")
DATA = {"dialogsum": DIALOGSUM, "samsum": SAMSUM}
"""By what the end of a hub id or path holds, as `knkarthick/dialogsum` and `data/SAMSum/train.json` do."""
SIZES = r"(small|base|large|xl|xxl|3b|11b)"
BASES = (
    (
        rf"(flan-)?t5-(v1_1-)?{SIZES}|flan-ul2",
        Work("T5", "apache-2.0", None, "https://huggingface.co/google/flan-t5-base"),
    ),
    (rf"(mt5|byt5|umt5)-{SIZES}", Work("T5", "apache-2.0", None, "https://huggingface.co/google/mt5-base")),
    (r"smollm2-\d+[mb](-instruct)?", Work("SmolLM2", "apache-2.0", "en", "https://huggingface.co/HuggingFaceTB")),
)
"""By all of a published name, without its owner: what others made of a base has licences of its own."""


def find_works(config: ExperimentConfig) -> tuple[Work, Work]:
    """Return the data and the base of a run; their licence and language are None where the table does not know them."""
    return _find_data(config), _find_base(config)


def _find_data(config: ExperimentConfig) -> Work:
    if config.data.source == BUNDLED:
        return BUNDLED_DATA
    name = find_data_origin(config).name
    # As people call folders: the end of the path, and the folder above it.
    said = re.sub(r"[^a-z]", "", "/".join(config.data.source.replace("\\", "/").rstrip("/").split("/")[-2:]).lower())
    return next((work for part, work in DATA.items() if part in said), Work(name))


def _find_base(config: ExperimentConfig) -> Work:
    if config.model == BUNDLED:
        return BUNDLED_BASE
    name, published = find_base_origin(config).name, find_published(config.model).lower()
    return next((work._replace(name=name) for kind, work in BASES if re.fullmatch(kind, published)), Work(name))


def has_terms(works: Sequence[Work]) -> bool:
    """Whether there is more to mind than to name the works: terms that bind whoever passes this on, or unknown ones."""
    return any(work.licence is None or LICENCES[work.licence].terms for work in works)


def choose_licence(works: Sequence[Work], asked: str | None) -> str:
    """Return the licence of what was made from the works: the one asked for, or the strictest of theirs, or unknown.

    Raises ConfigError for what is no id of a licence.
    """
    if asked is not None:
        if not _LICENCE_ID.fullmatch(asked):
            raise ConfigError(
                f"--license {asked[:80]!r}: is no licence's id on the hub; give one as apache-2.0, cc-by-nc-sa-4.0 or "
                f"other (https://huggingface.co/docs/hub/repositories-licenses)."
            )
        return asked
    found = [work.licence for work in works]
    return UNKNOWN if None in found else max((one for one in found if one is not None), key=STRICTNESS.__getitem__)


def require_licence(works: Sequence[Work], licence: str) -> None:
    """Raise ConfigError where everybody would get something whose licence nobody has named."""
    if licence == UNKNOWN:
        names = " and ".join(work.name for work in works if work.licence is None)
        lacking = f"the licence of {names} is not known here; look it up and" if names else f"{UNKNOWN} is no licence;"
        raise ConfigError(f"--public: {lacking} name that of what you publish with --license, or leave --public out.")


def describe_terms(works: Sequence[Work], licence: str) -> list[str]:
    """Say in plain sentences what each work asks for, and what to mind before this is passed on."""
    said = []
    for what, work in zip(("Data", "Base"), works, strict=True):
        if work.licence is None:
            said.append(f"{what}: {work.name}, whose licence is not known here.")
            continue
        known = LICENCES[work.licence]
        said.append(f"{what}: {work.name}, {known.name}" + (f": {known.terms}." if known.terms else "."))
    strict = [work for work in works if work.licence is not None and LICENCES[work.licence].terms]
    if strict:
        names = " and ".join(dict.fromkeys(work.name for work in strict))
        said.append(
            f"Whether trained weights are made from {names} in the sense of these terms is not settled; treat them as "
            "if they were, or ask someone who knows the law."
        )
    if any(work.licence == "cc-by-nc-nd-4.0" for work in works):
        said.append(
            "Sharing these weights with anybody may break its licence. Keep them to yourself unless you are sure."
        )
    if any(licence != work.licence and work in strict for work in works) and licence in LICENCES:
        said.append(f"Named here is {LICENCES[licence].name}; the terms above hold beside it.")
    return said


__all__ = [
    "UNKNOWN",
    "Licence",
    "Work",
    "choose_licence",
    "describe_terms",
    "find_works",
    "has_terms",
    "require_licence",
]

"""Sheets as the server describes them: small dialogues, one or two summaries each."""

from __future__ import annotations

from typing import Any

CRITERIA = [
    {
        "key": key,
        "label": label,
        "question": question,
        "lowest": lowest,
        "highest": highest,
        "example": f"An example of {label.lower()}: “Ann books the table” where Bob does it.",
    }
    for key, label, question, lowest, highest in (
        ("faithfulness", "Faithfulness", "Is all it says true of the dialogue?", "mostly wrong", "all of it is right"),
        ("coverage", "Coverage", "Does it say what matters?", "misses the point", "nothing of weight is missing"),
        ("concision", "Concision", "Does it say only what matters?", "mostly beside the point", "not a word too many"),
        ("fluency", "Fluency", "Does it read well?", "hardly readable", "as a careful writer would"),
    )
]
ERROR_KINDS = [
    {"key": key, "label": label, "definition": definition, "example": ""}
    for key, label, definition in (
        ("speaker", "Wrong speaker", "Said or done by somebody else."),
        ("referent", "Wrong referent", "A name or “he”, “it” for another person or thing."),
        ("invented", "Invented", "Nothing in the dialogue says so."),
        ("modality", "Wrong modality", "A plan told as done, a maybe as a yes."),
    )
]
PRACTICE = [
    {
        "kind": "pairwise",
        "dialogue": "Eva: The boiler is out again.\nTom: I'll ring the plumber at eight.",
        "texts": ["Tom will ring the plumber about the boiler.", "Eva repaired the boiler."],
        "expected": {"answer": ["a"]},
        "feedback": "A says what was agreed. Nobody repaired anything yet, so B is wrong.",
    },
    {
        "kind": "rating",
        "dialogue": "Eva: Is the shop open on Sunday?\nTom: From ten to two.",
        "texts": ["The shop is closed on Sunday."],
        "expected": {"scores": {"faithfulness": [1, 2]}},
        "feedback": "It says the opposite of what Tom says.",
    },
]
INSTRUCTIONS = "Read the dialogue first.\n\nThen judge only what the summary says, not how long it is."


def pair(number: int, dialogue: str = "", texts: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """An item to choose from."""
    dialogue = dialogue or f"Ann: Shall we meet at {number}?\nBob: Better at {number + 1}, I have a class.\nAnn: Fine!"
    first, second = texts[0] or f"Ann and Bob meet at {number + 1}.", texts[1] or f"Bob wants to meet at {number}."
    return entry(f"p{number}", "pairwise", dialogue, first, second)


def rating(number: int, dialogue: str = "", text: str = "") -> dict[str, Any]:
    """An item to rate."""
    dialogue = dialogue or f"#Person1#: Room {number} is cold.\n#Person2#: I will send someone up."
    return entry(f"r{number}", "rating", dialogue, text or f"Somebody repaired the heater of room {number}.")


def entry(item: str, kind: str, dialogue: str, *texts: str) -> dict[str, Any]:
    return {
        "item": item,
        "kind": kind,
        "dialogue": dialogue,
        "texts": list(texts),
        "words": [text.split() for text in texts],
    }


def sheet(*entries: dict[str, Any], practice: bool = False, asks_why: bool = False, **values: Any) -> dict[str, Any]:
    """A sheet as the server gives it; `values` are more of it, as in `practised=True`."""
    kinds = {one["kind"] for one in entries}
    settings = {
        "title": "Summaries of conversations",
        "instructions": INSTRUCTIONS,
        "criteria": CRITERIA if "rating" in kinds else [],
        "error_kinds": ERROR_KINDS if "rating" in kinds else [],
        "asks_why": asks_why,
        "practice": [one for one in PRACTICE if one["kind"] in kinds] if practice else [],
    }
    return {"settings": settings, "entries": list(entries), **values}

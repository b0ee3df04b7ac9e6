"""A dialogue as a list of turns → one line per turn, `speaker: text`.

A turn is a text, an object, or a pair of speaker and text; its keys are recognised, or named in the experiment file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialora.data.reading.changes import (
    TURN_COLUMNS,
    TURN_PAIRS,
    TURN_TEXTS,
    Changes,
    name_parallel_lists,
    name_turn_objects,
)
from dialora.data.reading.text import normalise_name, require_whole
from dialora.errors import DataError

SPEAKER_KEYS = (
    "speaker",
    "role",
    "user",
    "name",
    "from",
    "author",
    "participant",
    "sender",
    "agent",
    "speaker_name",
    "speaker_id",
)
TEXT_KEYS = ("text", "utterance", "content", "message", "value", "sentence", "utt", "body")
LIST_KEYS = ("turns", "utterances", "messages", "dialogue", "dialog", "conversation", "log")
NAME_KEYS = ("name", "speaker", "role", "label", "id")
"""Of a speaker that is an object."""
LONGEST_SPEAKER = 30
"""Characters, as in `data.turns`."""


@dataclass(frozen=True, slots=True)
class TurnKeys:
    """The keys of a turn's text and speaker, where they are named."""

    text: str | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class _Turn:
    speaker: Any
    text: Any
    form: str
    """How it was written, as `changes` counts it."""


def read_turns(
    value: Any, where: str, keys: TurnKeys, *, speakers: Any = None, changes: Changes | None = None
) -> list[str]:
    """Return a line for each turn of a list, or of an object that holds one. Raises DataError, with its place.

    `speakers` are those of the turns where they stand in a list of their own. How the turns are written is counted in
    `changes`, once for a dialogue.
    """
    turns = _list_turns(value, where, keys, speakers)
    if changes is not None:
        changes.update(dict.fromkeys((turn.form for turn in turns), 1))  # in their order, as notes are hashed
    return [line for line in (_read_turn(turn, where) for turn in turns) if line]


def is_turns(value: Any) -> bool:
    """Whether what was parsed from a text is a list of turns, so that it is no accident that it could be parsed."""
    if isinstance(value, Mapping):
        texts = _find_key(value, None, TEXT_KEYS)
        return _find_key(value, None, LIST_KEYS) is not None or (texts is not None and isinstance(value[texts], list))
    if not isinstance(value, list):
        return False
    # Objects without a text are a list of turns all the same, whose keys have to be named.
    return all(isinstance(turn, str | Mapping) for turn in value) or all(map(_is_pair, value))


def _list_turns(value: Any, where: str, keys: TurnKeys, speakers: Any) -> list[_Turn]:
    if isinstance(value, Mapping):
        key = _find_key(value, None, LIST_KEYS)
        if key is None or not isinstance(value[key], list):
            return _list_parallel(value, where, keys)
        value = value[key]
    elif isinstance(value, list) and isinstance(speakers, list):
        return _join_speakers(value, speakers, where, TURN_COLUMNS)
    if value and all(_is_pair(turn) for turn in value):
        return [_Turn(speaker, text, TURN_PAIRS) for speaker, text in value]
    return [_open_turn(turn, where, keys) for turn in value]


def _list_parallel(value: Mapping[str, Any], where: str, keys: TurnKeys) -> list[_Turn]:
    """Return the turns of an object with a list of texts, and perhaps one of their speakers."""
    text, speaker = _find_key(value, keys.text, TEXT_KEYS), _find_key(value, keys.speaker, SPEAKER_KEYS)
    if text is None or not isinstance(value[text], list):
        raise DataError(
            f"{where}: the dialogue must be text or a list of turns, got an object with "
            f"{', '.join(map(str, value))}. Recognised: {', '.join(LIST_KEYS)}."
        )
    if speaker is not None and isinstance(value[speaker], list):
        return _join_speakers(value[text], value[speaker], where, name_parallel_lists(text, speaker))
    return [_Turn(None, turn, name_parallel_lists(text, None)) for turn in value[text]]


def _join_speakers(turns: list[Any], speakers: list[Any], where: str, form: str) -> list[_Turn]:
    if len(turns) != len(speakers):
        raise DataError(f"{where}: {len(turns)} turns, but {len(speakers)} speakers; give each turn one.")
    return [_Turn(speaker, text, form) for speaker, text in zip(speakers, turns, strict=True)]


def _is_pair(turn: Any) -> bool:
    """Whether a turn is a speaker and a text, and not two sentences."""
    if not isinstance(turn, list | tuple) or len(turn) != 2 or not all(isinstance(part, str) for part in turn):
        return False
    return len(turn[0]) <= LONGEST_SPEAKER and not turn[0].rstrip().endswith((".", "!", "?"))


def _open_turn(turn: Any, where: str, keys: TurnKeys) -> _Turn:
    if not isinstance(turn, Mapping):
        return _Turn(None, turn, TURN_TEXTS)
    text = _find_key(turn, keys.text, TEXT_KEYS)
    if text is None:
        raise DataError(
            f"{where}: a turn has no text. Keys: {', '.join(map(str, turn))}. Recognised: {', '.join(TEXT_KEYS)}; "
            "data.turn_text_key names another."
        )
    speaker = _find_key(turn, keys.speaker, SPEAKER_KEYS)
    return _Turn(None if speaker is None else turn[speaker], turn[text], name_turn_objects(text, speaker))


def _read_turn(turn: _Turn, where: str) -> str:
    text, speaker = _read_text(turn.text, where), _read_speaker(turn.speaker, where)
    return f"{speaker}: {text}" if text and speaker else text


def _read_text(value: Any, where: str) -> str:
    if isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        # A message of several parts, of which those with a text count.
        value = "\n".join(part["text"] for part in value if isinstance(part.get("text"), str))
    if value is None or value != value:
        return ""
    if not isinstance(value, str):
        got = f"{type(value).__name__}: {str(value)[:60]!r}"
        raise DataError(f"{where}: the turn of the dialogue must be text, got {got}.")
    return require_whole(value, where, "turn of the dialogue").replace("\r\n", "\n").strip()


def _read_speaker(value: Any, where: str) -> str:
    if isinstance(value, Mapping):
        key = _find_key(value, None, NAME_KEYS)
        if key is None:
            allowed = f"Recognised: {', '.join(NAME_KEYS)}"
            raise DataError(f"{where}: a speaker has no name. Keys: {', '.join(map(str, value))}. {allowed}.")
        value = value[key]
    if value is None or value != value:
        return ""
    return require_whole(str(value), where, "speaker of a turn").strip()


def _find_key(value: Mapping[str, Any], named: str | None, known: Sequence[str]) -> str | None:
    if named is not None and named in value:
        return named
    keys = {normalise_name(str(name)): name for name in value}
    return next((keys[name] for name in known if name in keys), None)


__all__ = ["SPEAKER_KEYS", "TEXT_KEYS", "TurnKeys", "is_turns", "read_turns"]

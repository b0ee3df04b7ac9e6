"""A dialogue as a list of turns → one line per turn, `speaker: text`.

A turn is a text, an object, or a pair of speaker and text; its keys are recognised, or named in the experiment file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def read_turns(value: Any, where: str, keys: TurnKeys) -> list[str]:
    """Return a line for each turn of a list, or of an object that holds one. Raises DataError, with its place."""
    turns = _open_object(value, where, keys) if isinstance(value, Mapping) else value
    if turns and all(_is_pair(turn) for turn in turns):
        turns = [{"speaker": speaker, "text": text} for speaker, text in turns]
        keys = TurnKeys()
    return [line for line in (_read_turn(turn, where, keys) for turn in turns) if line]


def is_turns(value: Any) -> bool:
    """Whether what was parsed from a text is a list of turns, so that it is no accident that it could be parsed."""
    if isinstance(value, Mapping):
        return _find_key(value, None, LIST_KEYS) is not None
    if not isinstance(value, list):
        return False
    # Objects without a text are a list of turns all the same, whose keys have to be named.
    return all(isinstance(turn, str | Mapping) for turn in value) or all(map(_is_pair, value))


def join_speakers(turns: Any, speakers: Any, where: str) -> Any:
    """Return turns with the speakers that stand in a list of their own. Raises DataError where lengths differ."""
    if not (isinstance(turns, list) and isinstance(speakers, list)):
        return turns
    if len(turns) != len(speakers):
        raise DataError(f"{where}: {len(turns)} turns, but {len(speakers)} speakers; give each turn one.")
    return [{"speaker": speaker, "text": text} for speaker, text in zip(speakers, turns, strict=True)]


def _open_object(value: Mapping[str, Any], where: str, keys: TurnKeys) -> Sequence[Any]:
    key = _find_key(value, None, LIST_KEYS)
    if key is not None and isinstance(value[key], list):
        return value[key]
    text, speaker = _find_key(value, keys.text, TEXT_KEYS), _find_key(value, keys.speaker, SPEAKER_KEYS)
    if text is not None and isinstance(value[text], list):
        joined = join_speakers(value[text], value[speaker], where) if speaker is not None else value[text]
        return joined
    raise DataError(
        f"{where}: the dialogue must be text or a list of turns, got an object with {', '.join(map(str, value))}. "
        f"Recognised: {', '.join(LIST_KEYS)}."
    )


def _is_pair(turn: Any) -> bool:
    """Whether a turn is a speaker and a text, and not two sentences."""
    if not isinstance(turn, list | tuple) or len(turn) != 2 or not all(isinstance(part, str) for part in turn):
        return False
    return len(turn[0]) <= LONGEST_SPEAKER and not turn[0].rstrip().endswith((".", "!", "?"))


def _read_turn(turn: Any, where: str, keys: TurnKeys) -> str:
    if not isinstance(turn, Mapping):
        return _read_text(turn, where)
    key = _find_key(turn, keys.text, TEXT_KEYS)
    if key is None:
        raise DataError(
            f"{where}: a turn has no text. Keys: {', '.join(map(str, turn))}. Recognised: {', '.join(TEXT_KEYS)}; "
            "data.turn_text_key names another."
        )
    text = _read_text(turn[key], where)
    speaker_key = _find_key(turn, keys.speaker, SPEAKER_KEYS)
    speaker = _read_speaker(turn[speaker_key], where) if speaker_key is not None else ""
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


__all__ = ["SPEAKER_KEYS", "TEXT_KEYS", "TurnKeys", "is_turns", "join_speakers", "read_turns"]

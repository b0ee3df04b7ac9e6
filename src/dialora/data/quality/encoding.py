"""Traces that wrong decoding leaves in text: mojibake, replacement characters, control characters."""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"


# Everything Unicode calls a control character but tab and line breaks, and a byte order mark inside of text.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]{2,}")


def find_control(text: str) -> str | None:
    """Return the first control character, or None."""
    match = _CONTROL.search(text)
    return match[0] if match else None


def find_mojibake(text: str) -> str | None:
    """Return the first run of characters that was UTF-8 read as Windows-1252 (`â€™` for `’`), or None.

    Such a run turns back into valid UTF-8, which other text hardly ever does. What comes out must be a Latin letter,
    punctuation, a sign or an emoji, or several characters of any script: a lone capital before a quotation mark
    (`É”`) can turn into a rare letter by chance.
    """
    if text.isascii():
        return None
    for match in _NOT_ASCII.finditer(text):
        try:
            decoded = b"".join(map(_to_byte, match[0])).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if len(decoded) > 1 or _is_common(decoded):
            return match[0]
    return None


def _to_byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        # Five bytes have no character in Windows-1252; decoders pass them on as they are.
        return character.encode("latin-1")


def _is_common(character: str) -> bool:
    code = ord(character)
    return 0xA0 <= code < 0x180 or 0x2000 <= code < 0x2700 or code >= 0x1F000


__all__ = ["REPLACEMENT", "find_control", "find_mojibake"]

"""WhatsApp's exported chats, of Android (`DATE, TIME - Anna: hi`) and iPhones (`[DATE, TIME] Anna: hi`), in any locale.

A line without a header goes on with the message above; one without a name is WhatsApp's own and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dialora.data.transcripts.clock import Beginning
from dialora.data.transcripts.content import Text
from dialora.data.transcripts.conversation import CONTINUED, Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import count_labelled
from dialora.data.transcripts.whatsapp_dates import MARKS, Header, find_header, find_moment, find_order
from dialora.data.transcripts.whatsapp_notices import DELETED, EMPTY, MEDIA, read_message

_SYSTEM = "lines of WhatsApp itself"
_MOST_ABOVE = 5
"""Lines above the first message: a title, or what is left of a message that began earlier."""
_LONGEST_NAME = 100
_NAME = re.compile(rf"^(?P<name>[^:\n]{{1,{_LONGEST_NAME}}}?) ?:(?: |$)(?P<text>.*)$", re.DOTALL)
_MOST_WORDS = 8
"""Of a name; WhatsApp's own sentences with a colon are longer."""
_QUOTES = re.compile('["“”„«»]')
"""A subject in a line of WhatsApp's own may hold a colon; no name has quotes around it."""


class WhatsApp(TranscriptFormat[Text]):
    """A text file, alone or in the zip file that an iPhone makes."""

    name = "WhatsApp"
    content = Text

    def recognise(self, content: Text) -> Sureness:
        """Lines begin with a date and a time, from the first on, or more of them than with a name."""
        headers = [find_header(line) for line in content.head]
        found = [header for header in headers if header]
        if not found or content.is_document or not _is_led(content.head, headers):
            return Sureness.NO
        named = sum(_NAME.match(MARKS.sub("", header.rest)) is not None for header in found)
        return Sureness.CERTAIN if named else Sureness.LIKELY

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one chat."""
        draft, beginning = Draft(name), Beginning()
        messages: list[tuple[Header, list[str]]] = []
        for line in content.lines:
            if header := find_header(line):
                messages.append((header, [header.rest]))
            elif messages:
                messages[-1][1].append(line)
            elif line.strip():
                draft.leave_out("lines above the first message", line)
        order = find_order([header for header, _ in messages])
        if messages and order is None:
            draft.remark("dates whose day and month cannot be told apart, so without times", len(messages))
        for header, lines in messages:
            _add(draft, lines, beginning.since(find_moment(header, order)))
        yield draft


def _is_led(lines: Sequence[str], headers: Sequence[Header | None]) -> bool:
    """Whether headers lead the lines, and are not one that somebody pasted into a text of another kind."""
    above = next(at for at, header in enumerate(headers) if header)
    if above <= _MOST_ABOVE and not count_labelled(lines[:above]):
        return True
    others = [line for line, header in zip(lines, headers, strict=True) if not header]
    return len(lines) - len(others) > count_labelled(others)


def _add(draft: Draft, lines: list[str], start: float | None) -> None:
    speaker, lines = _split_name(lines)
    if speaker is None:
        for line in [*filter(str.strip, lines)] or lines[:1]:
            draft.leave_out(_SYSTEM, line)
        return
    draft.remark(CONTINUED, sum(bool(line.strip()) for line in lines[1:]))
    text, notice = read_message(lines)
    if text:
        draft.add(speaker, text, start)
        if notice == MEDIA:
            draft.remark("media beside a text, of which the text is kept")
    else:
        draft.leave_out({MEDIA: "media and other notices", DELETED: DELETED}.get(notice or "", EMPTY), lines[0])


def _split_name(lines: list[str]) -> tuple[str | None, list[str]]:
    """Return who wrote a message, None for WhatsApp itself, and its lines without the name."""
    first = lines[0]
    # Signs of direction may stand around the name; those of the text tell what it is.
    match = _NAME.match(first)
    if match is None:
        return None, lines
    name = MARKS.sub("", match["name"]).strip().removeprefix("~").strip()
    if not name or _QUOTES.search(name) or len(name.split()) > _MOST_WORDS:
        return None, lines
    return name, [match["text"], *lines[1:]]


__all__ = ["WhatsApp"]

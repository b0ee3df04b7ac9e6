"""Files written in tests, read as a user's would be."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from dialora.data.transcripts import Conversation
from dialora.data.transcripts.opening import parse_bytes
from dialora.data.transcripts.reading import read_content

NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def read(written: Any, *, name: str = "talk.txt", notes: list[str] | None = None) -> list[Conversation]:
    """Read bytes, a text, or values as JSON, as the file `name`."""
    if not isinstance(written, bytes):
        written = (written if isinstance(written, str) else json.dumps(written)).encode()
    path = Path(name)
    found = list(read_content(parse_bytes(written, path), path, name=path.stem, notes=[] if notes is None else notes))
    for conversation in found:
        require_balance(conversation)
    return found


def read_one(written: Any, *, name: str = "talk.txt") -> Conversation:
    """Read the one conversation of a file."""
    (conversation,) = read(written, name=name)
    return conversation


def require_balance(conversation: Conversation) -> None:
    """Nothing that was found is gone without being counted, and nothing that is shown is on two lines."""
    gone = conversation.num_merged + sum(conversation.left_out.values())
    assert conversation.num_units == len(conversation.turns) + gone
    for turn in conversation.turns:
        assert turn.text == " ".join(turn.text.split()) != ""
        assert turn.speaker == " ".join(turn.speaker.split()) != ""


def show(conversation: Conversation) -> list[str]:
    """A line for each turn."""
    return [f"{turn.speaker}: {turn.text}" for turn in conversation.turns]


def build_document(*paragraphs: str, before: str = "") -> bytes:
    """A .docx file; a line feed in a paragraph is a break."""
    body = "".join(
        f"<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>{'</w:t><w:br/><w:t>'.join(escape(p).split(chr(10)))}</w:t></w:r></w:p>"
        for p in paragraphs
    )
    xml = f'<?xml version="1.0"?>{before}<w:document xmlns:w="{NAMESPACE}"><w:body>{body}</w:body></w:document>'
    return build_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": xml})


def build_zip(files: dict[str, str | bytes]) -> bytes:
    """A zip file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()

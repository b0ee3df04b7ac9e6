"""Of more records than a format is recognised by none is lost, in a list or in JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dialora.data.transcripts import FORMATS
from dialora.data.transcripts.content import HEAD, Json
from tests.data.transcripts.samples import write
from tests.data.transcripts.support import read

RECORDS: dict[str, Callable[[int], Any]] = {
    "WhisperX": lambda at: {"start": at, "end": at + 1, "text": f"w{at}", "speaker": "AB"[at % 2]},
    "Slack (a single file)": lambda at: {"type": "message", "user": "U1", "ts": f"{at}.0", "text": f"w{at}"},
    "Schema-Guided / MultiWOZ 2.2": lambda at: {"dialogue_id": str(at), "turns": [{"speaker": "A", "utterance": "w"}]},
    "OpenAI messages": lambda at: {"role": "user", "content": f"w{at}"},
    "ShareGPT": lambda at: {"conversations": [{"from": "human", "value": f"w{at}"}]},
}


def test_every_format_of_records_is_among_them() -> None:
    """A format that takes a list is found by writing the parts of its sample as one."""
    for name, form in FORMATS.items():
        if form.content is Json and name not in RECORDS:
            value = json.loads(write(name))
            parts = [part for part in [value, *value.values()] if isinstance(part, list | dict)]
            lists = [part if isinstance(part, list) else [part] for part in parts]
            assert not any(form.recognise(Json(one)) for one in lists), name


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("form", [pytest.param(", ", id="list"), pytest.param("\n", id="lines")])
def test_all_of_many_records_are_read(name: str, form: str) -> None:
    written = form.join(json.dumps(RECORDS[name](at)) for at in range(3 * HEAD))
    found = read(written if form == "\n" else f"[{written}]")
    assert {one.format for one in found} == {name}
    assert sum(one.num_units for one in found) == 3 * HEAD

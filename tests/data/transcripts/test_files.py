"""Whole files of every family of formats, as people have them: the right turns and speakers, and all else counted."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from dialora.data.transcripts import FORMATS, read_conversations
from dialora.errors import DataError
from tests.data.transcripts import files
from tests.data.transcripts.files.file import File, Refused
from tests.data.transcripts.support import require_balance, show

LEAST = 10
"""Files of a family."""
FAMILIES = [
    import_module(f"{files.__name__}.{module.name}") for module in iter_modules(files.__path__) if module.name != "file"
]
FILES = [
    pytest.param(file, id=f"{family.__name__.rpartition('.')[2]}, {file.name}")
    for family in FAMILIES
    for file in family.FILES
]
REFUSED = [pytest.param(one, id=one.name) for family in FAMILIES for one in family.REFUSED]


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_read(file: File, tmp_path: Path) -> None:
    notes: list[str] = []
    found = list(read_conversations(file.write(tmp_path), notes=notes))
    for conversation in found:
        require_balance(conversation)
    assert {conversation.format for conversation in found} == {file.format}
    assert [line for conversation in found for line in show(conversation)] == list(file.turns)
    assert sum((Counter(conversation.left_out) for conversation in found), Counter()) == file.left_out
    assert sum((Counter(conversation.remarks) for conversation in found), Counter()) == file.remarks
    merged = sum(conversation.num_merged for conversation in found)
    assert (merged, len(found)) == (file.num_merged, file.num_conversations)


@pytest.mark.parametrize("file", REFUSED)
def test_a_file_without_turns_or_speakers_is_one_clear_line(file: Refused, tmp_path: Path) -> None:
    path = file.write(tmp_path)
    with pytest.raises(DataError, match=file.says) as raised:
        list(read_conversations(path))
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__.rpartition(".")[2])
def test_a_family_has_ten_files_that_differ_and_files_to_refuse(family: object) -> None:
    own: list[File] = family.FILES  # type: ignore[attr-defined]
    assert len({str(file.written) for file in own}) >= LEAST
    assert len({file.name for file in own}) == len(own)
    assert len(family.REFUSED) >= 2  # type: ignore[attr-defined]


def test_every_format_has_a_file() -> None:
    assert {file.format for family in FAMILIES for file in family.FILES} == set(FORMATS)

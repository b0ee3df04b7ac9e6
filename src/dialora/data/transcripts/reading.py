"""A path, or standard input → conversations. What is read says what became of every message, cue and line.

A zip file or folder is an export of one kind (Slack's), or holds files that are each read as if they were given
alone, as in the zip file of WhatsApp on an iPhone. Which of them are looked at, their suffix says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path, PurePath, PurePosixPath

from dialora.data.reading.formats import find_suffix
from dialora.data.transcripts.content import Archive, Content
from dialora.data.transcripts.conversation import Conversation, quote
from dialora.data.transcripts.formats import TranscriptFormat
from dialora.data.transcripts.opening import STANDARD_INPUT, open_content, open_folder
from dialora.data.transcripts.recognition import describe_start, find_transcript_format, refuse_unknown
from dialora.errors import DataError

SUFFIXES = frozenset((".txt", ".json", ".jsonl", ".ndjson", ".vtt", ".srt", ".docx", ".zip", ".md", ".text"))
"""Of files that are looked at in a folder or zip file; the rest lies beside them, as pictures do."""


def read_conversations(path: Path, *, notes: list[str] | None = None) -> Iterator[Conversation]:
    """Give the conversations of a file, zip file or folder, `-` being standard input. Raises DataError.

    Behind the last one, `notes` has what was left out as a whole.
    """
    found = [] if notes is None else notes
    yield from read_content(open_content(path), path, name=find_name(path), notes=found)


def read_content(content: Content, path: Path, *, name: str, notes: list[str]) -> Iterator[Conversation]:
    """Give the conversations of what was opened. Raises DataError where there are none."""
    if isinstance(content, Archive) and content.unreadable:
        open_folder(path / content.unreadable[0])  # which says why, before a part is given for the whole
    chosen = find_transcript_format(content)
    if chosen is not None:
        yield from _read(chosen, content, path, name=name, notes=notes)
    elif isinstance(content, Archive):
        yield from _read_files(content, path, notes)
    else:
        raise refuse_unknown(content, path)


def list_files(archive: Archive, suffixes: Collection[str] = SUFFIXES) -> list[str]:
    """Return the files of a folder or zip file that are looked at."""
    return [name for name in archive.names if find_suffix(Path(name)) in suffixes]


def describe_passed_over(archive: Archive, num_read: int) -> list[str]:
    """Return a sentence for each kind of what is not looked at, where `num_read` files are."""
    return _describe_counts(len(archive.names) - num_read, archive.num_links)


def _describe_counts(num_files: int, num_links: int) -> list[str]:
    counts = {"files of other kinds": num_files, "links to folders": num_links}
    return [f"left out {what}: {count:,}." for what, count in counts.items() if count]


def _read_files(archive: Archive, path: Path, notes: list[str]) -> Iterator[Conversation]:
    read = list_files(archive)
    if not read:
        raise refuse_unknown(archive, path)
    notes.extend(f"{path}: {note}" for note in describe_passed_over(archive, len(read)))
    for name in read:
        place = path / name
        content = archive.open(name)
        own = find_name(PurePosixPath(name))
        yield from read_content(content, place, name=path.stem if own == "_chat" else own, notes=notes)


def _read(
    chosen: TranscriptFormat[Content], content: Content, path: Path, *, name: str, notes: list[str]
) -> Iterator[Conversation]:
    num_conversations = num_empty = 0
    if isinstance(content, Archive):
        passed_over = _describe_counts(chosen.count_passed_over(content), content.num_links)
        notes.extend(f"{path}: {note}" for note in passed_over)
    sample = why = ""
    for draft in chosen.read(content, name):
        if not draft.is_empty and not draft.has_speakers:
            raise DataError(
                f"{path}: read as {chosen.name}, and nobody is named in it; without speakers it is no conversation: "
                f"{chosen.without_speakers}."
            )
        if draft.is_empty:
            num_empty += 1
            sample, why = sample or draft.sample, why or ", ".join(draft.left_out)
            continue
        num_conversations += 1
        yield draft.finish(chosen.name, str(path), merges=chosen.merges)
    if not num_conversations:
        start = f"the first line that is none is {quote(sample)}" if sample else describe_start(content)
        reason = f" (left out: {why})" if why else ""
        raise DataError(f"{path}: read as {chosen.name}, but nobody says anything in it; {start}{reason}.")
    if num_empty:
        notes.append(f"{path}: left out conversations in which nobody says anything: {num_empty:,}.")


def find_name(path: PurePath) -> str:
    """Return what a conversation is called by its file's name, without suffixes."""
    if path == STANDARD_INPUT:
        return "standard input"
    stem = PurePosixPath(path.name)
    while stem.suffix.lower() in SUFFIXES | {".gz", ".transcript"} and stem.stem:
        stem = stem.with_suffix("")
    return stem.name or path.name


__all__ = ["SUFFIXES", "describe_passed_over", "find_name", "list_files", "read_content", "read_conversations"]

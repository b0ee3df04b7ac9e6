"""A table of dialogues of any length → a file with one summary per dialogue, in constant memory.

The table is read twice: once to count and check it, so that a bad line is known before hours are spent, and once to
summarize it, chunk by chunk. A chunk is sorted by length, written in batches, put back in order and appended. What is
there after a kill stays: the same command goes on behind the last whole line, as `<output>.manifest.json` says what
made it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import stable_hash
from dialora.data.reading.rows import read_text
from dialora.data.reading.tables import StreamedDialogue, fingerprint_table, stream_dialogues
from dialora.errors import ConfigError
from dialora.printable import clean, escape_json
from dialora.records import Example, Observer, Prediction
from dialora.store import PartialLog, disk_errors_explained, load_json, save_json

if TYPE_CHECKING:
    from dialora.generation import Engine
    from dialora.systems.system import System


CHUNK = 1024
"""Dialogues that are sorted by length together; a chunk's texts and summaries are all that memory holds."""
COLUMNS = ("row", "id", "summary", "truncated")
OUTPUTS = (".jsonl", ".csv")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*(e[+-]?\d+)?", re.IGNORECASE)


def summarize_file(system: System, source: Path, output: Path, *, observer: Observer, chunk: int = CHUNK) -> int:
    """Summarize every dialogue of a table into `output` and return how many were written now.

    Rows of the output are the table's, in its order: `row` (from 1), `id`, `summary` and `truncated` (the dialogue
    was longer than the system reads). An empty dialogue has an empty summary. Raises DialoraError.
    """
    if output.suffix.lower() not in OUTPUTS:
        raise ConfigError(f"--output {output}: the format is its suffix: {' or '.join(OUTPUTS)}.")
    observer({"event": "stage", "stage": "table", "run": source.name, "key": ""})
    total = sum(1 for _ in stream_dialogues(source, system.config.data))
    key = _build_key(system, source)
    with disk_errors_explained(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        done = _resume(output, key)
        if done < total:
            observer({"event": "stage", "stage": "start", "run": system.folder.name, "key": system.key})
            dialogues = islice(stream_dialogues(source, system.config.data), done, None)
            _append(system, dialogues, output, key, observer, done=done, total=total, chunk=chunk)
        output.with_name(f"{output.name}.partial").unlink(missing_ok=True)
    return total - done


def summarize_texts(system: System, dialogues: Sequence[str], *, on_warning: Callable[[str], None]) -> list[str]:
    """Summarize dialogues in memory; an empty one has an empty summary. Raises DialoraError."""
    items = [
        StreamedDialogue(number, str(number), read_text(text, f"dialogue {number}", "text"))
        for number, text in enumerate(dialogues, start=1)
    ]
    writer = _Writer(system, on_warning)
    return [prediction.summary for prediction in writer.write(items, log=None, on_progress=lambda done: None)]


class _Writer:
    """Summarizes chunk by chunk; the engine is opened for the first one that needs it."""

    def __init__(self, system: System, on_warning: Callable[[str], None]) -> None:
        self.system, self.on_warning = system, on_warning
        self.engine: Engine | None = None

    def write(
        self, items: Sequence[StreamedDialogue], *, log: PartialLog | None, on_progress: Callable[[int], None]
    ) -> list[Prediction]:
        """Return one prediction per dialogue, in order; `on_progress` is told how many are done."""
        from dialora.data.tokens import tokenize_sources
        from dialora.generation import write_predictions

        config, tokenizer = self.system.config, self.system.tokenizer
        spoken = [item for item in items if item.dialogue]
        sources = tokenize_sources(
            [item.dialogue for item in spoken],
            tokenizer,
            prompt=config.prompt,
            max_length=config.data.max_source_length,
        )
        made: list[Prediction] = []
        if spoken:
            if self.engine is None:
                self.engine = self.system.open_engine([source.input_ids for source in sources], self.on_warning)
            made = write_predictions(
                self.engine,
                tokenizer,
                [Example(item.id, item.dialogue, ()) for item in spoken],
                sources,
                config.decoding,
                log=log,
                on_progress=lambda done, total: on_progress(done * len(spoken) // total),
            ).predictions
        by_number = dict(zip((item.number for item in spoken), made, strict=True))
        return [by_number.get(item.number, Prediction(item.id, "", 0, 0, False)) for item in items]


def _append(
    system: System,
    dialogues: Iterator[StreamedDialogue],
    output: Path,
    key: str,
    observer: Observer,
    *,
    done: int,
    total: int,
    chunk: int,
) -> None:
    """Write the rest of the table behind what is there."""
    writer = _Writer(system, lambda message: observer({"event": "warning", "message": message}))
    save_json({"schema_version": 1, "key": key, "run": system.folder.name}, _manifest(output))
    with output.open("ab") as file:
        if not file.tell() and output.suffix.lower() == ".csv":
            file.write(_csv_line(COLUMNS))
        while items := list(islice(dialogues, chunk)):
            start = done

            def tell(count: int, start: int = start) -> None:
                observer(
                    {"event": "progress", "stage": "generation", "run": system.folder.name, "key": system.key,
                     "done": start + count, "total": total}
                )  # fmt: skip

            # Of a chunk that is cut short, the batches that were finished are kept.
            log = PartialLog(output.with_name(f"{output.name}.partial"), f"{key}-{start}")
            predictions = writer.write(items, log=log, on_progress=tell)
            file.write(b"".join(_lines(items, predictions, output.suffix.lower())))
            file.flush()
            os.fsync(file.fileno())
            log.path.unlink(missing_ok=True)
            done += len(items)
            tell(len(items))


def _lines(items: Sequence[StreamedDialogue], predictions: Sequence[Prediction], suffix: str) -> Iterator[bytes]:
    """Give one line per dialogue, which holds no other line break."""
    for item, made in zip(items, predictions, strict=True):
        if suffix == ".csv":
            # A line break in a cell would make the lines more than the rows.
            yield _csv_line((item.number, _write_text(item.id), _write_text(made.summary), str(made.truncated).lower()))
        else:
            values = (item.number, item.id, made.summary, made.truncated)
            yield escape_json(json.dumps(dict(zip(COLUMNS, values, strict=True)), ensure_ascii=False)).encode() + b"\n"


def _write_text(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: what begins like one and is no number gets an apostrophe.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = clean(" ".join(text.split()))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(text) else text


def _csv_line(cells: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _build_key(system: System, source: Path) -> str:
    """Return a hash of all that the output depends on: system, settings, and the table's bytes."""
    config = system.config
    return stable_hash(
        {
            "system": system.identity,
            "decoding": config.decoding.identify(),
            "precision": config.generation.precision,
            "prompt": config.prompt,
            "max_source_length": config.data.max_source_length,
            "columns": [config.data.dialogue_column, config.data.id_column],
            "table": fingerprint_table(source),
        }
    )


def _resume(output: Path, key: str) -> int:
    """Cut a last line that is not whole, and return how many dialogues are done.

    Raises ConfigError where something else made the output.
    """
    if not output.exists() or not output.stat().st_size:
        return 0
    try:
        same = load_json(_manifest(output))["key"] == key
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ConfigError(
            f"--output {output}: is there already, and another system, setting or table made it; remove it or give "
            f"another name."
        )
    lines = whole = 0
    with output.open("r+b") as file:
        for line in file:
            if line.endswith(b"\n"):
                lines += 1
                whole += len(line)
        file.truncate(whole)
    return max(0, lines - (output.suffix.lower() == ".csv"))


def _manifest(output: Path) -> Path:
    return output.with_name(f"{output.name}.manifest.json")


__all__ = ["CHUNK", "summarize_file", "summarize_texts"]

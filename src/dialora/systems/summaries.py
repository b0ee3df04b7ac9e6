"""A table of dialogues of any length → a file with one summary per dialogue, in constant memory.

The table is read twice: once to count and check it, so that a bad line is known before hours are spent, and once to
summarize it, chunk by chunk. A chunk is sorted by length, written in batches, put back in order and appended (see
`output`). What is there after a kill stays: the same command goes on behind the last whole chunk, with the batches that
were made since. What reading made of the texts is told at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from dialora.config import stable_hash
from dialora.data.reading.rows import read_text
from dialora.data.reading.tables import StreamedDialogue, fingerprint_table, stream_dialogues
from dialora.errors import ConfigError
from dialora.models.bases import build_prompt
from dialora.records import Example, Observer, Prediction
from dialora.store import PartialLog, disk_errors_explained, telling_damage
from dialora.systems.output import OUTPUTS, SummariesFile, open_output

if TYPE_CHECKING:
    from dialora.generation import Engine
    from dialora.systems.system import System


CHUNK = 1024
"""Dialogues that are sorted by length together; a chunk's texts and summaries are all that memory holds."""


def summarize_file(system: System, source: Path, output: Path, *, observer: Observer, chunk: int = CHUNK) -> int:
    """Summarize every dialogue of a table into `output` and return how many were written now.

    Rows of the output are the table's, in its order: `row` (from 1), `id`, `summary` and `truncated` (the dialogue
    was longer than the system reads). An empty dialogue has an empty summary. What reading made of the whole table's
    texts is told in notes at the end. Raises DialoraError.
    """
    if output.suffix.lower() not in OUTPUTS:
        raise ConfigError(f"--output {output}: the format is its suffix: {' or '.join(OUTPUTS)}.")
    if output.is_dir():
        raise ConfigError(f"--output {output}: is a folder; give a file.")
    observer({"event": "stage", "stage": "table", "run": source.name, "key": ""})
    notes: list[str] = []
    total = sum(1 for _ in stream_dialogues(source, system.config.data, required=system.named_columns, notes=notes))
    key = _build_key(system, source)
    with (
        disk_errors_explained(output.parent),
        telling_damage(lambda message: observer({"event": "warning", "message": message})),
        open_output(output, key=key, run=system.folder.name) as file,
    ):
        done = file.num_rows
        if done < total:
            observer({"event": "stage", "stage": "start", "run": system.folder.name, "key": system.key})
            dialogues = islice(stream_dialogues(source, system.config.data), done, None)
            _append(system, dialogues, file, key, observer, total=total, chunk=chunk)
    for note in notes:
        observer({"event": "note", "message": note})
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
            prompt=build_prompt(config, tokenizer),
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
    output: SummariesFile,
    key: str,
    observer: Observer,
    *,
    total: int,
    chunk: int,
) -> None:
    """Write the rest of the table behind what is there."""
    writer = _Writer(system, lambda message: observer({"event": "warning", "message": message}))
    while items := list(islice(dialogues, chunk)):
        start = output.num_rows

        def tell(count: int, start: int = start) -> None:
            observer(
                {"event": "progress", "stage": "generation", "run": system.folder.name, "key": system.key,
                 "done": start + count, "total": total}
            )  # fmt: skip

        # Of a chunk that is cut short, the batches that were finished are kept.
        log = PartialLog(output.partial, f"{key}-{start}")
        output.append(items, writer.write(items, log=log, on_progress=tell))
        log.path.unlink(missing_ok=True)
        tell(len(items))


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


__all__ = ["CHUNK", "summarize_file", "summarize_texts"]

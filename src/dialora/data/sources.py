"""A source → rows: a table of dialogues, or a folder of transcripts with a table of their summaries.

Takes a DataConfig, gives SourceRows. What is a table of dialogues is read as one, whatever lies beside it; transcripts
are looked for in a folder that holds none, or none with summaries.
"""

from __future__ import annotations

from dialora.config import DataConfig
from dialora.data.reading.raw import RawSource
from dialora.data.reading.rows import SourceRows, read_rows
from dialora.data.reading.sources import find_folder, read_source
from dialora.data.transcripts.training import DIALOGUE, holds_dialogues, read_summarized
from dialora.errors import DataError


def load_rows(config: DataConfig) -> SourceRows:
    """Read every row of `config.source`, whether it can be used or not. Raises DataError."""
    folder, source = find_folder(config), None
    try:
        source = read_source(config)
    except DataError:
        joined = None if folder is None else read_summarized(folder, config, is_readable=False)
        if joined is None:
            raise
        return _read_joined(joined, config)
    if folder is None or holds_dialogues(source, config):
        return read_rows(source, config)
    joined = read_summarized(folder, config, is_readable=True)
    return read_rows(source, config) if joined is None else _read_joined(joined, config)


def _read_joined(source: RawSource, config: DataConfig) -> SourceRows:
    return read_rows(source, config.model_copy(update={"dialogue_column": DIALOGUE}))


__all__ = ["load_rows"]

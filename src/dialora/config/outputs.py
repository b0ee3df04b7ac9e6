"""OutputsConfig: how a table of other people's outputs is read and scored, from a file's name and overrides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from dialora.config.experiment import build_config
from dialora.config.loading import Overrides, apply_overrides
from dialora.config.section import Section
from dialora.config.sections import ScoringConfig

GZIP = ".gz"
"""The suffix of a packed file, behind that of its format."""
_LONGEST_NAME = 100


class TableConfig(Section):
    """Which column of the table is which, and where its dialogues are."""

    reference_columns: Annotated[tuple[str, ...] | None, Field(description="recognised when not named")] = None
    system_columns: Annotated[tuple[str, ...] | None, Field(description="every other column of text, if not named")] = (
        None
    )
    system_name_column: Annotated[
        str | None, Field(description="of a table with a row per system; recognised when not named")
    ] = None
    dialogue_column: Annotated[str | None, Field(description="recognised when not named")] = None
    id_column: Annotated[str | None, Field(description="recognised when not named")] = None
    topic_column: Annotated[str | None, Field(description="recognised when not named")] = None
    dialogues: Annotated[
        str | None, Field(description="data whose test rows are the table's: by id, or else in the same order")
    ] = None


class OutputsConfig(Section):
    """How a table of outputs is read and scored."""

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100, description="names the report's folder")
    ]
    table: Annotated[str, Field(min_length=1, description="the file, or the first of several")]
    further: Annotated[tuple[str, ...], Field(description="the other files: of references, or a system's")] = ()
    outputs: TableConfig = TableConfig()
    scoring: ScoringConfig = ScoringConfig()

    def to_yaml(self) -> str:
        """Return it as a file, with every default written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_outputs_config(
    table: str | Path | Sequence[str | Path] | OutputsConfig, overrides: Overrides = ()
) -> OutputsConfig:
    """Build the config of a table, or of several files that belong together. Raises ConfigError.

    Overrides are those of `outputs.*`, `scoring.*` and `name`.
    """
    if isinstance(table, OutputsConfig):
        values = table.model_dump(mode="json")
    else:
        first, *further = [table] if isinstance(table, str | Path) else table or [""]
        name = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "-", find_stem(Path(path))) for path in (first, *further))
        name = name[:_LONGEST_NAME].strip("-._") or "outputs"
        values = {"name": name, "table": str(first), "further": [str(path) for path in further]}
    apply_overrides(values, overrides)
    return build_config(OutputsConfig, values)


def find_stem(path: Path) -> str:
    """Return a file's name without the suffix of its format, packed or not: `data` of `data.csv.gz`."""
    return Path(path.stem if path.suffix.lower() == GZIP else path.name).stem


__all__ = ["GZIP", "OutputsConfig", "TableConfig", "find_stem", "load_outputs_config"]

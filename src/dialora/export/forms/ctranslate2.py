"""A model for CTranslate2, which is the fastest way to write on a processor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dialora.export.forms.form import Form, Source, merge
from dialora.store import names

if TYPE_CHECKING:
    from dialora.config import DecodingConfig
    from dialora.generation import Engine
    from dialora.systems import System
    from dialora.systems.kinds.system import RunSystem


class CTranslate2(Form):
    """A folder that CTranslate2 loads, with the tokenizer that it has no place for in one of its own."""

    name = "ctranslate2"
    precisions = ("fp32", "bf16", "int8")

    def explain(self, system: RunSystem) -> str | None:
        """Return what CTranslate2 lacks of the base."""
        from dialora.generation.convert import find_version
        from dialora.models.bases import load_family
        from dialora.models.loading import load_base_config

        if find_version() is None:
            return "CTranslate2 is not installed (pip install ctranslate2)"
        config = system.config
        num_tokens = config.data.max_source_length + config.decoding.max_new_tokens
        lacking = load_family(config).explain_conversion(load_base_config(config), num_tokens)
        return None if lacking is None else f"CTranslate2 cannot write with {config.model}: {lacking}; use --to merged"

    def write(self, source: Source, folder: Path) -> None:
        """Convert the merged system."""
        from dialora.generation import write_converted
        from dialora.models.adapters import save_description

        model, tokenizer = merge(source, self), source.system.tokenizer
        write_converted(model, tokenizer, folder, precision=source.precision)
        save_description(model, tokenizer, folder / names.TOKENIZER)

    def open(self, folder: Path, system: System, decoding: DecodingConfig) -> Engine:
        """Load the folder by itself."""
        from dialora.generation import open_converted
        from dialora.store import load_json

        return open_converted(folder, decoding, facts=load_json(folder / names.CONVERSION_FACTS))


__all__ = ["CTranslate2"]

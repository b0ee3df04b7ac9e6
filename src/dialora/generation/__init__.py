"""Summaries from a system: which engine writes them, in which batches, and that it writes what it should.

Takes a system, tokenized sources and the experiment's decoding, gives one Prediction per example. Guarantees that each
distinct dialogue is summarized once, that nothing but the experiment's decoding counts, that a converted system writes
what torch would, and that an interrupted generation goes on where it was.

`generate` is the short way, a model in torch. `open_engine` and `write_predictions` are for everything else. Of several
processes the others use `write_share`.
"""

from dialora.generation.convert import (
    convert_system,
    converted_stage,
    identify_system,
    read_converting_seconds,
    write_converted,
)
from dialora.generation.engine import Engine, Written
from dialora.generation.engines import open_converted, open_engine, writes_in_torch
from dialora.generation.generate import (
    Generated,
    Team,
    decode_summary,
    generate,
    write_predictions,
    write_share,
    write_sources,
)
from dialora.generation.parity import check_parity, write_all
from dialora.generation.torch_engine import TorchEngine

__all__ = [
    "Engine",
    "Generated",
    "Team",
    "TorchEngine",
    "Written",
    "check_parity",
    "convert_system",
    "converted_stage",
    "decode_summary",
    "generate",
    "identify_system",
    "open_converted",
    "open_engine",
    "read_converting_seconds",
    "write_all",
    "write_converted",
    "write_predictions",
    "write_share",
    "write_sources",
    "writes_in_torch",
]

"""How time and memory grow with the number of dialogues, and how much of the batches is padding."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.compared import ours
from benchmarks.measured.samples import load_corpus
from dialora.records import Example
from dialora.store import load_records


def scaling(spec: dict[str, Any]) -> dict[str, Any]:
    """Train one epoch on the sample. `spec`: folder (of the model), method, sample (path)."""
    examples = load_records(Example, Path(spec["sample"]))
    config = ours.load_config(Path(spec["folder"]), num_train_epochs=1.0)
    model, tokenizer = ours.load_trainable(config, spec["method"])
    with TemporaryDirectory() as work:
        steps = ours.train(model, tokenizer, examples, config, method=spec["method"], work=Path(work))
    return {
        "dialogues": len(examples),
        "seconds": steps.ends[-1] - steps.started,
        "peak_memory_bytes": steps.peak_memory_bytes,
    }


def padding(spec: dict[str, Any]) -> dict[str, Any]:
    """Plan one epoch over the whole corpus. `spec`: folder (of the model)."""
    corpus = load_corpus()
    share = ours.measure_padding(corpus.examples, ours.load_config(Path(spec["folder"])))
    return {"data": corpus.name, "dialogues": len(corpus.examples), "padding_share": share}


__all__ = ["padding", "scaling"]

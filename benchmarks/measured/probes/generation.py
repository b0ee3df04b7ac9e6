"""Time one side's greedy summaries of a sample."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.compared import ours
from dialora.records import Example
from dialora.store import load_records

Summarize = Callable[[Sequence[Example]], list[tuple[str, int]]]
"""Gives each example's summary and its number of new tokens."""


def generate(spec: dict[str, Any]) -> dict[str, Any]:
    """Summarize the sample twice and time the second pass, loading left out.

    A sample is a minute of work where a user's file may be hours, so what a first pass pays for once is left out, on
    every side. It is little: `warmup_seconds` are the first pass's.

    `spec`: folder (of the model), side (one_by_one, batched, ours_fp32, ours_int8), sample (path), new_tokens, and
    fixed: whether every summary has exactly so many. Summaries come as digests, to see which sides agree.
    """
    from dialora.measuring.memory import measure_peak_memory

    examples = load_records(Example, Path(spec["sample"]))
    with TemporaryDirectory() as work:
        summarize, engine = _load(spec, Path(work))
        started = time.perf_counter()
        summarize(examples)
        warm = time.perf_counter()
        written = summarize(examples)
        seconds = time.perf_counter() - warm
    new_tokens = sum(count for _, count in written)
    if spec["fixed"] and new_tokens != spec["new_tokens"] * len(examples):
        raise RuntimeError(f"{spec['side']} wrote {new_tokens} tokens for {len(examples)} dialogues: not the same work")
    return {
        "dialogues": len(examples),
        "new_tokens": new_tokens,
        "seconds": seconds,
        "dialogues_per_second": len(examples) / seconds,
        "tokens_per_second": new_tokens / seconds,
        "warmup_seconds": warm - started,
        "peak_memory_bytes": measure_peak_memory(),
        "engine": engine,
        "digests": [hashlib.sha256(text.encode()).hexdigest()[:16] for text, _ in written],
    }


def split_generation(spec: dict[str, Any]) -> dict[str, Any]:
    """Tell our engine's encoder, decoder and handling of text apart, in seconds per dialogue.

    `spec`: folder (of the model), side (ours_fp32, ours_int8), sample (path), new_tokens. What one token takes less
    than all of them is the decoder's; the rest of one token's time, less that of text, the encoder's. Operations are
    of matrix products, per dialogue.
    """
    from transformers import T5Config

    from benchmarks.measured.probes.floor import count_operations

    examples = load_records(Example, Path(spec["sample"]))
    folder, count = Path(spec["folder"]), spec["new_tokens"]
    seconds = {}
    with TemporaryDirectory() as work:
        for tokens in (1, count):
            generator = ours.Generator(folder, spec["side"], max_new_tokens=tokens, work=Path(work))
            generator.generate(examples)
            started = time.perf_counter()
            written = generator.generate(examples)
            seconds[tokens] = (time.perf_counter() - started) / len(examples)
        started = time.perf_counter()
        sources = generator.tokenize(examples)
        generator.tokenizer.batch_decode(generator.tokenizer([text for text, _ in written]).input_ids)
        text = (time.perf_counter() - started) / len(examples)
    decoder = (seconds[count] - seconds[1]) * count / (count - 1)
    config = T5Config.from_pretrained(folder)
    lengths = [len(source.input_ids) for source in sources]
    operations = {
        tokens: sum(sum(count_operations(config, length, tokens)) for length in lengths) / len(lengths)
        for tokens in (0, count)
    }
    return {
        "seconds": {"encoder": seconds[count] - decoder - text, "decoder": decoder, "text": text},
        "operations": {"encoder": operations[0], "decoder": operations[count] - operations[0]},
    }


def _load(spec: dict[str, Any], work: Path) -> tuple[Summarize, str]:
    folder, side = Path(spec["folder"]), spec["side"]
    if side.startswith("ours"):
        generator = ours.Generator(folder, side, max_new_tokens=spec["new_tokens"], work=work)
        return generator.generate, generator.engine
    from benchmarks.compared import best_practice, notebook

    model, tokenizer = notebook.load(folder, "none", {})
    lengths = {"max_new_tokens": spec["new_tokens"]} | ({"min_new_tokens": spec["new_tokens"]} if spec["fixed"] else {})
    write = notebook.generate if side == "one_by_one" else best_practice.generate

    def summarize(examples: Sequence[Example]) -> list[tuple[str, int]]:
        rows = write(model, tokenizer, [example.dialogue for example in examples], **lengths)
        texts = tokenizer.batch_decode(rows, skip_special_tokens=True)
        return [(text.strip(), _count(row, tokenizer.eos_token_id)) for text, row in zip(texts, rows, strict=True)]

    return summarize, "torch"


def _count(row: Sequence[int], end: int) -> int:
    return row.index(end) + 1 if end in row else len(row)


__all__ = ["generate", "split_generation"]

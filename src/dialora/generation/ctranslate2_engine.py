"""The fast engine for processors: CTranslate2 on a converted system (see `convert`).

The same greedy tokens as torch in fp32, in a fraction of its time: rows that are done leave the batch, weights lie
packed for the processor, and nothing but the kernels runs in between. Batches run side by side on all cores.

On a GPU it writes one whole batch after the other, in the same number types, so that int8 is the same kind of system
everywhere.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dialora.config import DecodingConfig
from dialora.errors import GenerationError
from dialora.generation.convert import QUANTIZATION
from dialora.generation.engine import Batch, Written
from dialora.store import load_json, names

CORES_PER_BATCH = 4
"""A batch's products are small: up to so many cores each take a batch of their own, then several share one."""

MAX_ROWS = 16
"""A batch is cut into equal pieces of at most so many rows, which cores share out. FLAN-T5-base's layout, DialogSum's
lengths, 40 tokens, 144 dialogues, two cores with a piece each, dialogues per second: 12 rows 5.9 in int8 and 2.4 in
fp32, 16 rows 6.4 and 2.5, 24 rows 5.5 and 2.6, 36 rows 4.8 and 2.5."""

MAX_SPREAD = 32
"""Tokens by which rows of a causal model's piece may differ in length. SmolLM2-135M, 24 dialogues of 182 to 387
tokens, 30 new ones, seconds of one core in int8: 4 rows and 16 tokens 10.1, 8 and 40 10.7, 16 and 40 10.9, 16 and 100
12.0, 16 and 200 12.8; in fp32 8 and 40 19.5, 16 and 40 19.7."""


@dataclass(frozen=True, slots=True)
class _Submitted:
    """A batch that CTranslate2 has."""

    results: list[Any]
    num_pieces: int


class CTranslate2Engine:
    """A converted system with the experiment's decoding.

    `threads` is how many cores to use in all; `parallel` how many batches at once, a good number when not given.
    `device` is cpu or cuda. `facts` are what `dialora.json` says, where the folder has none. Raises GenerationError
    where it cannot be loaded.
    """

    name = "ctranslate2"

    def __init__(
        self,
        folder: Path,
        decoding: DecodingConfig,
        *,
        precision: str,
        threads: int,
        parallel: int | None = None,
        device: str = "cpu",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        _take_widest_instructions()
        import ctranslate2
        import torch

        self.precision, self.device = precision, device
        self.parallel = parallel or (split_threads(threads)[0] if device == "cpu" else 1)
        facts = load_json(folder / names.CONVERSION_FACTS) if facts is None else facts
        self._is_causal: bool = facts["is_causal"]
        vocabulary = "vocabulary.json" if self._is_causal else "shared_vocabulary.json"
        self._names: list[str] = json.loads((folder / vocabulary).read_text(encoding="utf-8"))
        self._ids = {name: i for i, name in enumerate(self._names)}
        self._first = [self._names[i] for i in facts["first_ids"]]
        self.stops = frozenset[int](facts["end_ids"])
        self._options = build_options(decoding, end_ids=facts["end_ids"], is_causal=self._is_causal)
        self._max_rows = max(1, MAX_ROWS // decoding.num_beams)
        # What is forbidden to come again is the summary's; CTranslate2 counts what it was still given as written.
        self._is_level = self._is_causal and decoding.no_repeat_ngram_size > 0
        kind = ctranslate2.Generator if self._is_causal else ctranslate2.Translator
        torch_threads = torch.get_num_threads()
        try:
            self._model: Any = kind(
                str(folder),
                device=device,
                compute_type=QUANTIZATION.get(precision, precision),
                inter_threads=self.parallel,
                intra_threads=max(1, threads // self.parallel),
                max_queued_batches=-1,
            )
        except (RuntimeError, ValueError, LookupError, MemoryError) as error:
            raise GenerationError(f"{folder}: CTranslate2 cannot load it: {' '.join(str(error).split())}") from error
        finally:
            # CTranslate2 sets its own number for the whole process, torch and the next engine included.
            torch.set_num_threads(torch_threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def write(self, batches: Iterable[Batch]) -> Iterator[list[Written]]:
        """Give each batch's results in order; a few batches are under way at once."""
        waiting: deque[_Submitted] = deque()
        for batch in batches:
            waiting.append(self._submit(batch))
            # Nobody is without work as long as there is a piece for each behind the first batch. What is asked for no
            # sooner than it is needed is chosen among more: of what clients wait for, say.
            while len(waiting) > 1 and sum(one.num_pieces for one in islice(waiting, 1, None)) >= self.parallel:
                yield self._collect(waiting.popleft().results)
            if not batch and waiting:  # there is nothing more for now
                yield self._collect(waiting.popleft().results)
        while waiting:
            yield self._collect(waiting.popleft().results)

    def _submit(self, batch: Batch) -> _Submitted:
        if not batch:
            return _Submitted([], 0)
        # An empty list cannot be translated; a source has its end token at least.
        source = [[self._names[i] for i in ids] for ids in batch]
        rows = self._count_rows(len(source)) if self.device == "cpu" else len(source)
        if self._is_causal:
            pieces = cut_batch([len(ids) for ids in batch], rows, is_level=self._is_level)
            results = [
                result
                for start, end in pairwise([0, *accumulate(pieces)])
                for result in self._model.generate_batch(source[start:end], asynchronous=True, **self._options)
            ]
            return _Submitted(results, len(pieces))
        first = [self._first] * len(source) if self._first else None
        results = self._model.translate_batch(source, first, asynchronous=True, max_batch_size=rows, **self._options)
        return _Submitted(results, -(-len(source) // rows))

    def _count_rows(self, size: int) -> int:
        """Return the rows of each piece that a batch is cut into."""
        # As many pieces for each of those who work side by side: none waits for the last.
        rounds = -(-size // (self.parallel * self._max_rows))
        return -(-size // (self.parallel * rounds))

    def _collect(self, results: list[Any]) -> list[Written]:
        try:
            made = [result.result() for result in results]
        except (RuntimeError, ValueError) as error:
            raise GenerationError(
                f"generation failed on a batch of {len(results)} ({' '.join(str(error).split())}). If memory ran out, "
                f"lower decoding.max_batch_tokens."
            ) from error
        return [
            Written(
                [self._ids[name] for name in (one.sequences if self._is_causal else one.hypotheses)[0]],
                one.scores[0] if one.scores else None,
            )
            for one in made
        ]


def cut_batch(lengths: Sequence[int], max_rows: int, *, is_level: bool) -> list[int]:
    """Return of how many rows each piece of a causal model's batch is, whose rows have these lengths, in their order.

    CTranslate2 reads what all rows of a piece have at once, and the rest of the longer ones a token at a time, as if it
    were written. `is_level` pieces have rows of one length.
    """
    pieces: list[int] = []
    first = 0
    for at, length in enumerate(lengths):
        spread = abs(length - lengths[first])
        if pieces and at - first < max_rows and spread <= (0 if is_level else MAX_SPREAD):
            pieces[-1] += 1
        else:
            pieces.append(1)
            first = at
    return pieces


def build_options(decoding: DecodingConfig, *, end_ids: Sequence[int], is_causal: bool) -> dict[str, Any]:
    """Return CTranslate2's options for a decoding, its own limits and defaults switched off."""
    options: dict[str, Any] = {
        "beam_size": decoding.num_beams,
        "no_repeat_ngram_size": decoding.no_repeat_ngram_size,
        "end_token": list(end_ids),
        "return_end_token": True,
        "batch_type": "examples",
    }
    if is_causal:
        options |= {"max_length": decoding.max_new_tokens, "min_length": 0, "include_prompt_in_result": False}
    else:
        options |= {"max_decoding_length": decoding.max_new_tokens, "min_decoding_length": 0, "max_input_length": 0}
    if decoding.num_beams > 1:
        options |= {"length_penalty": decoding.length_penalty, "return_scores": True}
    return options


def _take_widest_instructions() -> None:
    """Let CTranslate2 use AVX-512 wherever there is one; by itself it does so on Intel's processors alone.

    On AMD's, int8 gains a tenth. CTranslate2 asks the environment once, when its first model loads.
    """
    import torch

    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")


def split_threads(threads: int) -> tuple[int, int]:
    """Return how many batches to run side by side on `threads` cores, and the cores of each."""
    parallel = threads if threads <= CORES_PER_BATCH else max(CORES_PER_BATCH, threads // CORES_PER_BATCH)
    return parallel, max(1, threads // parallel)


__all__ = ["CTranslate2Engine", "build_options", "cut_batch", "split_threads"]

"""Draw whole batches from an epoch of the corpus, so that few dialogues have the lengths and the padding of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.compared import ours
from benchmarks.measured.samples import choose_stratified, load_corpus, number_examples
from benchmarks.settings import SEED
from dialora.store import save_records


def sample(spec: dict[str, Any]) -> dict[str, Any]:
    """Write some of the batches that an epoch of the corpus has, from each stratum of their sizes one.

    `spec`: folder (of the tokenizer), size: dialogues, group: of a batch, path: of the JSON lines, batch after batch,
    and plan: whose batches, `ours` or those of transformers' `group_by_length`.
    """
    from dialora.data.tokens import count_padded
    from dialora.models.loading import load_tokenizer

    corpus, config = load_corpus(), ours.load_config(Path(spec["folder"]))
    examples, group = number_examples(load_corpus().examples), spec["group"]
    lengths = [pair.lengths for pair in ours.tokenize(examples, load_tokenizer(config), config)]
    batches = [batch for batch in _PLANS[spec["plan"]](lengths, group) if len(batch) == group]
    chosen = choose_stratified([count_padded(lengths, batch) for batch in batches], spec["size"] // group)
    indices = [index for number in chosen for index in batches[number]]
    path = Path(spec["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_records([examples[index] for index in indices], path)
    return {
        "data": corpus.name,
        "dialogues": len(indices),
        "tokens": sum(sum(lengths[index]) for index in indices) / len(indices),
        "corpus_tokens": sum(map(sum, lengths)) / len(lengths),
    }


def _plan_ours(lengths: Sequence[tuple[int, int]], group: int) -> list[list[int]]:
    from dialora.config import TrainingConfig
    from dialora.data.tokens import plan_batches

    return plan_batches(lengths, TrainingConfig(per_device_train_batch_size=group), seed=SEED)


def _group_by_length(lengths: Sequence[tuple[int, int]], group: int) -> list[list[int]]:
    import torch
    from transformers.trainer_pt_utils import get_length_grouped_indices

    generator = torch.Generator().manual_seed(SEED)
    order = get_length_grouped_indices([source for source, _ in lengths], group, generator=generator)
    return [order[start : start + group] for start in range(0, len(order), group)]


_PLANS = {"ours": _plan_ours, "group_by_length": _group_by_length}

__all__ = ["sample"]

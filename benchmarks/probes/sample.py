"""Draw whole batches from an epoch of the corpus, so that few dialogues have the lengths and the padding of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import ours
from benchmarks.samples import choose_stratified, load_corpus, number_examples
from benchmarks.settings import SEED
from dialora.runs import save_records


def sample(spec: dict[str, Any]) -> dict[str, Any]:
    """Group the corpus as `group_by_length` does and write some of the batches, the longest row's lengths stratified.

    `spec`: folder (of the tokenizer), size: dialogues, group: of a batch, path: of the JSON lines, batch after batch.
    """
    import torch
    from transformers.trainer_pt_utils import get_length_grouped_indices

    from dialora.model import load_tokenizer

    corpus, config = load_corpus(), ours.load_config(Path(spec["folder"]))
    examples, group = corpus.examples, spec["group"]
    first = {pair.id: len(pair.input_ids) for pair in ours.tokenize(examples, load_tokenizer(config), config)}
    lengths = [first[example.id] for example in examples]
    order = get_length_grouped_indices(lengths, group, generator=torch.Generator().manual_seed(SEED))
    batches = [order[start : start + group] for start in range(0, len(order) - group + 1, group)]
    chosen = choose_stratified([max(lengths[i] for i in batch) for batch in batches], spec["size"] // group)
    indices = [index for number in chosen for index in batches[number]]
    path = Path(spec["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_records(number_examples(examples[index] for index in indices), path)
    return {
        "dialogues": len(indices),
        "source_tokens": sum(lengths[index] for index in indices) / len(indices),
        "corpus_source_tokens": sum(lengths) / len(lengths),
    }


__all__ = ["sample"]

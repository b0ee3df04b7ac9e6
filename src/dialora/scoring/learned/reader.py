"""A checkpoint that reads texts or pairs of texts: its tokenizer, its limit, its batches, in fp32, on the GPU if any.

Shapes: B batch, T tokens, padded on the right to the longest of the batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from dialora.config.metric import LearnedMetric
from dialora.data.tokens import fill_batches
from dialora.errors import ModelError
from dialora.models.checkpoint import find_commit, require_weights, resolve_model
from dialora.models.loading import loading_explained
from dialora.models.steering import refuse_steering

MAX_BATCH_TOKENS = 8_192
NO_LIMIT = 10**9
"""Tokenizers that know no limit claim a larger one than this."""


class Reader:
    """A model in evaluation, and what turns texts into its inputs.

    `build` loads the model from what it is given by name: `pretrained_model_name_or_path`, `config` and so on.
    Weights that the checkpoint lacks, but those whose name holds one of `needless`, are a ModelError: they would be
    random.
    """

    def __init__(
        self, metric: LearnedMetric, config: Any, *, key: str, build: Callable[..., Any], needless: Sequence[str] = ()
    ) -> None:
        from transformers import AutoTokenizer

        key = f"{key}.model"
        require_weights(metric.model, key=key)
        with loading_explained(metric.model, key=key):
            self.tokenizer = AutoTokenizer.from_pretrained(**locate(metric, key=key))
            model, info = build(**locate(metric, key=key), config=config, dtype=torch.float32, output_loading_info=True)
        missing = [name for name in sorted(info["missing_keys"]) if not any(part in name for part in needless)]
        if missing:
            raise ModelError(
                f"{key}: {metric.model} lacks {len(missing)} of the weights that this metric needs ({missing[0]}, …); "
                "give a checkpoint that was trained for it."
            )
        if self.tokenizer.pad_token_id is None:
            raise ModelError(f"{key}: {metric.model} has no padding token; give an encoder such as BERT or RoBERTa.")
        self.model = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        self.max_length = _find_limit(self.tokenizer, model)
        # A tokenizer may give token types to a model that has none.
        self._inputs = inspect.signature(model.forward).parameters

    def encode(self, *texts: Sequence[str]) -> tuple[list[dict[str, list[int]]], list[bool]]:
        """Tokenize texts, or pairs given as two sequences; the longer text of a pair is cut first.

        Gives each one's inputs, and whether it was cut.
        """
        encoded = self.tokenizer(*map(list, texts), truncation=False, verbose=False)
        rows = [{name: encoded[name][at] for name in encoded} for at in range(len(texts[0]))]
        limit = self.max_length
        if limit is None:
            return rows, [False] * len(rows)
        is_cut = [len(row["input_ids"]) > limit for row in rows]
        for at in (at for at, cut in enumerate(is_cut) if cut):
            rows[at] = dict(self.tokenizer(*(one[at] for one in texts), truncation="longest_first", max_length=limit))
        return rows, is_cut

    def read(self, rows: Sequence[dict[str, list[int]]], **options: Any) -> Iterator[tuple[list[int], Any]]:
        """Run the model over tokenized rows, longest first; yield for each batch which rows it holds, and the output.

        Nothing is drawn and no gradient is kept.
        """
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]["input_ids"]), reverse=True)
        for batch in fill_batches([(at, len(rows[at]["input_ids"]), 0) for at in order], MAX_BATCH_TOKENS):
            inputs = self._collate([rows[at] for at in batch])
            with torch.inference_mode():
                yield batch, self.model(**inputs, **options)

    def _collate(self, rows: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Pad on the right: each input is (B, T)."""
        width = max(len(row["input_ids"]) for row in rows)
        fill = {"input_ids": self.tokenizer.pad_token_id, "token_type_ids": self.tokenizer.pad_token_type_id}
        return {
            name: torch.tensor([row[name] + [fill.get(name, 0)] * (width - len(row[name])) for row in rows]).to(
                self.model.device
            )
            for name in rows[0]
            if name in self._inputs
        }


def locate(metric: LearnedMetric, *, key: str) -> dict[str, Any]:
    """Return where `from_pretrained` finds a metric's model: a folder never on the network, and never code to run."""
    source = resolve_model(metric.model, key=key)
    where = {"pretrained_model_name_or_path": source, "trust_remote_code": False}
    commit = find_commit(source, metric.revision)
    return where | ({"local_files_only": True} if commit is None else {"revision": commit})


def load_config(metric: LearnedMetric, *, key: str) -> Any:
    """Load the checkpoint's configuration, without weights. Raises ModelError, also where it says how to load it."""
    from transformers import AutoConfig, PreTrainedConfig

    key = f"{key}.model"
    with loading_explained(metric.model, key=key):
        refuse_steering(PreTrainedConfig.get_config_dict(**locate(metric, key=key))[0])
        return AutoConfig.from_pretrained(**locate(metric, key=key))


def _find_limit(tokenizer: Any, model: Any) -> int | None:
    """Return how many tokens the model reads: what the tokenizer says, and what there are position vectors for."""
    limits = [tokenizer.model_max_length] if tokenizer.model_max_length < NO_LIMIT else []
    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, torch.nn.Embedding):
            # RoBERTa counts positions from behind its padding id on.
            limits.append(table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1))
    return min(limits, default=None)


__all__ = ["Reader", "load_config", "locate"]

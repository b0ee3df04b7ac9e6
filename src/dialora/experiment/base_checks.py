"""The checks of one base model of an experiment: its weights by their headers, its tokenizer on the data, its labels.

Takes the experiment as a system on that base sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from dialora.config import ExperimentConfig
from dialora.data.examples import DialogueDataset
from dialora.data.tokens.batches import MULTIPLE
from dialora.errors import DialoraError
from dialora.experiment.finding import Finding, find
from dialora.methods import Method
from dialora.models.bases import build_prompt, list_unused_code, load_family
from dialora.models.files import list_names
from dialora.records import Example

SAMPLE = 512
"""Examples looked at per split where all would take too long."""
MAX_TRUNCATED = 0.05
MAX_UNKNOWN = 0.01
MAX_PROMPT = 0.5
"""Of max_source_length, which the prompt may take where dialogues are cut."""


def check_base(
    config: ExperimentConfig,
    dataset: DialogueDataset,
    methods: Sequence[Method],
    on_tokens: Callable[[int], None],
) -> Iterator[Finding]:
    """Check one base with the methods that stand on it; `on_tokens` is given the number of tokens of all training
    dialogues, unless the base cannot read them.
    """
    from dialora.models.loading import load_tokenizer

    yield (weights := find("weights", lambda: _check_weights(config)))
    if weights.status != "failed" and (code := list_unused_code(config)):
        yield Finding(
            "code",
            "ok",
            f"what the model brings for {list_names(code)} is not run; transformers has classes of its own",
        )
    loaded: list[Any] = []

    def load() -> tuple[str, str]:
        loaded.append(load_tokenizer(config))
        return "ok", f"{len(loaded[0]):,} pieces"

    tokenizer = find("tokenizer", load)
    if tokenizer.detail != weights.detail:  # the same config.json is at fault
        yield tokenizer
    if loaded:
        with suppress(DialoraError):  # which the checks below say
            on_tokens(_count_source_tokens(config, dataset, loaded[0]))
        if config.training.cache_encoder and not load_family(config).has_encoder_cache:
            yield Finding("encoder cache", "warning", _explain_no_cache(config))
        yield find("lengths", lambda: _check_lengths(config, dataset, methods, loaded[0]))
        yield find("vocabulary", lambda: _check_vocabulary(config, dataset, loaded[0]))
        yield find("labels", lambda: _check_labels(config, dataset, loaded[0]))
        yield find("prompt", lambda: _check_prompt(config, dataset, loaded[0]))


def _check_weights(config: ExperimentConfig) -> tuple[str, str]:
    from dialora.models.loading import check_weights

    found = check_weights(config)
    if found is None:
        return "ok", "a hub id's, which are not here yet; they are checked when they are loaded"
    size, needless = found
    if needless:
        return (
            "warning",
            f"{len(needless)} of {size:,} have no place in the model and are not used: {list_names(needless)}",
        )
    return "ok", f"{size:,} matrices, those of its config.json; their numbers are looked at when they are loaded"


def _explain_no_cache(config: ExperimentConfig) -> str:
    return (
        f"training.cache_encoder has no effect on {config.model}: {load_family(config).label} models have no encoder "
        f"cache, and every step runs the whole model"
    )


def _sample(dataset: DialogueDataset) -> list[Example]:
    return [*dataset.train[:SAMPLE], *dataset.test[:SAMPLE]]


def _pairs(config: ExperimentConfig, examples: list[Example], tokenizer: Any) -> Any:
    from dialora.data.tokens import tokenize_pairs

    return tokenize_pairs(
        examples,
        tokenizer,
        prompt=build_prompt(config, tokenizer),
        max_source_length=config.data.max_source_length,
        max_target_length=config.data.max_target_length,
    )


def _check_lengths(
    config: ExperimentConfig, dataset: DialogueDataset, methods: Sequence[Method], tokenizer: Any
) -> tuple[str, str]:
    for method in methods:
        if (problem := _explain_positions(config, method)) is not None:
            return "failed", problem
    pairs = _pairs(config, _sample(dataset), tokenizer)
    sources = sum(pair.source_truncated for pair in pairs) / len(pairs)
    targets = sum(pair.target_truncated for pair in pairs) / len(pairs)
    if (problem := _explain_prompt(config, tokenizer, are_cut=sources > MAX_TRUNCATED)) is not None:
        return "failed", problem
    longest = max(len(pair.input_ids) for pair in pairs)
    detail = (
        f"{sources:.1%} of sources exceed {config.data.max_source_length} tokens (longest kept: {longest}), "
        f"{targets:.1%} of references exceed {config.data.max_target_length}"
    )
    return ("warning" if max(sources, targets) > MAX_TRUNCATED else "ok"), detail


def _explain_prompt(config: ExperimentConfig, tokenizer: Any, *, are_cut: bool) -> str | None:
    """Return that the prompt leaves dialogues (nearly) no tokens; None where it leaves enough, or none is cut."""
    from dialora.data.tokens.prompt import count_source_tokens

    (size,) = count_source_tokens([""], tokenizer, prompt=build_prompt(config, tokenizer))
    limit = config.data.max_source_length
    if size < limit and not (are_cut and size > MAX_PROMPT * limit):
        return None
    left = f"{limit - size:,}" if size < limit else "none"
    return (
        f"data.max_source_length is {limit:,}, of which the prompt, with all that stands around a dialogue, takes "
        f"{size:,} tokens and leaves {left} to dialogues that are longer; raise data.max_source_length to at least "
        f"{round(size / MAX_PROMPT):,}, or shorten the prompt"
    )


def _explain_positions(config: ExperimentConfig, method: Method) -> str | None:
    """Return what is asked for that is longer than the base can read or write with a method; None where nothing is."""
    from dialora.models.loading import load_base_config

    family = load_family(config)
    most = family.count_positions(load_base_config(config))
    if most is None:
        return None
    most -= most % MULTIPLE  # which batches are padded to
    before, between = method.count_virtual_tokens()
    source = config.data.max_source_length + before
    target, new = config.data.max_target_length + between, config.decoding.max_new_tokens + between
    asked = {"data.max_source_length": source, "data.max_target_length": target, "decoding.max_new_tokens": new}
    if family.is_causal:
        asked = {
            "data.max_source_length + data.max_target_length": source + target,
            "data.max_source_length + decoding.max_new_tokens": source + new,
        }
    long = [f"{key} is {value:,}" for key, value in asked.items() if value > most]
    with_vectors = f" (with the {before + between} vectors of {method.name})" if before + between else ""
    return f"{', '.join(long)}{with_vectors}, and {config.model} has {most:,} positions; lower it" if long else None


def _check_vocabulary(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> tuple[str, str]:
    """Say how much of the dialogues and references the tokenizer has no piece for; the prompt is left out."""
    sample = _sample(dataset)
    texts = [text for example in sample for text in (example.dialogue, *example.references)]
    # A run of unknown letters is one token, so a share of characters would take a decoder to tell.
    ids = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    share = sum(each.count(tokenizer.unk_token_id) for each in ids) / max(1, sum(map(len, ids)))
    detail = f"{share:.1%} of the tokens of {len(sample):,} examples are unknown to the tokenizer"
    if share > MAX_UNKNOWN:
        return (
            "warning",
            f"{detail}: what they stand for is neither read nor written; take a base model of the language",
        )
    return "ok", detail


def _check_labels(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> tuple[str, str]:
    from dialora.data.tokens import IGNORED_LABEL

    pairs = _pairs(config, [*dataset.train, *dataset.test][:8], tokenizer)
    family, end = load_family(config), build_prompt(config, tokenizer).end_id
    batch = family.build_collator(tokenizer.pad_token_id).collate_pairs(pairs)
    for row, pair in enumerate(pairs):
        ids, labels = batch["input_ids"][row], batch["labels"][row]
        is_label, is_read = labels != IGNORED_LABEL, batch["attention_mask"][row] == 1
        real = labels[is_label].tolist()
        if real != pair.labels or (tokenizer.eos_token_id if end is None else end) not in pair.labels[-2:]:
            return "failed", f"labels of {pair.id} do not end with the end token, or their padding is not masked"
        if family.is_causal and ids[is_label].tolist() != real:
            return "failed", f"labels of {pair.id} do not stand on the tokens of its reference"
        if ids[is_read].tolist() != pair.input_ids + (pair.labels if family.is_causal else []):
            return "failed", f"the attention mask of {pair.id} does not cover exactly what is read of it"
    return "ok", "padding is masked, every target ends with the end token, the attention mask covers the source"


def _check_prompt(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> tuple[str, str]:
    from dialora.data.tokens import tokenize_sources

    examples = [*dataset.train, *dataset.test][:8]
    prompt = build_prompt(config, tokenizer)
    # Another batch around the same dialogue, as in use: the ids must not depend on it.
    for example in examples:
        in_use = tokenize_sources(
            [example.dialogue], tokenizer, prompt=prompt, max_length=config.data.max_source_length
        )
        in_training = next(p for p in _pairs(config, examples, tokenizer) if p.id == example.id)
        if in_use[0].input_ids != in_training.input_ids:
            return "failed", f"{example.id} is tokenized differently in training and in use"
    return "ok", "the same token ids in training and in use"


def _count_source_tokens(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> int:
    """Estimate the tokens of all training dialogues from some of them."""
    from dialora.data.tokens import tokenize_sources

    sample = [example.dialogue for example in dataset.train[:SAMPLE]]
    limit, prompt = config.data.max_source_length, build_prompt(config, tokenizer)
    sources = tokenize_sources(sample, tokenizer, prompt=prompt, max_length=limit)
    return sum(len(source.input_ids) for source in sources) * len(dataset.train) // max(1, len(sample))


__all__ = ["SAMPLE", "check_base"]

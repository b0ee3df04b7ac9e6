"""Prompts, labels and the plan of batches."""

import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import DEFAULT_PROMPT, ExperimentConfig, TrainingConfig, load_experiment
from dialora.data.tokens import (
    IGNORED_LABEL,
    TrainingPair,
    build_prompt,
    collate_pairs,
    fill_batches,
    load_tokens,
    pack_pairs,
    padding_share,
    plan_batches,
    save_tokens,
    tokenize_pairs,
    tokenize_sources,
)
from dialora.data.tokens.batches import MULTIPLE
from dialora.data.tokens.plain import encode_texts
from dialora.errors import StageError
from dialora.models.loading import load_tokenizer
from dialora.records import Example
from dialora.store import Stage


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


@pytest.fixture
def tokenizer(config: ExperimentConfig) -> Any:
    return load_tokenizer(config)


def pairs_of(examples: list[Example], tokenizer: Any, source: int = 512, target: int = 128) -> Any:
    return tokenize_pairs(
        examples, tokenizer, prompt=DEFAULT_PROMPT, max_source_length=source, max_target_length=target
    )


def test_training_and_inference_read_the_same_tokens(tokenizer: Any) -> None:
    dialogue = "#Person1#: Braces {dialogue} {0} mean nothing.\n#Person2#: Quite."
    pair = pairs_of([Example("a", dialogue, ("A.",))], tokenizer)[0]
    source = tokenize_sources([dialogue], tokenizer, prompt=DEFAULT_PROMPT, max_length=512)[0]
    assert pair.input_ids == source.input_ids == tokenizer(build_prompt(dialogue, DEFAULT_PROMPT))["input_ids"]


def test_special_tokens_in_a_text_are_text(tokenizer: Any) -> None:
    text = "Ann: Is </s> the end? <pad><unk> ＜/s＞"
    pair = pairs_of([Example("a", text, (text,))], tokenizer)[0]
    ids = {tokenizer.eos_token_id, tokenizer.pad_token_id}
    for made in (pair.input_ids, pair.labels):
        assert made[-1] == tokenizer.eos_token_id
        assert not ids & set(made[:-1])
    # In the prompt they are meant.
    (source,) = tokenize_sources(["Hi."], tokenizer, prompt="{dialogue}<pad>", max_length=64)
    assert source.input_ids[-2:] == [tokenizer.pad_token_id, tokenizer.eos_token_id]


def test_all_other_text_is_tokenized_as_ever(tokenizer: Any, small_data: Path) -> None:
    texts = [line for file in sorted(small_data.glob("*.jsonl")) for line in file.read_text("utf-8").split("\n")]
    texts += ["", " ", "a  b\t\tc", " lead", "é ü 😀 ﬁ ½ \u00ad\u2028", "<b>x</b> < /s> </S> <s>", "中文 字", "\n\nx\n"]
    assert [one.ids for one in encode_texts(texts, tokenizer)] == tokenizer(texts)["input_ids"]


def test_a_long_dialogue_loses_its_end_and_not_the_instruction(tokenizer: Any) -> None:
    prompt = "Read this: {dialogue} Now write the summary"
    long = tokenize_sources(["word " * 500], tokenizer, prompt=prompt, max_length=64)[0]
    assert long.truncated
    assert len(long.input_ids) == 64
    assert long.input_ids[-1] == tokenizer.eos_token_id
    text = tokenizer.decode(long.input_ids, skip_special_tokens=True)
    assert text.startswith("Read this: word")
    assert text.endswith("Now write the summary")


def test_every_reference_is_a_pair_and_every_target_ends(tokenizer: Any) -> None:
    pairs = pairs_of(
        [Example("a", "Hi.", ("One.", "Two and more words than fit in here.")), Example("b", "Ho.", ("Three.",))],
        tokenizer,
        target=6,
    )
    assert [pair.id for pair in pairs] == ["a", "a", "b"]
    assert all(pair.labels[-1] == tokenizer.eos_token_id for pair in pairs)
    assert [pair.target_truncated for pair in pairs] == [False, True, False]
    assert len(pairs[1].labels) == 6


def test_padding_is_masked_in_labels_and_attention(tokenizer: Any) -> None:
    pairs = pairs_of(
        [Example("a", "Hi.", ("Yes.",)), Example("b", "A longer dialogue here.", ("No, not at all.",))], tokenizer
    )
    batch = collate_pairs(pairs, pad_id=tokenizer.pad_token_id)
    for row, pair in enumerate(pairs):
        size = len(pair.labels)
        assert batch["labels"][row, :size].tolist() == pair.labels
        assert (batch["labels"][row, size:] == IGNORED_LABEL).all()
        assert batch["attention_mask"][row].sum() == len(pair.input_ids)
        assert (batch["input_ids"][row, len(pair.input_ids) :] == tokenizer.pad_token_id).all()


def test_masked_padding_does_not_change_the_loss(config: ExperimentConfig, tokenizer: Any) -> None:
    from dialora.models.loading import load_base_model

    model = load_base_model(config).eval()
    pairs = pairs_of([Example("a", "Hi.", ("Yes.",)), Example("b", "A longer one.\n" * 9, ("No. " * 20,))], tokenizer)
    alone, together = (collate_pairs(p, pad_id=0) for p in (pairs[:1], pairs))
    with torch.no_grad():
        expected = model(**alone).logits[0, : len(pairs[0].labels)]
        torch.testing.assert_close(model(**together).logits[0, : len(pairs[0].labels)], expected, rtol=1e-4, atol=1e-5)


def lengths_like_dialogsum(size: int) -> list[tuple[int, int]]:
    rng = random.Random(0)
    return [(min(512, int(rng.lognormvariate(5.2, 0.5))), rng.randint(10, 60)) for _ in range(size)]


@pytest.mark.parametrize("budget", [None, 4096])
def test_an_epoch_holds_every_pair_once_and_little_padding(budget: int | None) -> None:
    lengths = lengths_like_dialogsum(1000)
    training = TrainingConfig(num_train_epochs=2, max_batch_tokens=budget)
    batches = plan_batches(lengths, training, seed=0)
    seen = [i for batch in batches for i in batch]
    assert sorted(seen) == sorted([*range(1000), *range(1000)])
    assert seen[:1000] != sorted(seen[:1000])
    unsorted = [list(range(i, i + 8)) for i in range(0, 1000, 8)]
    assert padding_share(lengths, batches) < 0.5 * padding_share(lengths, unsorted)


def test_few_dialogues_are_not_padded_in_their_sources_for_the_sake_of_their_targets() -> None:
    lengths = [(source + i % 3, 10 + 7 * i % 40) for source in (60, 200, 340, 480) for i in range(8)]
    for batch in plan_batches(lengths, TrainingConfig(), seed=0):
        assert len({lengths[i][0] // 60 for i in batch}) == 1


def test_a_token_budget_is_kept() -> None:
    lengths = lengths_like_dialogsum(500)
    for batch in plan_batches(lengths, TrainingConfig(max_batch_tokens=3000), seed=3):
        width = sum(-(-max(lengths[i][side] for i in batch) // MULTIPLE) * MULTIPLE for side in (0, 1))
        assert len(batch) == 1 or len(batch) * width <= 3000


@pytest.mark.parametrize("budget", [2_048, 16_384, 65_536])
@pytest.mark.parametrize("size", [1, 8, 64])
def test_the_token_budget_alone_decides_how_many_rows_a_batch_has(budget: int, size: int) -> None:
    lengths = lengths_like_dialogsum(1000)
    training = TrainingConfig(max_batch_tokens=budget, per_device_train_batch_size=size)
    batches = plan_batches(lengths, training, seed=3)
    assert batches == plan_batches(lengths, TrainingConfig(max_batch_tokens=budget), seed=3)
    tokens = sum(source + target for source, target in lengths)
    assert len(batches) < 1.25 * tokens / budget + 2
    # A handful of batches cannot all be of like rows.
    assert budget > 20_000 or padding_share(lengths, batches) < 0.15


def test_an_item_over_the_budget_gets_a_batch_of_its_own() -> None:
    assert fill_batches([(0, 900, 9), (1, 20, 9), (2, 20, 9)], 100) == [[0], [1, 2]]
    assert fill_batches([], 100) == []


def test_the_plan_depends_on_the_seed_alone() -> None:
    lengths = lengths_like_dialogsum(100)
    training = TrainingConfig()
    assert plan_batches(lengths, training, seed=1) == plan_batches(lengths, training, seed=1)
    assert plan_batches(lengths, training, seed=1) != plan_batches(lengths, training, seed=2)


@pytest.mark.parametrize(
    ("options", "size"), [({"num_train_epochs": 0.5}, 7), ({"max_steps": 30}, 60), ({"num_train_epochs": 3}, 39)]
)
def test_the_budget_sets_the_number_of_batches(options: dict[str, Any], size: int) -> None:
    training = TrainingConfig(**options, gradient_accumulation_steps=2)
    assert len(plan_batches(lengths_like_dialogsum(100), training, seed=0)) in (size, size - 1)


def test_tokens_on_disk_are_those_that_were_made_and_made_once(tmp_path: Path) -> None:
    pairs = [
        TrainingPair("a", [5, 6, 7], [8, 1], False, True),
        TrainingPair("a", [5, 6, 7], [9, 9, 1], True, False),
        TrainingPair("ü\u2028", [250_000], [1], False, False),
    ]
    splits = {"train": pack_pairs([pairs[:1], pairs[1:]]), "validation": pack_pairs([])}
    stage = Stage(tmp_path / "tokens", "key")
    with pytest.raises(StageError, match="is missing"):
        load_tokens(stage)
    save_tokens(stage, splits, seconds=1.0)
    loaded = load_tokens(stage)
    assert {split: list(own) for split, own in loaded.items()} == {"train": pairs, "validation": []}
    assert [loaded["train"][at] for at in (2, 0, -2)] == [pairs[2], pairs[0], pairs[1]]
    assert loaded["train"][1:] == pairs[1:]
    with pytest.raises(IndexError):
        loaded["train"][3]
    with pytest.raises(StageError, match="made from another configuration"):
        load_tokens(Stage(stage.folder, "other"))


def test_many_pairs_take_four_bytes_a_token(tmp_path: Path) -> None:
    def make(part: int) -> list[TrainingPair]:
        ids = range(1000 * part, 1000 * part + 200)
        return [TrainingPair(f"{part}-{i}", list(ids), list(ids[:50]), False, False) for i in range(100)]

    stage, size = Stage(tmp_path / "tokens", "key"), 100 * 100
    tracemalloc.start()
    try:
        save_tokens(stage, {"train": pack_pairs(map(make, range(100)))}, seconds=1.0)
        made = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        loaded = load_tokens(stage)["train"]
        assert sum(len(pair.input_ids) for pair in loaded) == 200 * size
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 250 tokens a pair; while parts are joined and written they are there three times.
    assert made < 3 * 4 * 250 * size + 10e6
    assert read < 2 * 4 * 250 * size + 10e6

"""Where a causal model's tokens, labels and padding stand in a batch, to the cell."""

import torch

from dialora.data.tokens import IGNORED_LABEL, CausalCollator, TrainingPair

PAD = 9
NO = IGNORED_LABEL


def test_a_target_stands_behind_its_source_with_its_labels_on_itself_and_padding_on_the_right() -> None:
    pairs = [
        TrainingPair("long", [11, 12, 13, 14], [21, 22], False, False),
        TrainingPair("short", [31], [41, 42, 43], False, False),
    ]
    collator = CausalCollator(PAD)
    batch = collator.collate_pairs(pairs)
    expected = {
        "input_ids": [[11, 12, 13, 14, 21, 22, PAD, PAD], [31, 41, 42, 43, PAD, PAD, PAD, PAD]],
        "attention_mask": [[1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0]],
        # The model itself shifts: a label stands on its own token, and the position before it is what predicts it.
        "labels": [[NO, NO, NO, NO, 21, 22, NO, NO], [NO, 41, 42, 43, NO, NO, NO, NO]],
    }
    assert {key: value.tolist() for key, value in batch.items()} == expected
    assert all(value.dtype == torch.long for value in batch.values())
    assert collator.measure(pairs) == [(6, 0), (4, 0)]


def test_sources_that_are_written_to_are_padded_on_the_left() -> None:
    sources = [[11, 12, 13, 14, 15], [31, 32]]
    rounded = CausalCollator(PAD).collate_sources(sources)
    exact = CausalCollator(PAD).collate_sources(sources, rounded=False)
    assert {key: value.tolist() for key, value in rounded.items()} == {
        "input_ids": [[PAD, PAD, PAD, 11, 12, 13, 14, 15], [PAD, PAD, PAD, PAD, PAD, PAD, 31, 32]],
        "attention_mask": [[0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1, 1]],
    }
    assert {key: value.tolist() for key, value in exact.items()} == {
        "input_ids": [[11, 12, 13, 14, 15], [PAD, PAD, PAD, 31, 32]],
        "attention_mask": [[1, 1, 1, 1, 1], [0, 0, 0, 1, 1]],
    }

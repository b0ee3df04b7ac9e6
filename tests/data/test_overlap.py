"""Duplicates: what counts as nearly the same, that nothing is missed, and that training can do without it."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dialora.config import DataConfig, load_experiment
from dialora.data.examples import DataSummary, DialogueDataset, build_dataset, count_overlap, load_dataset
from dialora.data.overlap import find_near_duplicates, find_overlapping
from dialora.data.quality.check import find_duplicates
from dialora.data.sources import load_rows
from dialora.errors import DataError
from dialora.experiment import workspace
from dialora.experiment.pipeline import open_experiment
from dialora.report.provenance import build_data_table
from tests.conftest import random_words

Row = dict[str, Any]


def make_dialogue(seed: int, words: int = 60) -> str:
    rng = random.Random(seed)
    return "\n".join(f"{speaker}: {random_words(rng, words // 4)}" for speaker in ("Ann", "Bob", "Ann", "Bob"))


def change_words(dialogue: str, count: int, *, apart: int = 9) -> str:
    """Replace `count` words that stand `apart` from each other, speakers aside."""
    words = re.split(r"(\s+)", dialogue)
    places = [i for i, word in enumerate(words) if word.strip() and not word.endswith(":")]
    for place in places[4 : 4 + count * apart : apart]:
        words[place] = "changed"
    return "".join(words)


def write_source(folder: Path, **splits: list[Row]) -> DataConfig:
    for split, rows in splits.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return DataConfig(source=str(folder))


def make_rows(dialogues: list[str], prefix: str) -> list[Row]:
    return [{"id": f"{prefix}_{i}", "dialogue": d, "summary": f"{prefix} {i}."} for i, d in enumerate(dialogues)]


def measure(a: str, b: str) -> float | None:
    """Return the similarity of two dialogues where it reaches the threshold."""
    return next((similarity for *_, similarity in find_near_duplicates([a, b])), None)


def test_similarity_is_the_jaccard_of_word_8_grams() -> None:
    letters = [f"w{i}" for i in range(27)]
    # 20 n-grams each; the last three words differ, which stand in three of them: 17 shared of 23.
    assert measure(" ".join(letters), " ".join([*letters[:24], "x", "y", "z"])) == pytest.approx(17 / 23)
    # 7 words differ: 13 shared of 27, less than half.
    assert measure(" ".join(letters), " ".join([*letters[:20], *"tuvwxyz"])) is None


def test_speakers_case_punctuation_and_lines_do_not_count() -> None:
    a = "#Person1#: Well, what's the TIME now?\n#Person2#: It is ten to nine, so hurry up, please."
    b = "Amanda: Well what's the time now\nIt's me: it is ten to nine -- so hurry up please!"
    assert measure(a, b) == 1.0


def test_short_dialogues_are_compared_as_a_whole() -> None:
    assert measure("A: Hi there!\nB: Hi.", "X: hi there\nY: hi") == 1.0
    assert measure("A: Hi there!\nB: Hi.", "A: Hi there!\nB: Bye.") is None
    assert measure("A: ?!", "A: ?!") is None, "without words there is nothing to compare"


def test_scripts_without_spaces_are_compared_by_character() -> None:
    text = "明日の午後三時に駅前の喫茶店で会いましょう"
    assert measure(f"A: {text}", f"A: {text}ね") == pytest.approx(14 / 15)


def test_few_changed_words_are_found_and_many_are_not() -> None:
    dialogues = [make_dialogue(seed) for seed in range(300)]
    assert find_overlapping([change_words(d, 1) for d in dialogues], dialogues) == [*range(300)]
    assert find_overlapping([change_words(d, 6) for d in dialogues], dialogues) == []


def test_either_side_may_be_the_longer_one() -> None:
    dialogues = [make_dialogue(seed) for seed in range(40)]
    others = [dialogues[3], change_words(dialogues[5], 1), make_dialogue(1000)]
    assert find_overlapping(dialogues, others) == [3, 5]
    assert find_overlapping(others, dialogues) == [0, 1]
    assert find_overlapping([], others) == find_overlapping(others, []) == []


def test_the_same_is_found_in_every_process() -> None:
    code = (
        "from dialora.data.overlap import _sketch, split_words; "
        "print(_sketch(split_words('a b c d e f g h i j')).hashvalues.tolist())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_many_dialogues_are_searched_in_little_memory() -> None:
    dialogues = [make_dialogue(seed, words=120) for seed in range(2000)]
    dialogues[1500] = change_words(dialogues[3], 1)
    list(find_near_duplicates(dialogues[:1]))  # loads what it needs
    tracemalloc.start()
    try:
        pairs = [pair[:2] for pair in find_near_duplicates(dialogues)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pairs == [(3, 1500)]
    # Half of it is the hashes of the last 65,536 words, however many dialogues there are.
    assert peak < 40e6


def test_importing_the_modules_loads_no_framework() -> None:
    code = (
        "import sys, dialora.data.quality, dialora.data.examples; "
        "sys.exit(bool({'torch', 'transformers', 'peft', 'datasets', 'datasketch', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# In a data set


@pytest.fixture
def source(tmp_path: Path) -> DataConfig:
    """Ten training dialogues; two stand in test (one changed) and one, changed, in validation."""
    train = [make_dialogue(seed) for seed in range(10)]
    validation = [change_words(train[1], 1), make_dialogue(100)]
    test = [train[2], change_words(train[3], 1), make_dialogue(101)]
    rows = make_rows(train, "train")
    # A second row of a dialogue that stands in test.
    rows.append({"id": "train_again", "dialogue": train[2], "summary": "Another."})
    return write_source(
        tmp_path, train=rows, validation=make_rows(validation, "validation"), test=make_rows(test, "test")
    )


def test_overlap_is_counted_and_noted(source: DataConfig) -> None:
    dataset = load_dataset(source)
    assert dataset.summary.also_in_train is None
    summary = count_overlap(dataset).summary
    assert summary.also_in_train == {"validation": 1, "test": 2}
    (note,) = summary.notes
    assert note.startswith("1 of 2 validation and 2 of 3 test dialogues stand in training too")
    assert DataSummary.from_json(json.loads(json.dumps(summary.to_json()))) == summary
    assert summary.fingerprint == dataset.summary.fingerprint


def test_every_experiments_data_stage_and_report_carry_the_overlap(
    source: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"name": "x", "data": {"source": source.source}, "methods": {"zero_shot": {}}}
    config = load_experiment(values)
    with open_experiment(config, tmp_path / "run") as plan:
        summary = plan.workspace.dataset.summary
    assert summary.also_in_train == {"validation": 1, "test": 2}
    table = build_data_table(summary.to_json())
    assert table is not None
    column = table.columns.index("Also in train")
    assert [row.cells[column].text for row in table.rows] == ["–", "1", "2"]

    def fail(dataset: DialogueDataset) -> DialogueDataset:
        raise AssertionError("counted again")

    monkeypatch.setattr(workspace, "count_overlap", fail)
    with open_experiment(config, tmp_path / "run") as plan:
        assert plan.workspace.dataset.summary == summary


def test_deduplicate_removes_what_overlaps_and_says_so(source: DataConfig) -> None:
    plain = load_dataset(source)
    dataset = load_dataset(source.model_copy(update={"deduplicate": True}))
    assert [example.id for example in dataset.train] == ["train_0", *(f"train_{i}" for i in range(4, 10))]
    assert (dataset.validation, dataset.test) == (plain.validation, plain.test)
    counts = dataset.summary.splits["train"]
    assert counts.skipped == {"also in validation or test": 4}
    assert counts.rows == counts.examples + counts.merged_rows + sum(counts.skipped.values())
    (note,) = dataset.summary.notes
    assert "left out 3 of 10 dialogues (4 rows)" in note
    after = count_overlap(dataset).summary
    assert after.also_in_train == {"validation": 0, "test": 0}
    assert after.notes == dataset.summary.notes


def test_deduplicate_looks_at_all_of_test_even_where_a_limit_draws_less(source: DataConfig) -> None:
    limited = source.model_copy(update={"deduplicate": True, "max_test_examples": 1, "max_validation_examples": 1})
    assert len(load_dataset(limited).train) == 7


def test_deduplicate_may_leave_nothing(tmp_path: Path) -> None:
    rows = make_rows([make_dialogue(1)], "x")
    config = write_source(tmp_path, train=rows, test=rows).model_copy(update={"deduplicate": True})
    with pytest.raises(DataError, match=r"train: none of its 1 rows can be used \(1 also in validation or test\)"):
        load_dataset(config)


def test_pairs_within_and_across_splits(source: DataConfig) -> None:
    rows = load_rows(source)
    dataset = build_dataset(rows, source)
    examples = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    duplicates, complete = find_duplicates(rows, examples)
    assert complete
    found = {(item.a, item.b): item for item in duplicates}
    assert list(found) == [
        ("train", "train"),
        ("train", "validation"),
        ("train", "test"),
        ("validation", "validation"),
        ("validation", "test"),
        ("test", "test"),
    ]
    within = found["train", "train"]
    assert within.identical == (("train_2", "train_2"),)
    assert (within.near, within.concerned_a, within.total_a) == ((), 0, 10)
    across = found["train", "test"]
    assert across.identical == (("train_2", "test_0"),)
    assert [(pair.a, pair.b) for pair in across.near] == [("train_3", "test_1")]
    assert (across.concerned_a, across.concerned_b, across.total_b) == (2, 2, 3)
    assert found["validation", "test"].near == ()


@pytest.mark.slow
def test_dialogsums_duplicates_are_those_of_an_exhaustive_search(real_data: Path) -> None:
    config = DataConfig(source=str(real_data / "dialogsum" / "hub"))
    rows = load_rows(config)
    dataset = build_dataset(rows, config)
    examples = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    duplicates, _ = find_duplicates(rows, examples)
    reported = {(item.a, pair.a, item.b, pair.b): pair.similarity for item in duplicates for pair in item.near}

    # By other means: every pair of dialogues with an 8-gram in common, from an inverted index over strings.
    places = [(split, example) for split, items in examples.items() for example in items]
    ngrams = []
    for _, example in places:
        words = re.findall("[a-z0-9]+", re.sub(r"(?m)^#\w+#:", " ", example.dialogue.lower()))
        ngrams.append({" ".join(words[i : i + 8]) for i in range(max(1, len(words) - 7))})
    owners: dict[str, list[int]] = {}
    for at, own in enumerate(ngrams):
        for ngram in own:
            owners.setdefault(ngram, []).append(at)
    shared: Counter[tuple[int, int]] = Counter()
    for at in owners.values():
        shared.update(combinations(at, 2))
    expected = {}
    for (i, j), count in shared.items():
        similarity = count / (len(ngrams[i]) + len(ngrams[j]) - count)
        if similarity >= 0.5 and places[i][1].dialogue != places[j][1].dialogue:
            expected[places[i][0], places[i][1].id, places[j][0], places[j][1].id] = similarity

    assert reported.keys() == expected.keys()
    assert all(reported[pair] == pytest.approx(similarity) for pair, similarity in expected.items())
    numbers = {(item.a, item.b): (len(item.near), item.concerned_a, item.concerned_b) for item in duplicates}
    for (a, b), (num_pairs, concerned_a, concerned_b) in numbers.items():
        pairs = [pair for pair in expected if (pair[0], pair[2]) == (a, b)]
        left, right = {pair[1] for pair in pairs}, {pair[3] for pair in pairs}
        if a == b:
            left = right = left | right
        assert (num_pairs, concerned_a, concerned_b) == (len(pairs), len(left), len(right))

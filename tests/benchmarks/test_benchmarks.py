"""The benchmarks: samples that stand for the whole, ratios the right way round, pages that hide nothing."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from statistics import mean, quantiles
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.compared import ours
from benchmarks.compared.ratios import RATIOS, compute_ratio, describe_values
from benchmarks.measured.bench import Bench, BenchmarkError, run_probe
from benchmarks.measured.layouts import SHAPE
from benchmarks.measured.parts import PARTS
from benchmarks.measured.probes import PROBES, load_probe
from benchmarks.measured.probes.floor import count_operations, count_training
from benchmarks.measured.probes.profiles import GROUPS, REST, group_operation
from benchmarks.measured.samples import Corpus, choose_stratified, save_sample
from benchmarks.pages.markdown import render_page
from benchmarks.pages.ratios import LABELS
from benchmarks.pages.writing import write_pages
from benchmarks.recorded.medians import combine_runs
from benchmarks.recorded.run import build_run
from benchmarks.recorded.runs import record_run
from benchmarks.settings import FIRST_STEP, FULL, LAYOUT
from dialora.records import Example
from dialora.store import load_records, save_json, save_records
from tests.conftest import DIALOGUES

SPEED = {("notebook", "lora"): 0.1, ("notebook", "full"): 0.08, ("best_practice", "lora"): 0.8}
SPEED |= {("best_practice", "full"): 0.5, ("ours", "lora"): 2.0, ("ours", "full"): 0.4}
"""Dialogues per second: LoRA's bars are met, full fine-tuning's is missed."""


def test_what_a_gpu_does_is_measured_part_by_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--device", "cpu", "--dialogues", "4", "--output", str(tmp_path)]) == 0
    parts = json.loads((tmp_path / "benchmarks-gpu.json").read_text())["models"]["bundled"]
    assert [(row["what"], row["precision"]) for row in parts["training"]] == [
        (name, precision) for name in ("LoRA", "full fine-tuning") for precision in ("fp32", "bf16")
    ]
    assert all(row["seconds_per_step"] > 0 and row["peak_memory_bytes"] > 0 for row in parts["training"])
    written = {(row["what"], row["precision"]): row for row in parts["summaries"]}
    assert written["torch", "fp32"]["tokens_per_second"] > 0
    assert written["ctranslate2", "int8"]["peak_memory_bytes"] is None
    page = (tmp_path / "benchmarks-gpu.md").read_text()
    assert "| full fine-tuning | bf16 |" in page
    capsys.readouterr()


def test_without_a_gpu_one_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "benchmarks.gpu: torch sees no GPU here; nothing was measured.\n"
    assert not list(tmp_path.iterdir())


def test_a_small_sample_has_the_lengths_of_the_whole() -> None:
    rng = random.Random(1)
    lengths = [round(rng.lognormvariate(4.8, 0.5)) for _ in range(3000)]
    for size in (8, 16, 64):
        chosen = choose_stratified(lengths, size)
        assert len(set(chosen)) == size
        found = [lengths[index] for index in chosen]
        assert mean(found) == pytest.approx(mean(lengths), rel=0.02)
        assert quantiles(found, n=4) == pytest.approx(quantiles(lengths, n=4), rel=0.1)
    assert choose_stratified(lengths, 16) == choose_stratified(lengths, 16)


def test_more_than_there_are_are_taken_as_often_as_needed(tmp_path: Path) -> None:
    chosen = choose_stratified([3, 1, 2], 7)
    assert sorted(chosen.count(index) for index in range(3)) == [2, 2, 3]
    corpus = Corpus("few", tuple(Example(str(i), "word " * i, ("s",)) for i in range(1, 4)))
    examples = load_records(Example, save_sample(corpus, 7, tmp_path))
    assert len({example.id for example in examples}) == 7
    with pytest.raises(ValueError, match="cannot draw"):
        choose_stratified([], 2)


def _write(folder: Path, part: str, name: str, results: list[dict[str, Any]]) -> None:
    for repetition, result in enumerate(results):
        path = folder / part / f"{name.replace('/', '.')}.{repetition}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_json({"name": name, "repetition": repetition, "probe": "", "spec": {}, "result": result}, path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Measurements as a whole benchmark would leave them: int8 was not measured."""
    for (side, method), speed in SPEED.items():
        results = [
            {
                "dialogues": 8,
                "seconds": 8 / (speed * factor),
                "dialogues_per_second": speed * factor,
                "seconds_per_dialogue": 1 / (speed * factor),
                "warmup_seconds": 3.0,
                "peak_memory_bytes": 4 * 10**9 if method == "full" else 10**9,
            }
            for factor in (1.0, 0.9, 1.2)
        ]
        _write(tmp_path, "training", f"{LAYOUT}/{method}/{side}", results)
    for side, speed, digests in [("one_by_one", 0.5, "ab"), ("batched", 1.2, "ab"), ("ours_fp32", 3.0, "ax")]:
        facts = {"dialogues": 2, "seconds": 1.0, "dialogues_per_second": speed, "tokens_per_second": speed * 40}
        _write(tmp_path, "generation", f"{LAYOUT}/{side}", [facts | {"engine": "torch", "digests": list(digests)}])
    for side, speed in [("evaluate", 100.0), ("ours", 1500.0)]:
        _write(
            tmp_path, "scoring", side, [{"data": "pairs", "pairs": 9, "seconds": 9 / speed, "pairs_per_second": speed}]
        )
    for size in (1000, 2000, 4000):
        _write(
            tmp_path, "scaling", f"{size:05}", [{"dialogues": size, "seconds": size / 50, "peak_memory_bytes": 10**9}]
        )
    _write(tmp_path, "padding", "padding", [{"data": "DialogSum", "dialogues": 9, "padding_share": 0.07}])
    floor = {
        "rows": 1600,
        "source_tokens": 200.0,
        "target_tokens": 30.0,
        "operations_per_second": {"bf16": 6e11, "fp32": 1.5e11},
        "operations_per_dialogue": {"lora": 1.2e11, "full": 1.8e11},
        "seconds_per_dialogue": {"lora_bf16": 0.2, "lora_fp32": 0.8, "full_bf16": 0.3, "full_fp32": 1.2},
    }
    _write(tmp_path, "floor", LAYOUT, [floor])
    versions = dict.fromkeys(("python", "torch", "transformers", "peft"), "1")
    machine = {"processor": "one", "cores": 2, "threads": "2", "memory_bytes": 2**30, "bf16_instructions": True}
    facts = {"machine": machine | versions | {"load_average": 0.5}, "rates": {"fp32": 2e11, "bf16": 4e11}}
    _write(tmp_path, "machine", "machine", [facts | {"commit": "1234567", "memory": FIRST_STEP}])
    _write(tmp_path, "machine", "data", [{"name": "DialogSum", "dialogues": 9, "mean_words": 100.0}])
    return tmp_path


@pytest.fixture
def document(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(ours, "UNMEASURED", {"ours_int8": "no engine"})
    return _document(folder)


def _run(folder: Path) -> dict[str, Any]:
    parts = tuple(path.name for path in folder.iterdir() if path.is_dir() and path.name != "machine")
    for part in (*parts, "machine"):
        save_json({"code": "c", "date": "2026-11-24"}, folder / f"{part}.json")
    return build_run(SimpleNamespace(folder=folder, settings=FULL, parts=parts))  # type: ignore[arg-type]


def _document(folder: Path) -> dict[str, Any]:
    run = _run(folder)
    notes = folder / "notes.yaml"
    notes.write_text("full_vs_notebook: the optimizer reads all weights\nlora_vs_notebook: stale\n", encoding="utf-8")
    return combine_runs([run], notes)


def _pages(folder: Path, output: Path) -> set[str]:
    record_run(_run(folder), output)
    return {path.name for path in write_pages(output)}


def test_a_ratio_above_one_means_that_ours_is_faster(document: dict[str, Any]) -> None:
    ratios = document["ratios"]
    assert ratios["lora_vs_notebook"]["value"] == pytest.approx(20)
    assert ratios["full_vs_notebook"]["value"] == pytest.approx(5)
    assert ratios["lora_vs_best_practice"]["value"] == pytest.approx(2.5)
    assert ratios["full_vs_best_practice"]["value"] == pytest.approx(0.8)
    assert ratios["generate_fp32_vs_one_by_one"]["value"] == pytest.approx(6)
    assert ratios["generate_fp32_vs_batched"]["value"] == pytest.approx(2.5)
    assert ratios["scoring_vs_evaluate"]["value"] == pytest.approx(15)


def test_memory_is_the_share_that_lora_needs_and_must_be_small(document: dict[str, Any]) -> None:
    assert document["ratios"]["lora_memory_vs_full"]["value"] == pytest.approx(0.25)
    ratio = next(ratio for ratio in RATIOS if ratio.name == "lora_memory_vs_full")
    assert (ratio.is_met(0.25), ratio.is_met(0.46)) == (True, False)


def test_the_spread_is_of_pairs_measured_one_after_the_other() -> None:
    ratio = next(ratio for ratio in RATIOS if ratio.name == "lora_vs_best_practice")
    raw = {
        "training": {
            ratio.ours: [{"dialogues_per_second": speed} for speed in (2.0, 1.0)],
            ratio.other: [{"dialogues_per_second": speed} for speed in (1.0, 0.5)],
        }
    }
    assert compute_ratio(ratio, raw) == {"value": 2, "min": 2, "max": 2}
    raw["training"][ratio.other].pop()
    assert compute_ratio(ratio, raw) == {"value": 1.5, "min": 1, "max": 2}
    assert describe_values([1.0, 2.0, 4.0])["iqr"] == pytest.approx(1.5)


def test_a_missed_bar_and_a_missing_measurement_are_said(document: dict[str, Any]) -> None:
    details = document["ratios"]
    assert details["full_vs_notebook"]["met"] is False
    assert details["full_vs_notebook"]["reason"] == "the optimizer reads all weights"
    assert details["lora_vs_notebook"]["met"] is True
    assert details["lora_vs_notebook"]["reason"] is None
    assert details["generate_int8_vs_batched"] | {"bar": ""} == {
        "value": None, "min": None, "max": None, "spread": None, "runs": 0, "bar": "", "met": None,
        "reason": "no engine",
    }  # fmt: skip
    page = render_page(document)
    row = next(line for line in page.splitlines() if line.startswith(f"| {LABELS['full_vs_notebook']}"))
    assert "**5.00**" in row
    assert "≥ 8" in row
    assert "**missed**" in row
    assert "the optimizer reads all weights" in page
    assert "stale" not in page
    row = next(line for line in page.splitlines() if line.startswith(f"| {LABELS['generate_int8_vs_batched']}"))
    assert "not measured" in row


def test_the_page_says_how_far_from_floor_and_line_and_bar(document: dict[str, Any]) -> None:
    assert document["floor"]["ours_times_floor"]["lora"]["bf16"] == pytest.approx(0.5 / 0.2)
    assert document["scaling"]["seconds_per_dialogue"] == pytest.approx(0.02)
    assert document["scaling"]["r_squared"] == pytest.approx(1)
    assert document["padding"]["met"] is False
    assert document["agreement"] == {f"{LAYOUT}/ours_fp32": 0.5}
    assert "7.0 % of the positions" in render_page(document)


def test_the_page_says_what_the_fast_ways_save_and_cost(folder: Path) -> None:
    for name, speed in [("lora", 2.0), ("lora_decoder", 2.5), ("cached", 8.0)]:
        facts = {"dialogues_per_second": speed, "seconds_per_dialogue": 1 / speed}
        facts |= {"peak_memory_bytes": 10**9, "warmup_seconds": 5.0}
        _write(folder, "decoder", f"{LAYOUT}/{name}", [facts])
        shift = {"lora": 0.0, "lora_decoder": -0.02, "cached": 0.01}[name]
        scores = {"rouge1": [0.3 + shift, 0.4 + shift], "rougeL": [0.2, 0.3]}
        facts = {"trainable_params": 5, "seconds": 60.0, "peak_memory_bytes": 10**9}
        _write(folder, "quality", name, [facts | {"scores": scores}])
    cost = {"engine": "ctranslate2", "dialogues": 4, "equal": 3, "scores": {"rouge1": 0.34}}
    cost |= {"scores_fp32": {"rouge1": 0.35}, "differences": dict.fromkeys(("rouge1", "rougeL"), (-0.01, -0.02, 0.004))}
    _write(folder, "quality", "int8", [cost])
    operations = {"encoder": 3e10, "decoder": 1.5e10}
    split = {"seconds": {"encoder": 0.3, "decoder": 0.2, "text": 0.0}, "operations": operations}
    _write(folder, "split", "ours_fp32", [split])
    document = _document(folder)
    assert document["split"]["ours_fp32"]["encoder"]["floor_seconds"] == pytest.approx(0.2)
    page = render_page(document)
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert "4.00×" in rows["FLAN-T5-base's layout, LoRA on the decoder, encoder states computed once"]
    assert "−2.00 [−2.00, −2.00]" in rows["LoRA on the decoder"]
    assert "+1.00 [+1.00, +1.00]" in rows["LoRA on the decoder, encoder states computed once"]
    assert "−1.00 [−2.00, +0.40]" in rows["int8 (ctranslate2)"]
    assert "1.5×" in rows["fp32, encoder"]


def test_every_page_and_figure_is_written(folder: Path, tmp_path: Path) -> None:
    _write_story(folder, full_notebook=0.10, lora_notebook=0.30)
    names = _pages(folder, tmp_path / "docs")
    assert names == {"benchmarks.md", "scaling.svg", "notebook-recipe.svg", "notebook-recipe.md"}
    page = (tmp_path / "docs" / "benchmarks.md").read_text()
    assert all(label in page for label in LABELS.values())
    story = (tmp_path / "docs" / "notebook-recipe.md").read_text()
    assert "full fine-tuning is behind LoRA: −20.0" in story
    assert "the padding that stays in the labels costs most" in story
    assert "The notebook's result is its recipe's" in story


def test_the_story_does_not_claim_what_the_numbers_do_not_say(folder: Path, tmp_path: Path) -> None:
    _write_story(folder, full_notebook=0.35, lora_notebook=0.30)
    _pages(folder, tmp_path / "docs")
    story = (tmp_path / "docs" / "notebook-recipe.md").read_text()
    assert "full fine-tuning is ahead of LoRA by +5.0" in story
    assert "The notebook's result is its recipe's" not in story
    assert "No way of training it here brings full fine-tuning down" in story


def test_the_story_names_the_ways_that_end_where_the_notebook_did(folder: Path, tmp_path: Path) -> None:
    _write_story(folder, full_notebook=0.35, lora_notebook=0.30, lab_rate=0.205)
    _pages(folder, tmp_path / "docs")
    story = (tmp_path / "docs" / "notebook-recipe.md").read_text()
    assert "in 1 of the 5 ways it was trained here: at the lab's rate" in story
    assert "the likeliest reason is a learning rate" in story
    assert "full fine-tuning is −15.5 [" in story


def _write_story(folder: Path, *, full_notebook: float, lora_notebook: float, lab_rate: float = 0.3) -> None:
    means = {"zero_shot": 0.2, "full/the lab's rate": lab_rate, "full/ours": 0.36, "lora/ours": 0.36}
    means |= {"full/notebook": full_notebook, "lora/notebook": lora_notebook}
    means |= {"full/labels masked": full_notebook + 0.1, "full/own rate": full_notebook + 0.05}
    for name, score in means.items():
        values = {metric: [score - 0.01, score + 0.01] * 5 for metric in ("rouge1", "rouge2", "rougeL", "rougeLsum")}
        rate = None if name == "zero_shot" else 1e-3
        facts = {"seconds": 9.0, "steps": 3, "learning_rate": rate, "losses": [3.0, 1.0], "new_tokens": 20.0}
        _write(folder, "story", name, [facts | {"scores": values, "first_summary": "a"}])


def test_sides_alternate_within_every_repetition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    settings = replace(FULL, repetitions=2, notebook_repetitions=1, models=(LAYOUT,))
    bench = Bench(settings, ("training",), run=lambda probe, spec: {"seconds": 1.0})
    monkeypatch.setattr("benchmarks.measured.parts._sample", lambda bench, size: "sample")
    monkeypatch.setattr("benchmarks.measured.parts._batches", lambda bench, size, group, plan: "sample")
    monkeypatch.setattr("benchmarks.measured.parts._model", lambda bench, model: "folder")
    monkeypatch.setattr(
        Bench, "measure", lambda self, part, name, *_, repetition=0: order.append(f"{name}{repetition}")
    )
    PARTS["training"](bench)
    sides = [("notebook", "best_practice", "ours"), ("best_practice", "ours")]
    assert order == [f"{LAYOUT}/{m}/{side}{n}" for n in (0, 1) for m in ("lora", "full") for side in sides[n]]


def test_every_probe_is_there() -> None:
    for name in PROBES:
        assert load_probe(name).__name__ == name


def test_a_failed_probe_is_one_line() -> None:
    with pytest.raises(BenchmarkError, match=r"^score: KeyError: 'pairs'$"):
        run_probe("score", {})


def test_the_floor_counts_what_flan_t5_base_needs() -> None:
    config = SimpleNamespace(**SHAPE, num_layers=12, num_decoder_layers=12, is_gated_act=True)
    # Every weight matrix but the two embeddings meets each token once, in encoder and decoder; head apart.
    encoder, cross = 12 * (4 * 768 * 768 + 3 * 768 * 2048), 12 * 4 * 768 * 768
    need = count_operations(config, 100, 100)
    assert need.weights == 2 * 100 * (2 * encoder + cross + 768 * 32128)
    assert count_training(need, "full") - count_training(need, "lora") == need.weights


def test_operations_are_grouped_by_what_they_are_for() -> None:
    names = {
        "aten::mm": "matrix products",
        "aten::bernoulli_": "dropout",
        "aten::_scaled_dot_product_flash_attention_for_cpu": "attention",
        "aten::_softmax": "attention",
        "aten::_log_softmax": "loss",
        "aten::_fused_adamw_": "optimizer",
        "aten::rsqrt": "normalisation",
        "aten::add": "products and sums of single numbers",
        "aten::addmm": "matrix products",
        "_DropoutBackward": "dropout",
        "_RMSNorm": "normalisation",
        "_AttentionBackward": "attention",
        "_CrossEntropy": "loss",
        "aten::gelu_backward": "activation",
        "aten::view": REST,
    }
    assert {name: group_operation(name) for name in names} == names
    assert REST not in dict(GROUPS)


def test_a_pair_runs_on_the_tiny_model(tiny_model: Path, tmp_path: Path) -> None:
    lines = (DIALOGUES / "train.jsonl").read_text(encoding="utf-8").split("\n")[:8]
    examples = [
        Example(f"e{i}", row["dialogue"][:200], (row["summary"],)) for i, row in enumerate(map(json.loads, lines))
    ]
    save_records(examples, tmp_path / "sample.jsonl")
    train, generate = load_probe("train"), load_probe("generate")
    spec = {"folder": str(tiny_model), "method": "lora", "sample": str(tmp_path / "sample.jsonl")}
    for side in ("notebook", "best_practice", "ours"):
        facts = train(spec | {"side": side, "max_length": 64})
        assert facts["dialogues"] == 8
        assert facts["steps"] == (2 if side == "notebook" else 1)
        assert facts["dialogues_per_second"] == pytest.approx(8 / facts["seconds"])
        assert facts["peak_memory_bytes"] > 10**7
    spec |= {"new_tokens": 6, "fixed": False}
    written = {side: generate(spec | {"side": side}) for side in ("one_by_one", "batched", "ours_fp32")}
    assert len({tuple(facts["digests"]) for facts in written.values()}) == 1


def test_both_scorers_agree_on_the_scores() -> None:
    from benchmarks.compared import evaluate_rouge

    pairs = [("the cat sat on the mat", "a cat sat"), ("he went home", "she goes home"), ("one two", "three")] * 5
    theirs, own = evaluate_rouge.compute(pairs), ours.score(pairs, 1000)
    for metric, (_, middle, _) in own.items():
        assert theirs[metric][1] == pytest.approx(middle, abs=0.03)

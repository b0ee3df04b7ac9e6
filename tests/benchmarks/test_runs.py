"""Runs of the benchmark: whole or not recorded, apart where they mean other things, quoted by their median."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.measured import bench as bench_module
from benchmarks.measured.bench import Bench, BenchmarkError, load_raw
from benchmarks.measured.parts import PARTS, make_run
from benchmarks.pages.markdown import render_page
from benchmarks.pages.readme import BEGIN, END, render_speed, renew_readme
from benchmarks.pages.story_page import render_story
from benchmarks.pages.writing import write_pages
from benchmarks.recorded.medians import combine_runs
from benchmarks.recorded.runs import load_runs, record_run, save_runs
from benchmarks.settings import FIRST_STEP, FULL, LAYOUT, REPOSITORY, Settings

Run = dict[str, Any]
DOCS = REPOSITORY / "docs"


def _build_run(lora: float, share: float | None, *, memory: str = FIRST_STEP, generation: float | None = None) -> Run:
    """Return a run in which LoRA has a ratio to the notebook, and its memory a share of full fine-tuning's."""
    ratios = {"lora_vs_notebook": {"value": lora, "min": lora - 1, "max": lora + 1}}
    ratios |= {"lora_vs_best_practice": {"value": lora / 8, "min": lora / 9, "max": lora / 7}}
    if share is not None:
        ratios["lora_memory_vs_full"] = {"value": share, "min": share, "max": share}
    if generation is not None:
        ratios["generate_fp32_vs_batched"] = {"value": generation, "min": generation, "max": generation}
    machine = {"processor": "one", "cores": 2, "threads": "2", "memory_bytes": 2**30, "bf16_instructions": True}
    machine |= dict.fromkeys(("python", "torch", "transformers", "peft"), "1") | {"load_average": 0.5}

    def values(*found: float) -> dict[str, float]:
        return {"median": found[1], "min": found[0], "max": found[2], "iqr": 0.0, "repetitions": 3}

    facts = {fact: values(9.0, 10.0, 12.0) for fact in ("warmup_seconds", "dialogues", "seconds")}
    facts |= {"seconds_per_dialogue": values(0.1 * lora, 0.2 * lora, 0.4 * lora)}
    facts |= {"dialogues_per_second": values(1 / lora, 2 / lora, 4 / lora), "peak_memory_bytes": values(1, 2, 3)}
    points = [{"dialogues": size, "seconds": size / 9, "peak_memory_bytes": size * 2**20} for size in (10, 20)]
    scaling = {"points": points, "seconds_per_dialogue": 0.1, "offset_seconds": 0.0, "r_squared": 1.0}
    sections: dict[str, Any] = dict.fromkeys(("floor", "padding", "quality", "story", "scoring_data"))
    sections |= {"engines": {}, "agreement": {}, "split": {}, "profiles": {}}
    return sections | {
        "day": "2026-11-24",
        "machine": machine,
        "rates": {"fp32": 2e11, "bf16": 4e11},
        "commit": None,
        "memory": memory,
        "benchmark": "full",
        "num_layers": 12,
        "quality_epochs": 3,
        "data": {"name": "DialogSum", "dialogues": 9, "mean_words": 100.0},
        "parts": {"training": {"code": "c", "date": "2026-11-24"}},
        "ratios": ratios,
        "ratios_bundled": {"lora_vs_notebook": lora},
        "measurements": {"training": {f"{LAYOUT}/lora/ours": facts}},
        "scaling": scaling | {"memory_growth": 2.0},
    }


def _row(page: str, label: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.startswith(f"| {label}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_ratio_is_the_median_over_runs_and_that_must_meet_the_bar() -> None:
    document = combine_runs([_build_run(14, 0.3), _build_run(10, 0.3), _build_run(13, 0.3)])
    ratio = document["ratios"]["lora_vs_notebook"]
    assert (ratio["value"], ratio["min"], ratio["max"], ratio["runs"], ratio["met"]) == (13, 10, 14, 3, True)
    assert ratio["spread"] == [9, 15]
    document = combine_runs([_build_run(14, 0.3), _build_run(9, 0.3)])
    assert (document["ratios"]["lora_vs_notebook"]["value"], document["ratios_bundled"]) == (
        11.5,
        {"lora_vs_notebook": 11.5},
    )
    assert document["ratios"]["lora_vs_notebook"]["met"] is False, "one run that meets it is not enough"
    row = _row(render_page(document), "LoRA training, dialogues per second")
    assert row[1:6] == ["**11.50**", "9.00–14.00", "2", "8.00–15.00", "≥ 12"]
    assert "11.5 times (9.00–14.0)" in render_speed(_with_other_ratios(document))


def _with_other_ratios(document: Run) -> Run:
    """Return the document with every other ratio at 2 of one run, without which README says nothing of training."""
    one = {"value": 2.0, "min": 2.0, "max": 2.0, "runs": 1}
    ratios = {name: one if entry["value"] is None else entry for name, entry in document["ratios"].items()}
    return document | {"ratios": ratios}


def test_memory_with_loading_is_not_put_beside_that_from_the_first_step_on() -> None:
    old, new = _build_run(14, 0.9, memory="with loading"), _build_run(12, 0.4)
    new["measurements"]["training"][f"{LAYOUT}/lora/ours"]["peak_memory_bytes"]["median"] = 5 * 2**30
    document = combine_runs([old, new])
    assert document["ratios"]["lora_memory_vs_full"]["value"] == 0.4
    assert document["ratios"]["lora_memory_vs_full"]["runs"] == 1
    assert document["ratios"]["lora_vs_notebook"]["runs"] == 2
    page = render_page(document)
    assert "Run 1 counted it with loading, and is left out of it." in page
    assert "5.00 GiB" in _row(page, "FLAN-T5-base's layout, LoRA, dialora")
    alone = combine_runs([old])
    assert alone["ratios"]["lora_memory_vs_full"]["value"] is None
    assert "GiB" not in "".join(_row(render_page(alone), "FLAN-T5-base's layout, LoRA, dialora"))
    assert "20 MiB" in render_page(document)
    assert "20 MiB" not in render_page(alone), "growth of memory is of the same definition"


def test_a_run_of_some_parts_stands_beside_a_whole_one() -> None:
    whole, some = _build_run(14, 0.3, generation=1.75), _build_run(12, 0.3)
    some["scaling"] = None
    document = combine_runs([whole, some])
    ratio = document["ratios"]["generate_fp32_vs_batched"]
    assert (ratio["value"], ratio["runs"], ratio["met"]) == (1.75, 1, True)
    assert document["of"]["scaling"] == 1
    page = render_page(document)
    assert "of the differences in time; memory from the smallest to the largest run × 2.00. Of run 1." in page
    assert _row(page, "summaries per second in fp32 against `generate` in sorted")[2:4] == ["–", "1"]
    facts = document["measurements"]["training"][f"{LAYOUT}/lora/ours"]["seconds_per_dialogue"]
    assert facts == pytest.approx({"median": 2.6, "min": 1.2, "max": 5.6, "repetitions": 6})


def test_a_run_is_recorded_once_and_those_before_stay(tmp_path: Path) -> None:
    first, second = _build_run(14, 0.3), _build_run(12, 0.3)
    record_run(first, tmp_path)
    for _ in range(2):
        runs = record_run(deepcopy(second), tmp_path)
    assert runs == load_runs(tmp_path) == [first, second]
    assert json.loads((tmp_path / "benchmarks.json").read_text())["schema_version"] == 2


@pytest.mark.parametrize(("change", "named"), [({"num_layers": 2}, "num_layers"), ({"data": "few"}, "data.name")])
def test_runs_of_other_data_or_sizes_do_not_stand_side_by_side(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    run = _build_run(14, 0.3)
    record_run(run, tmp_path)
    other = run | (change if named == "num_layers" else {"data": run["data"] | {"name": "few"}})
    with pytest.raises(BenchmarkError, match=f"^{named}: the recorded runs have"):
        record_run(other, tmp_path)
    assert load_runs(tmp_path) == [run]


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "benchmarks.json").write_text('{"schema_version": 1}', encoding="utf-8")
    with pytest.raises(BenchmarkError, match="schema_version is 1, not 2"):
        load_runs(tmp_path)
    with pytest.raises(BenchmarkError, match="no runs"):
        write_pages(tmp_path / "empty")


def test_the_pages_and_readme_say_what_the_recorded_runs_say() -> None:
    document = combine_runs(load_runs(DOCS))
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == render_page(document)
    assert (DOCS / "notebook-recipe.md").read_text(encoding="utf-8") == render_story(document["story"])
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert readme == renew_readme(readme, document), "python -m benchmarks.pages"


def test_readme_is_renewed_between_its_marks_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    save_runs([_build_run(14, 0.3)], tmp_path / "docs")
    assert readme in write_pages(tmp_path / "docs")
    text = readme.read_text(encoding="utf-8")
    assert (text.startswith(f"before\n{BEGIN}\nOn 2 CPU cores"), text.endswith(f"{END}\nafter\n")) == (True, True)
    readme.write_text("no marks", encoding="utf-8")
    with pytest.raises(BenchmarkError, match=r"README\.md: has no"):
        write_pages(tmp_path / "docs")


def _bench(folder: Path, made: list[str], *parts: str, fails: str = "") -> Bench:
    def run(probe: str, spec: dict[str, Any]) -> dict[str, Any]:
        if probe == fails:
            raise BenchmarkError(f"{probe}: killed")
        made.append(probe)
        return {"probe": probe}

    return Bench(_At(folder), parts, run=run)  # type: ignore[arg-type]


class _At:
    """Settings in another folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder


def _measure_one(bench: Bench, part: str) -> None:
    bench.measure(part, "a/b", part, {})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Probes made, where each part is one measurement of its own name."""
    for part in PARTS:
        monkeypatch.setitem(PARTS, part, lambda bench, part=part: _measure_one(bench, part))
    monkeypatch.setattr(bench_module, "hash_code", lambda: "code")
    return []


def test_an_interrupted_run_goes_on_and_a_recorded_one_begins_anew(tmp_path: Path, made: list[str]) -> None:
    failures = make_run(_bench(tmp_path, made, "training", "floor", fails="training"))
    assert failures == {"training": "training: killed"}
    assert made == ["machine", "data", "floor"], "one that fails does not stop the others"
    made.clear()
    bench = _bench(tmp_path, made, "training", "floor")
    assert make_run(bench) == {}
    assert made == ["training"], "what is whole stays"
    assert load_raw(bench.folder)["training"] == {"a/b": [{"probe": "training"}]}
    made.clear()
    bench.clear()
    make_run(_bench(tmp_path, made, "training", "floor"))
    assert made == ["machine", "data", "training", "floor"]


def test_runs_of_other_parts_or_other_code_are_apart(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(_bench(tmp_path, made, "training"))
    made.clear()
    make_run(_bench(tmp_path, made, "training", "floor"))
    assert "training" in made
    made.clear()
    monkeypatch.setattr(bench_module, "hash_code", lambda: "other code")
    make_run(_bench(tmp_path, made, "training"))
    assert made == ["machine", "data", "training"]


def test_code_that_changes_under_a_run_ends_it(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _bench(tmp_path, made, "training", "floor")
    assert bench.code == "code"
    monkeypatch.setattr(bench_module, "hash_code", lambda: "other code")
    assert "the code changed" in make_run(bench)["training"]
    assert load_raw(bench.folder) == {}


def test_only_a_whole_run_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    class At(Settings):
        @property
        def folder(self) -> Path:
            return tmp_path / "bench"

    settings = At(**{field: getattr(FULL, field) for field in FULL.__dataclass_fields__})
    facts = {"machine": _build_run(14, 0.3)["machine"], "rates": {}, "commit": None, "memory": FIRST_STEP}
    results = {"machine": facts, "data": {"name": "DialogSum", "dialogues": 9}, "padding": {"padding_share": 0.04}}
    results["padding"] |= {"data": "DialogSum", "dialogues": 9}

    def run(probe: str, spec: dict[str, Any]) -> dict[str, Any]:
        if probe not in results:
            raise BenchmarkError(f"{probe}: killed")
        return results[probe]

    monkeypatch.setattr("benchmarks.__main__.FULL", settings)
    monkeypatch.setattr("benchmarks.__main__.Bench", lambda settings, parts: Bench(settings, parts, run=run))
    monkeypatch.setattr("benchmarks.measured.parts._model", lambda bench, model: "folder")
    command = ["--parts", "scoring,padding", "--output", str(tmp_path / "docs")]
    assert main(command) == 1
    assert not (tmp_path / "docs").exists()
    assert "score: killed" in capsys.readouterr().err
    results["score"] = {"data": "pairs", "pairs": 9, "seconds": 1.0, "pairs_per_second": 9.0}
    assert main(command) == 0
    (recorded,) = load_runs(tmp_path / "docs")
    assert list(recorded["parts"]) == ["scoring", "padding"]
    assert recorded["ratios"] == {"scoring_vs_evaluate": {"value": 1.0, "min": 1.0, "max": 1.0}}
    assert not list((tmp_path / "bench" / "runs").iterdir())
    assert (tmp_path / "docs" / "benchmarks.md").is_file()


def test_quick_runs_are_nobodys_numbers(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["--quick", "--output", "docs"])
    assert "--output is for whole runs" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--parts", "training,speed"])
    assert "speed: no such part" in capsys.readouterr().err

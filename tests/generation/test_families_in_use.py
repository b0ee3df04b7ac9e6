"""Bases of every kind as users have them: engine auto in an experiment, summaries of a file, a stop in the middle."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.config import DecodingConfig, ExperimentConfig, load_experiment
from dialora.data.tokens import tokenize_sources
from dialora.errors import Interrupted
from dialora.experiment.pipeline import compare
from dialora.generation import TorchEngine, open_engine, write_predictions
from dialora.generation.ctranslate2_engine import cut_batch
from dialora.models.bases import build_prompt, settle
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.records import Example
from dialora.store import PartialLog, Stage, load_json
from tests.conftest import build_experiment_values
from tests.models.families.tiny import build_folder

DIALOGUES = [f"#Person1#: Are you coming?\n#Person2#: {'No, I am ill. ' * n}" for n in (1, 5, 2, 9, 3, 3)]


@pytest.fixture(scope="module")
def values(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("bases")
    llama, bart = build_folder("llama", root / "llama", chat=True), build_folder("bart", root / "bart")
    methods = {"zero_shot": {}, "zero_bart": {"method": "zero_shot", "model": str(bart)}}
    return build_experiment_values(llama, small_data) | {"methods": methods}


def test_an_experiment_and_summaries_of_a_file_are_written_by_ctranslate2_as_by_torch(
    values: dict[str, Any], tmp_path: Path
) -> None:
    written: dict[str, dict[str, str]] = {}
    for engine in ("auto", "torch"):
        folder = tmp_path / engine
        compare(load_experiment(values, {"generation.engine": engine}), output=folder)
        facts = [load_json(path) for path in sorted(folder.rglob("generation/generation.json"))]
        assert [one["engine"] for one in facts] == ["ctranslate2" if engine == "auto" else "torch"] * 2
        written[engine] = {
            path.parent.parent.name.partition("-")[0]: path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("generation/predictions.jsonl"))
        }
    assert set(written["auto"]) == {"zero_shot", "zero_bart"}
    assert written["auto"] == written["torch"]
    run = tmp_path / "auto"
    made = dialora.summarize(DIALOGUES, system=run, method="zero_shot")
    assert (next(run.glob("zero_shot-*")) / "ctranslate2-fp32" / "model.bin").is_file()
    torch = {"generation.engine": "torch"}
    assert made == dialora.summarize(DIALOGUES, system=run, method="zero_shot", set=torch)


@pytest.mark.parametrize("key", ["zero_shot", "zero_bart"])
def test_what_was_stopped_goes_on_and_ends_the_same(values: dict[str, Any], tmp_path: Path, key: str) -> None:
    config: ExperimentConfig = settle(load_experiment(values)).for_method(key)
    decoding = DecodingConfig(max_new_tokens=8, max_batch_tokens=120)
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    sources = tokenize_sources(DIALOGUES, tokenizer, prompt=build_prompt(config, tokenizer), max_length=200)
    examples = [Example(str(i), text, ()) for i, text in enumerate(DIALOGUES)]

    def write(engine: Any, log: PartialLog | None = None, stop_after: int = 100) -> list[str]:
        asked = count()
        made = write_predictions(
            engine, tokenizer, examples, sources, decoding, log=log, should_stop=lambda: next(asked) >= stop_after
        )
        return [one.summary for one in made.predictions]

    engine = open_engine(
        config.generation, decoding, model, tokenizer, stage=Stage(tmp_path / "converted", "key"),
        sources=[source.input_ids for source in sources],
    )  # fmt: skip
    assert engine.name == "ctranslate2"
    log = PartialLog(tmp_path / "log.jsonl", "key")
    with pytest.raises(Interrupted, match=r"stopped after [1-4] of 5 summaries"):
        write(engine, log, stop_after=2)
    assert write(engine, log) == write(TorchEngine(model, tokenizer, decoding))


@pytest.mark.parametrize(
    ("lengths", "max_rows", "is_level", "expected"),
    [
        ([90, 80, 70, 40, 39, 5], 16, False, [3, 2, 1]),
        ([90, 90, 90, 90, 90], 2, False, [2, 2, 1]),
        ([90, 90, 89, 89, 88], 16, True, [2, 2, 1]),
        ([5], 16, True, [1]),
        ([], 16, False, []),
    ],
)
def test_rows_of_a_piece_are_nearly_of_one_length(
    lengths: list[int], max_rows: int, is_level: bool, expected: list[int]
) -> None:
    assert cut_batch(lengths, max_rows, is_level=is_level) == expected

"""The published folder: a card that the hub takes, with the comparison's numbers, no path, and no text as markup."""

from __future__ import annotations

import getpass
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results

import dialora
from dialora import api
from dialora.config import load_experiment
from dialora.errors import ConfigError, StageError
from dialora.models.usage import EXAMPLE
from dialora.store import ExperimentFolder, names, save_sealed
from tests.cards import read_code, run_code
from tests.conftest import build_experiment_values
from tests.publishing.hub_server import find_card_errors

TO = "someone/tiny-lora"
HOSTILE = "x|y\n---\nlicense: mit\n# H <script>alert(1)</script> [a](http://b) `c` \u202e: - {d}"


def write(finished: Path, **options: Any) -> Path:
    return api.publish(
        finished, options.pop("to", None), method=options.pop("method", "lora"), dry_run=True, **options
    ).folder


def read_card(folder: Path) -> ModelCard:
    return ModelCard((folder / "README.md").read_text(encoding="utf-8"))


def read_texts(folder: Path) -> str:
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".md", ".json", ".yaml", ".jinja")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished experiment that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "runs" / "tiny", symlinks=True))


def change_data_source(root: Path, source: str) -> None:
    """Let an experiment and its runs say that their data came from elsewhere, as if that had been downloaded."""
    for path in (root / names.EXPERIMENT, *root.glob(f"*/{names.RUN_CONFIG}")):
        config = load_experiment(path)
        save_sealed(
            config.model_copy(update={"data": config.data.model_copy(update={"source": source})}).to_yaml(), path
        )


@pytest.mark.parametrize("method", ["lora", "full"])
def test_hub_takes_the_card_and_reads_back_the_scores(finished: Path, method: str) -> None:
    folder = write(finished, method=method, to=TO)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert find_card_errors(text) == []
    card = ModelCard(text)
    # To the letter what huggingface_hub would write.
    assert ModelCard(str(card)).data.to_dict() == card.data.to_dict()
    index = card.data.to_dict()["model-index"]
    name, results = model_index_to_eval_results(index)
    assert name == "tiny-lora"
    assert eval_results_to_model_index(name, results) == index
    system = next(one for one in api.load_comparison(finished).systems if one.key == method)
    assert {one.metric_name: one.metric_value for one in results} == {
        "ROUGE-1": round(system.scores["rouge1"].mean, 4),
        "ROUGE-2": round(system.scores["rouge2"].mean, 4),
        "ROUGE-L": round(system.scores["rougeL"].mean, 4),
        "ROUGE-Lsum": round(system.scores["rougeLsum"].mean, 4),
    }
    bounds = {one.metric_name: one.metric_args for one in results}
    assert bounds["ROUGE-1"] == {
        "ci_low": round(system.scores["rouge1"].ci_low, 4),
        "ci_high": round(system.scores["rouge1"].ci_high, 4),
    }
    assert card.data.pipeline_tag == "summarization"
    assert card.data.library_name == {"lora": "peft", "full": "transformers"}[method]


def test_card_has_verdict_table_and_protocol(finished: Path) -> None:
    card, comparison = read_card(write(finished)), api.load_comparison(finished)
    for sentence in re.split(r"(?<=[.!?]) +", comparison.verdict):
        assert sentence in re.sub(r"\\(.)", r"\1", card.text)
    for system in comparison.systems:
        (row,) = [line for line in card.text.splitlines() if line.startswith(f"| {system.label} |")]
        score = system.scores["rouge1"]
        assert f"{score.mean:.4f}" in row
        assert f"[{score.ci_low:.3f}, {score.ci_high:.3f}]" in row
    assert comparison.protocol in card.text.replace("\\|", "|")
    assert "This is **PEFT** in the table." in card.text


def test_card_says_what_it_cannot_do_in_numbers(finished: Path) -> None:
    folder = next(finished.glob("lora-s0-*"))
    made = json.loads((folder / "generation" / "generation.json").read_text())
    limits = read_card(write(finished)).text.partition("## What it cannot do")[2].partition("\n## ")[0]
    rows = json.loads((finished / "faithfulness" / "faithfulness.json").read_text())["rows"]
    own = next(row for row in rows if row["key"] == "lora")["measures"]["unsupported"]
    assert f"{100 * own['mean']:.1f} % [{100 * own['ci_low']:.1f}, {100 * own['ci_high']:.1f}]" in limits
    assert "trained on 24 pairs of dialogue and summary, which are few" in limits
    assert made["num_truncated"] > 0
    assert f"the end of {made['num_truncated']} of 8 test dialogues was cut" in limits
    assert made["num_cut"] > 0
    assert f"{made['num_cut']} of 8 test summaries were cut at 12 tokens" in limits


@pytest.mark.parametrize("method", ["lora", "full"])
def test_code_of_the_card_writes_what_was_scored(
    finished: Path, method: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(finished, method=method)
    (ours,) = api.summarize([EXAMPLE], system=finished, method=method, set=["generation.engine=torch"])
    code = read_code((folder / "README.md").read_text(encoding="utf-8"))
    if method == "lora":
        # The base was a folder: who has it says where.
        assert f"base = {tiny_model.name!r}" in code
        code = code.replace(repr(tiny_model.name), repr(str(tiny_model)))
    assert run_code(code, folder, monkeypatch) == ours.text


def test_a_published_adapter_is_a_system_again(finished: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = write(finished, output=tmp_path / "somewhere")
    set = ["generation.engine=torch", "decoding.max_new_tokens=12", "data.max_source_length=128"]
    (again,) = api.summarize([EXAMPLE], system=folder, base=str(tiny_model), set=set)
    (ours,) = api.summarize([EXAMPLE], system=finished, method="lora", set=["generation.engine=torch"])
    assert again.text == ours.text


@pytest.mark.parametrize("method", ["lora", "full"])
def test_no_path_and_no_name_of_this_machine_leaves(
    finished: Path, method: str, tiny_model: Path, small_data: Path, tmp_path: Path
) -> None:
    folder = write(finished, method=method, output=tmp_path / "out")
    text = read_texts(folder)
    for path in (tiny_model, small_data, finished, Path.home(), Path(dialora.__file__).parent, Path.cwd(), tmp_path):
        assert str(path) not in text
    assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", text.replace("root of", ""))
    assert tiny_model.name in text
    assert small_data.name in text


def test_paths_in_a_verdict_are_cut_to_names(copied: Path, tmp_path: Path) -> None:
    path = copied / "comparison" / "comparison.json"
    base = str(Path(load_experiment(copied / names.EXPERIMENT).model))
    values = json.loads(path.read_text())
    values["verdict"] = f"On {base}: PEFT is better. {values['verdict']}"
    values["systems"][2]["base"] = base
    with ExperimentFolder(copied).comparison().writing() as stage:
        examples = (copied / "comparison" / "examples.jsonl").read_bytes()
        (stage / "comparison.json").write_text(json.dumps(values))
        (stage / "examples.jsonl").write_bytes(examples)
    text = read_texts(write(copied))
    assert base not in text.replace("\\", "")
    assert f"On {Path(base).name}: PEFT is better." in text.replace("\\", "")


def test_a_base_of_the_hub_is_named_with_its_commit(
    copied: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(tiny_model, tmp_path / "hub" / "models--someone--tiny-base" / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for path in (copied / names.EXPERIMENT, *copied.glob(f"*/{names.RUN_CONFIG}")):
        update = {"model": "someone/tiny-base", "model_revision": commit}
        save_sealed(load_experiment(path).model_copy(update=update).to_yaml(), path)
    folder = write(copied, to=TO)
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("someone/tiny-base", commit)
    card = read_card(folder)
    assert card.data.base_model == "someone/tiny-base"
    assert card.data.base_model_relation == "adapter"
    assert "nobody can use it" not in card.text
    # Plain PEFT finds it by what stands in the folder; here in the cache.
    code = read_code(str(card)).replace(repr(TO), "'.'")
    (ours,) = api.summarize([EXAMPLE], system=copied, method="lora", set=["generation.engine=torch"])
    assert run_code(code, folder, monkeypatch) == ours.text


def test_adapter_names_the_hub_id_that_is_given_for_its_base(finished: Path) -> None:
    folder = write(finished, base="someone/tiny-t5")
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("someone/tiny-t5", None)
    card = read_card(folder)
    assert card.data.base_model == "someone/tiny-t5"
    assert "named.base_model_name_or_path" in read_code(str(card))
    assert "nobody can use it" not in card.text


def test_without_one_it_is_said_that_nobody_can_use_it(finished: Path, tiny_model: Path) -> None:
    told: list[dict[str, Any]] = []
    folder = write(finished, observer=told.append)
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == tiny_model.name
    card = read_card(folder)
    assert "without that folder nobody can use it" in card.text
    assert card.data.base_model is None
    assert any("--base" in event.get("message", "") for event in told)


def test_generation_config_writes_as_scored(finished: Path) -> None:
    values = json.loads((write(finished) / "generation_config.json").read_text())
    assert (values["max_new_tokens"], values["num_beams"]) == (12, 1)


def test_scores_on_a_hub_data_set_stand_in_eval_results(copied: Path) -> None:
    change_data_source(copied, "someone/dialogues")
    folder = write(copied)
    (path,) = (folder / ".eval_results").iterdir()
    entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    system = next(one for one in api.load_comparison(copied).systems if one.key == "lora")
    assert {(one.dataset_id, one.task_id): one.value for one in entries} == {
        ("someone/dialogues", metric): round(score.mean, 4) for metric, score in system.scores.items()
    }
    assert read_card(folder).data.datasets == ["someone/dialogues"]


def test_of_ones_own_data_there_are_none(finished: Path) -> None:
    folder = write(finished)
    assert not (folder / ".eval_results").exists()
    assert read_card(folder).data.datasets is None


def test_a_file_that_is_gone_is_no_hub_id(copied: Path) -> None:
    change_data_source(copied, "data/chats.csv")
    folder = write(copied)
    assert read_card(folder).data.datasets is None
    assert not (folder / ".eval_results").exists()


@pytest.mark.parametrize(
    ("source", "name", "licence", "terms"),
    [
        (
            "knkarthick/dialogsum",
            "DialogSum",
            "cc-by-nc-sa-4.0",
            "no commercial use, and what is made from",
        ),
        (
            "knkarthick/samsum",
            "SAMSum",
            "cc-by-nc-nd-4.0",
            "no commercial use, and nothing adapted",
        ),
        ("Samsung/samsum", "SAMSum", "cc-by-nc-nd-4.0", "Sharing these weights with anybody may break its licence"),
        ("/data/DialogSum_Data/train.jsonl", "DialogSum", "cc-by-nc-sa-4.0", "CC BY-NC-SA 4.0"),
    ],
)
def test_terms_of_known_data_are_told_and_stand_in_the_card(
    copied: Path, source: str, name: str, licence: str, terms: str
) -> None:
    change_data_source(copied, source)
    told: list[dict[str, Any]] = []
    # The base is a folder of no known name, so its licence has to be named; the data's terms hold all the same.
    folder = write(copied, license=licence, observer=told.append)
    card = read_card(folder)
    assert card.data.license == licence
    assert f"Data: {name}" in card.text
    assert terms in card.text
    assert terms in " ".join(event.get("message", "") for event in told)
    assert source.startswith("/") <= ("/data" not in card.text)


def test_text_from_anywhere_is_only_text(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copied / "comparison" / "comparison.json"
    values = json.loads(path.read_text())
    values["systems"][2]["label"] = HOSTILE
    values["verdict"] = f"{HOSTILE}. {values['verdict']}"
    values["experiment"] = HOSTILE
    examples = (copied / "comparison" / "examples.jsonl").read_bytes()
    with ExperimentFolder(copied).comparison().writing() as stage:
        (stage / "comparison.json").write_text(json.dumps(values))
        (stage / "examples.jsonl").write_bytes(examples)
    change_data_source(copied, f"/data/{HOSTILE.replace('/', '')}")
    text = (write(copied) / "README.md").read_text(encoding="utf-8")
    card = ModelCard(text)
    assert find_card_errors(text) == []
    assert card.data.license == "unknown"
    assert "<script>" not in card.text
    assert "](http://b)" not in card.text.replace("\\](", "")
    assert "\u202e" not in text
    assert [line for line in card.text.splitlines() if line.startswith("# ")][1:] == []


def test_a_comparison_that_is_not_about_the_run_is_refused(copied: Path) -> None:
    path = copied / "comparison" / "comparison.json"
    values = json.loads(path.read_text())
    examples = (copied / "comparison" / "examples.jsonl").read_bytes()
    system = next(one for one in values["systems"] if one["key"] == "lora")
    system["scores"]["rouge1"]["mean"] += 0.01
    system["scores"]["rouge1"]["seed_means"] = [system["scores"]["rouge1"]["mean"]]
    with ExperimentFolder(copied).comparison().writing() as stage:
        (stage / "comparison.json").write_text(json.dumps(values))
        (stage / "examples.jsonl").write_bytes(examples)
    with pytest.raises(StageError, match=r"is not about this run as it is now \(rouge1\); run `dialora compare`"):
        write(copied)


def test_without_a_comparison_there_is_no_card(copied: Path) -> None:
    shutil.rmtree(copied / "comparison")
    with pytest.raises(StageError, match="holds no finished comparison"):
        write(copied)


def test_damaged_weights_are_not_published(copied: Path) -> None:
    path = next(copied.glob("lora-s0-*/training/adapter_model.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StageError, match="damaged"):
        write(copied)


def test_what_lies_in_the_run_besides_is_not_published(copied: Path) -> None:
    training = next(copied.glob("lora-s0-*")) / "training"
    (training / "notes.txt").write_text("secret")
    assert "notes.txt" not in {path.name for path in write(copied).iterdir()}


def test_an_output_that_holds_something_is_left_alone(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something already"):
        write(finished, output=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_published_again_the_folder_is_the_same(finished: Path) -> None:
    first = {path.name: path.read_bytes() for path in write(finished).iterdir()}
    second = {path.name: path.read_bytes() for path in write(finished).iterdir()}
    assert first == second


def test_of_several_seeds_the_card_has_that_of_the_weights(tiny_model: Path, small_data: Path, tmp_path: Path) -> None:
    values = build_experiment_values(tiny_model, small_data) | {"seeds": [0, 1]}
    values["methods"] = {"lora": {"r": 4, "learning_rate": 1e-2}}
    values["training"]["num_train_epochs"] = 1
    comparison = api.compare(values, output=tmp_path / "runs")
    (run,) = (tmp_path / "runs").glob("lora-s1-*")
    card = read_card(api.publish(run, dry_run=True).folder)
    own = comparison.systems[0].scores["rouge1"].seed_means[1]
    assert card.data.eval_results[0].metric_value == round(own, 4)
    assert card.data.eval_results[0].metric_args is None
    assert f"these weights are those of seed 1: ROUGE-1 {own:.4f}" in card.text

"""What the checks say of an experiment before anything is trained."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from torch.nn.functional import pad

from dialora.config import load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import IGNORED_LABEL, CausalCollator, Collator
from dialora.experiment.checks import Finding, check_experiment
from dialora.experiment.pipeline import compare
from tests.models.families.tiny import build_folder


def check(experiment: dict[str, Any], output: Path) -> dict[str, Finding]:
    config = load_experiment(experiment)
    return {each.check: each for each in check_experiment(config, load_dataset(config.data), output=output)}


def test_a_language_that_the_tokenizer_does_not_know_is_said_with_its_share(
    experiment: dict[str, Any], tmp_path: Path
) -> None:
    known = check(experiment, tmp_path / "x")["vocabulary"]
    assert known.status == "ok"
    for split in ("train", "validation", "test"):
        rows = [{"dialogue": f"A: 你好 {number}\nB: 明天 见", "summary": "他们 明天 见"} for number in range(8)]
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"{split}.jsonl").write_text(text, encoding="utf-8")
    data = experiment["data"] | {"source": str(tmp_path)}
    found = check(experiment | {"data": data}, tmp_path / "x")["vocabulary"]
    assert found.status == "warning"
    share = float(found.detail.partition("%")[0])
    # Of every example at least five words are unknown, and at most a few tokens each are not.
    assert 20 < share < 90
    assert "unknown to the tokenizer" in found.detail


def test_what_reading_did_is_said_before_anything_is_trained(
    experiment: dict[str, Any], small_data: Path, tmp_path: Path
) -> None:
    assert "reading" not in check(experiment, tmp_path / "x")
    whole, split = tmp_path / "talks.jsonl", tmp_path / "split"
    shutil.copy(small_data / "train.jsonl", whole)
    split.mkdir()
    for name in ("train", "test"):
        shutil.copy(small_data / f"{name}.jsonl", split)
    for source, note in ((whole, "divided with seed"), (split, "There is no validation split")):
        found = check(experiment | {"data": experiment["data"] | {"source": str(source)}}, tmp_path / "x")
        assert note in found["reading"].detail


def test_what_stands_on_a_refused_base_is_not_checked(
    experiment: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    whole = check(experiment, tmp_path / "x")
    assert "failed" not in {each.status for each in whole.values()}
    folder = shutil.copytree(tiny_model, tmp_path / "base")
    (folder / "config.json").write_text("{}")
    found = check(experiment | {"model": str(folder)}, tmp_path / "x")
    assert [name for name, each in found.items() if each.status == "failed"] == ["weights"]
    assert whole.keys() - found.keys() >= {"methods and targets", "lengths", "disk space"}
    assert {"data", "references", "training", "device"} <= found.keys()


@pytest.mark.parametrize("has_others", [False, True], ids=["one base", "several"])
def test_a_template_that_gives_no_prompt_is_told_in_the_table(
    has_others: bool, experiment: dict[str, Any], tmp_path: Path
) -> None:
    folder = build_folder("llama", tmp_path / "talks", chat=True)
    methods = {"zero_shot": {}, "lora": {"r": 4}} if has_others else {}
    methods["talks"] = {"method": "lora", "r": 4, "model": str(folder)}
    base = {} if has_others else {"model": str(folder)}
    whole = check(experiment | base | {"methods": methods}, tmp_path / "x")
    assert "failed" not in {each.status for each in whole.values()}
    assert "disk space" in whole
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no') }}", encoding="utf-8")
    found = check(experiment | base | {"methods": methods}, tmp_path / "x")
    failed = [each for each in found.values() if each.status == "failed"]
    assert {each.check.partition(" (")[0] for each in failed} >= {"prompt"}
    for each in failed:
        assert each.detail.startswith("methods.talks.model: ")
        assert "chat template cannot be used" in each.detail
        assert each.check.endswith(" (talks)") == has_others
    # How much a base writes on disk that reads nothing is not known; all the rest is checked.
    assert whole.keys() - found.keys() == {"disk space"}
    assert found["methods and targets"].status == "ok"


@pytest.mark.parametrize("revision", [None, "main"])
def test_a_hub_ids_weights_are_not_downloaded_to_be_checked(
    revision: str | None, experiment: dict[str, Any], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.models import checkpoint, files, loading

    config = load_experiment(experiment | {"model": "somebody/model", "model_revision": revision})
    monkeypatch.setattr(checkpoint, "find_commit", lambda source, revision: revision or "main")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda source, name, **_: str(tiny_model / name))
    asked: list[str] = []
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda source, name, **_: asked.append(name))
    assert files.find_file("somebody/model", "config.json", "main") == tiny_model / "config.json"
    assert loading.check_weights(config) is None
    assert "model.safetensors" in asked


@pytest.mark.parametrize("kind", ["t5", "llama"])
def test_a_prompt_that_leaves_dialogues_next_to_nothing_fails(
    kind: str, experiment: dict[str, Any], tmp_path: Path
) -> None:
    base = experiment["model"] if kind == "t5" else str(build_folder(kind, tmp_path / "base", chat=True))

    def look(length: int, source: Path | None = None) -> Finding:
        limits = {"max_source_length": length, "max_target_length": 200}
        data = experiment["data"] | limits | ({} if source is None else {"source": str(source)})
        prompt = "Sum up what these people say to each other here: {dialogue}\nIn short:"
        values = experiment | {"model": base, "data": data, "prompt": prompt, "methods": {"zero_shot": {}}}
        return check(values, tmp_path / "x")["lengths"]

    found = look(8)
    assert found.status == "failed"
    size = int(found.detail.partition(" tokens")[0].split()[-1])
    assert f"takes {size} tokens and leaves none to dialogues" in found.detail
    assert f"raise data.max_source_length to at least {2 * size}, or shorten the prompt" in found.detail
    assert "leaves 1 to dialogues" in look(size + 1).detail
    assert look(2 * size).status == "warning"
    (short := tmp_path / "short").mkdir()
    for split in ("train", "validation", "test"):
        rows = [{"dialogue": f"A: Hi {number}.\nB: Hello.", "summary": "They greet."} for number in range(8)]
        (short / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert look(size, short).status == "failed"
    # A long prompt that takes no dialogue's tokens is no fault.
    assert look(2 * size - 1, short).status == "ok"


def test_an_encoder_cache_that_a_base_has_not_is_said_before_anything_is_trained(
    experiment: dict[str, Any], tmp_path: Path
) -> None:
    base = str(build_folder("bart", tmp_path / "tiny-bart"))
    training = experiment["training"] | {"cache_encoder": True, "num_train_epochs": 0.2}
    values = experiment | {"training": training, "methods": {"zero_shot": {}}}
    assert "encoder cache" not in check(values, tmp_path / "x")
    found = check(values | {"model": base}, tmp_path / "x")
    assert found["encoder cache"].status == "warning"
    assert "training.cache_encoder has no effect on" in found["encoder cache"].detail
    off = values | {"model": base, "training": experiment["training"]}
    assert "encoder cache" not in check(off, tmp_path / "x")
    said: list[str] = []
    trained = values | {"model": base, "methods": {"lora": {"r": 4}}}
    compare(
        load_experiment(trained), output=tmp_path / "it", observer=lambda event: said.append(event.get("message", ""))
    )
    assert len([line for line in said if "training.cache_encoder has no effect on" in line]) == 1


@pytest.mark.parametrize(
    ("kind", "moved"), [("t5", "attention_mask"), ("llama", "attention_mask"), ("llama", "labels")]
)
def test_labels_and_a_mask_a_token_from_their_place_fail_the_check(
    kind: str, moved: str, experiment: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = experiment["model"] if kind == "t5" else str(build_folder(kind, tmp_path / "base"))
    values = experiment | {"model": base, "methods": {"zero_shot": {}}}
    assert check(values, tmp_path / "x")["labels"].status == "ok"
    collator = Collator if kind == "t5" else CausalCollator
    collate, fill = collator.collate_pairs, {"input_ids": 0, "attention_mask": 0, "labels": IGNORED_LABEL}

    def roll(self: Any, pairs: Any) -> dict[str, Any]:
        # A column more of padding: nothing real goes round to the front, and all that is wrong is the place.
        batch = {name: pad(value, (0, 1), value=fill[name]) for name, value in collate(self, pairs).items()}
        return batch | {moved: batch[moved].roll(1, dims=1)}

    monkeypatch.setattr(collator, "collate_pairs", roll)
    found = check(values, tmp_path / "x")["labels"]
    assert found.status == "failed"
    assert found.detail.startswith("labels of " if moved == "labels" else "the attention mask of ")

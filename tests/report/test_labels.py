"""What bases are called: one base is one, however an entry writes where it lies."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from dialora.config import ExperimentConfig, load_experiment
from dialora.models.bases import settle
from dialora.models.checkpoint import pin_models
from dialora.report.known_data import describe_known_data
from dialora.report.labels import build_labels, name_bases, name_readers
from dialora.report.notes import describe_prompts
from tests.conftest import change_base

SPELLINGS = ("c/a", "./c/a", "c/a/", "c/../c/a")


@pytest.fixture
def base(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(tiny_model, tmp_path / "c" / "a")


def load(experiment: dict[str, Any], *models: str) -> ExperimentConfig:
    others = {f"lora{at}": {"method": "lora", "r": 4, "model": model} for at, model in enumerate(models)}
    return settle(load_experiment(experiment | {"model": "./c/a", "methods": {"zero_shot": {}, **others}}))


@pytest.mark.parametrize("is_pinned", [True, False])
def test_one_folder_under_several_paths_is_one_base(is_pinned: bool, experiment: dict[str, Any], base: Path) -> None:
    os.symlink("a", base.parent / "link")
    config = load(experiment, *SPELLINGS, str(base), "c/link")
    config = pin_models(config) if is_pinned else config
    assert name_bases(config) is None
    assert set(name_readers(config).values()) == {"a"}


def test_a_copy_is_the_base_that_it_copies_until_a_file_differs(experiment: dict[str, Any], base: Path) -> None:
    copy = shutil.copytree(base, base.parent / "copy")
    other = shutil.copytree(base, base.parent / "other")
    change_base(other, "weights")
    config = load(experiment, "c/copy", "c/other", "c/a")
    assert name_bases(pin_models(config)) == {"zero_shot": "a", "lora0": "a", "lora1": "other", "lora2": "a"}
    change_base(copy, "tokenizer")
    assert name_bases(pin_models(config)) == {"zero_shot": "a", "lora0": "copy", "lora1": "other", "lora2": "a"}


def test_a_hub_id_is_no_folder_and_its_commits_are_bases_of_their_own() -> None:
    entry = {"method": "zero_shot", "model": "owner/base"}
    methods = {"a": entry | {"model_revision": "1" * 40}, "b": entry | {"model_revision": "2" * 40}}
    config = load_experiment({"model": "owner/base", "data": {"source": "bundled"}, "methods": methods})
    assert name_bases(config) == {"a": f"base@{'1' * 8}", "b": f"base@{'2' * 8}"}


@pytest.mark.parametrize(
    ("revisions", "names"),
    [
        (("checkpoint-1000", "checkpoint-2000"), ("base@checkpoint-1000", "base@checkpoint-2000")),
        (("a" * 40, "checkpoint-1000"), ("base@aaaaaaaa", "base@checkpoint-1000")),
        (("files:0123456789ab", "files:9876543210ab"), ("base@01234567", "base@98765432")),
        (("a" * 8 + "b" * 32, "a" * 8 + "c" * 32), (f"base@aaaaaaaa{'b' * 32}", f"base@aaaaaaaa{'c' * 32}")),
        (("a" * 41, "a" * 42), (f"base@{'a' * 41}", f"base@{'a' * 42}")),
        ((None, "main"), ("base", "base@main")),
    ],
    ids=["tags", "commit and tag", "files", "alike", "no commit", "none"],
)
def test_revisions_are_cut_only_where_that_leaves_each_base_its_name(
    revisions: tuple[str | None, str], names: tuple[str, str]
) -> None:
    entry = {"method": "zero_shot", "model": "owner/base"}
    methods = {key: entry | {"model_revision": each} for key, each in zip("ab", revisions, strict=True)}
    config = load_experiment({"model": "owner/base", "data": {"source": "bundled"}, "methods": methods})
    assert name_bases(config) == dict(zip("ab", names, strict=True))
    assert name_readers(config) == name_bases(config)


def test_what_a_base_has_seen_is_said_once(experiment: dict[str, Any], base: Path) -> None:
    known = base.rename(base.parent / "flan-t5-small")
    shutil.copytree(known, base)
    entry = {"method": "zero_shot", "model": "c/flan-t5-small"}
    methods = {"zero_shot": {}, "again": entry, "elsewhere": entry | {"model": str(known)}}
    config = load_experiment(experiment | {"model": "./c/flan-t5-small", "methods": methods})
    assert len(describe_known_data(pin_models(config))) == 1


def test_systems_that_differ_by_their_prompt_too_are_named(experiment: dict[str, Any], base: Path) -> None:
    other = shutil.copytree(base, base.parent / "other")
    change_base(other, "weights")
    entry = {"method": "lora", "r": 4}
    methods = {
        "zero_shot": {},
        "same": entry | {"model": "c/a"},
        "asked": entry | {"model": "c/a/", "prompt": "Sum up: {dialogue}"},
        "elsewhere": entry | {"model": "c/other", "prompt": "Sum up: {dialogue}"},
        "alike": entry | {"model": "c/other", "prompt": "Sum up: {dialogue}"},
    }
    config = pin_models(settle(load_experiment(experiment | {"model": "./c/a", "methods": methods})))
    (note,) = describe_prompts(config, build_labels(config))
    assert note.startswith("PEFT (asked) has another prompt than Original, the first system on a: ")
    alone = {key: methods[key] for key in ("zero_shot", "same")} | {"asked": entry | {"prompt": "Now: {dialogue}"}}
    config = pin_models(settle(load_experiment(experiment | {"model": "./c/a", "methods": alone})))
    (note,) = describe_prompts(config, build_labels(config))
    assert note.startswith("PEFT (asked) has another prompt than Original, the first system: ")
    del alone["asked"]
    config = load_experiment(experiment | {"model": "./c/a", "methods": alone})
    assert describe_prompts(pin_models(settle(config)), build_labels(config)) == []

"""What data and bases are known to allow: by hub id and by the names that people give their copies."""

from __future__ import annotations

from typing import Any

import pytest

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError
from dialora.publishing import choose
from dialora.report.licences import LICENCES, describe_terms, find_works, has_terms


def build(model: str, source: str) -> ExperimentConfig:
    values: dict[str, Any] = {"name": "x", "model": model, "data": {"source": source}, "methods": {"lora": {}}}
    return load_experiment(values)


@pytest.mark.parametrize(
    ("source", "licence"),
    [
        ("knkarthick/dialogsum", "cc-by-nc-sa-4.0"),
        ("neil-code/dialogsum-test", "cc-by-nc-sa-4.0"),
        ("knkarthick/samsum", "cc-by-nc-nd-4.0"),
        ("Samsung/samsum", "cc-by-nc-nd-4.0"),
        ("./data/SAMSum/", "cc-by-nc-nd-4.0"),
        ("/home/dialogsum/own/chats", None),
        ("data/Dialog_Sum.csv", "cc-by-nc-sa-4.0"),
        ("bundled", "apache-2.0"),
        ("someone/else", None),
    ],
)
def test_data_is_known_by_name(source: str, licence: str | None) -> None:
    data, _ = find_works(build("bundled", source))
    assert data.licence == licence


@pytest.mark.parametrize(
    ("model", "licence"),
    [
        ("google/flan-t5-base", "apache-2.0"),
        ("google-t5/t5-small", "apache-2.0"),
        ("google/t5-v1_1-large", "apache-2.0"),
        ("google/mt5-small", "apache-2.0"),
        ("models/flan-t5-xl", "apache-2.0"),
        ("models/smollm2-135m-instruct", "apache-2.0"),
        ("bundled", "cc-by-sa-4.0"),
        # What others made of it, and what only sounds like it.
        ("someone/flan-t5-base-samsum", None),
        ("google/t5gemma-b-b-ul2", None),
        ("someone/model", None),
    ],
)
def test_bases_are_known_by_the_whole_name(model: str, licence: str | None) -> None:
    _, base = find_works(build(model, "bundled"))
    assert base.licence == licence


def test_the_strictest_of_both_is_taken() -> None:
    assert choose(build("google/flan-t5-base", "knkarthick/dialogsum")).licence == "cc-by-nc-sa-4.0"
    assert choose(build("bundled", "Samsung/samsum")).licence == "cc-by-nc-nd-4.0"
    assert choose(build("bundled", "bundled")).licence == "cc-by-sa-4.0"
    assert choose(build("google/flan-t5-base", "bundled")).licence == "apache-2.0"


def test_one_unknown_makes_it_unknown_and_a_named_one_counts() -> None:
    config = build("google/flan-t5-base", "someone/chats")
    assert choose(config).licence == "unknown"
    assert choose(config, licence="mit").licence == "mit"
    with pytest.raises(ConfigError, match=r"licence of someone/chats is not known here; .* --license"):
        choose(config, is_public=True)
    assert choose(config, is_public=True, licence="mit").is_public
    with pytest.raises(ConfigError, match=r"--public: unknown is no licence; name that of what you publish"):
        choose(build("bundled", "bundled"), is_public=True, licence="unknown")


def test_another_licence_takes_no_terms_away() -> None:
    works = find_works(build("google/flan-t5-base", "knkarthick/dialogsum"))
    said = " ".join(describe_terms(works, "apache-2.0"))
    assert "no commercial use" in said
    assert "Named here is Apache-2.0; the terms above hold beside it." in said
    assert "hold beside it" not in " ".join(describe_terms(works, "cc-by-nc-sa-4.0"))


def test_who_may_share_at_all_is_asked_of_samsum_alone() -> None:
    warning = "may break its licence"
    said = {
        source: " ".join(describe_terms(find_works(build("google/flan-t5-base", source)), "other"))
        for source in ("Samsung/samsum", "knkarthick/dialogsum", "bundled")
    }
    assert [source for source, text in said.items() if warning in text] == ["Samsung/samsum"]


def test_what_binds_nobody_is_no_warning() -> None:
    assert not has_terms(find_works(build("google/flan-t5-base", "bundled")))
    assert has_terms(find_works(build("google/flan-t5-base", "Samsung/samsum")))
    assert has_terms(find_works(build("google/flan-t5-base", "someone/chats")))


def test_terms_grow_with_strictness() -> None:
    bound = [licence.terms is not None for licence in LICENCES.values()]
    assert bound == sorted(bound)


@pytest.mark.parametrize("model", ["google/flan-t5-base", "bundled"])
def test_a_base_that_the_run_names_is_not_named_again(model: str) -> None:
    with pytest.raises(ConfigError, match="leave --base out"):
        choose(build(model, "bundled"), base="someone/base")

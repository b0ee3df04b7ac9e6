"""Patterns of module names end soon, whatever they are."""

import re
import time

import pytest

from dialora.config import load_experiment
from dialora.errors import ConfigError
from dialora.methods.patterns import explain_pattern
from dialora.models.counting import count_methods

NAME = "decoder.block.11.layer.1.EncDecAttention.relative_attention_b"


@pytest.mark.parametrize(
    "pattern",
    [
        "q", "SelfAttention.q", r".*\.(q|v)$", r"[qv]", r"block\.\d+\..*wi_[01]", "a|.*b|.*c|.*d",
        r"^decoder.*(SelfAttention|EncDecAttention)\.(q|k|v|o)$",
    ],
)  # fmt: skip
def test_what_people_write_is_taken(pattern: str) -> None:
    assert explain_pattern([pattern]) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(", "[", "a{1,99999999999}", "(.*)*x", "(a+)+$", "(a|a)*$", "((a|b)|c)+", r"(a)\1", "(?=.*)*a", "(?P<a>.*)x",
        ".*.*.*.*x", "(.|.)" * 20, "(a|a|a|a|a|a|a|a|a|a)" * 8, ".+.+.+.+.+.+z", "a?" * 40 + "a" * 40,
    ],
)  # fmt: skip
def test_what_would_not_end_is_refused(pattern: str) -> None:
    assert explain_pattern([pattern]) is not None


@pytest.mark.parametrize(
    "pattern",
    [".*.*q(a|b)$", "(.|.)" * 16 + "Z", r".*\w+(a|b|c)$", r"\w*\d*\w*Z", ".*" + "(.|.|.|.)" * 6 + "Z"],
)
def test_what_is_taken_ends_soon(pattern: str) -> None:
    if explain_pattern([pattern]) is None:
        before = time.process_time()
        for _ in range(20):
            re.fullmatch(pattern, NAME)
        assert time.process_time() - before < 3


def test_many_patterns_count_together() -> None:
    patterns = [f".*.*{i}(a|b)$" for i in range(1_000)]
    assert explain_pattern(patterns[:1]) is None
    assert "takes too long to match" in str(explain_pattern(patterns))


def test_an_experiment_is_told_before_it_trains(experiment: dict[str, object]) -> None:
    def count(targets: str) -> object:
        method = {"method": "peft", "peft_type": "LOHA", "r": 2, "target_modules": targets}
        return count_methods(load_experiment(experiment | {"methods": {"loha": method}}))

    with pytest.raises(ConfigError, match=r"methods\.loha\.target_modules: '\(q\|v\)\*x' is no pattern of names"):
        count("(q|v)*x")
    assert count(r".*SelfAttention\.(q|v)")

"""An experiment file is read strictly: what could be meant in two ways, would not end or means nothing is refused."""

import time
from pathlib import Path
from typing import Any

import pytest

from dialora.config import load_experiment
from dialora.config.experiment import build_experiment
from dialora.config.problems import show, suggest
from dialora.config.yaml_text import parse_yaml
from dialora.errors import ConfigError

MINIMAL = {"data": {"source": "x"}, "methods": {"lora": {}}}
HEAD = "data: {source: bundled}\nmethods: {lora: {}}\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "methods: {full: {}}\n", r"line 3, column 1: the key 'methods' stands there twice"),
        ("data: {source: bundled}\nmethods: {lora: {r: 8, r: 16}}\n", r"line 2.*the key 'r' stands there twice"),
        ('{"data": {"source": "bundled"}, "methods": {"lora": {"r": 8, "r": 16}}}', "the key 'r' stands there twice"),
        ("data: " + "[" * 3000 + "]" * 3000, "nested more than 30 deep"),
        ("data: " + "{a: " * 3000 + "}" * 3000, "nested more than 30 deep"),
        (BOMB + "data: {source: *g}\nmethods: {lora: {}}\n", "stands for more than 20,000 values"),
        ("a: &a\n  data: *a\n", r"line 2: \*a stands inside of what it stands for"),
        (HEAD + "training: {report_to: !!set {wandb}}\n", "could not determine a constructor"),
        (HEAD + "training: {max_steps: !!binary aGVsbG8=}\n", "could not determine a constructor"),
        ("data: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("data:\n\tsource: x\n", "cannot start any token"),
        ("a: [", "is not valid YAML"),
        ("x" * 1_000_001, "at most 1,000,000 are read"),
        ("a: " + "9" * 5_000, "4300 digits|is not valid YAML|at most"),
        ("- a", "is a mapping"),
        ("", "is a mapping"),
        (HEAD + "3: x\n", "line 3, column 1: the key '3' is no text but int; quote it"),
        (HEAD + "off: x\n", "line 3, column 1: the key 'off' is no text but bool; quote it"),
        (HEAD + "~: x\n", "line 3, column 1: the key '~' is no text but null"),
        ("data: {source: x}\nmethods: {1: {method: lora}, 1.0: {method: full}}\n", "line 2.*the key '1' is no text"),
        ("data: {source: x}\nmethods: {true: {method: lora}, 'True': {method: full}}\n", "the key 'true' is no text"),
        (HEAD + "? [a]\n: x\n", "the key that begins here is no text but seq"),
        ("a: &a {r: 1}\nb: {<<: *a, <<: *a}\n", "line 2.*the key '<<' stands there twice"),
        (HEAD + 'seeds: [!!int ""]\n', "line 3, column 9: '' is no int"),
        (HEAD + 'seeds: [!!int "1:30"]\n', "line 3, column 9: '1:30' is no int"),
        (HEAD + "seeds: [!!int x]\n", "line 3, column 9: 'x' is no int"),
        (HEAD + "decoding: {length_penalty: !!float 1:30}\n", "'1:30' is no float"),
        (HEAD + "decoding: {early_stopping: !!bool zz}\n", "line 3.*'zz' is no bool"),
        (HEAD + "tuning: !!null zz\n", "'zz' is no null"),
        (HEAD + "decoding: !!map [a]\n", "line 3.*expected a mapping node"),
        (HEAD + "decoding: !!seq {a: 1}\n", "line 3.*expected a sequence node"),
        (HEAD + "decoding: !!map a\n", "line 3.*expected a mapping node"),
        (HEAD + f"seeds: [0x{'f' * 5000}]\n", "line 3.*a number has 5,002 digits"),
    ],
)
def test_a_broken_file_is_one_short_line_soon(text: str, message: str, tmp_path: Path) -> None:
    path, before = tmp_path / "bad.yaml", time.process_time()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        load_experiment(path)
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10), ("0", 0), ("-3", -3), ("1_000", 1000), ("0x10", 16), ("1.5", 1.5), ("1e-4", 1e-4), ("1.0e+3", 1e3),
        (".5", 0.5), ("'3'", "3"), ("true", True), ("null", None), ("", None), ("[1, 2]", [1, 2]),
    ],
)  # fmt: skip
def test_plain_values_are_what_they_look_like(text: str, value: Any) -> None:
    found = parse_yaml(text)
    assert found == value or (text == "010" and int(found) == 10)
    assert isinstance(found, type(value)) or text == "010"


@pytest.mark.parametrize("text", ["1:30", "2024-05-01", "12:30:45", "1.2.3"])
def test_what_is_no_number_is_text(text: str) -> None:
    assert parse_yaml(text) == text


def test_defaults_may_be_shared_within_a_file() -> None:
    values = parse_yaml("a: &a {r: 8, s: 1}\nb: {<<: *a, r: 16}\nc: *a\n")
    assert values["b"] == {"r": 16, "s": 1}
    assert values["c"] == {"r": 8, "s": 1}


def test_defaults_that_others_have_part_of_are_not_taken_for_doubled_keys() -> None:
    # `b` is built after `c` took its keys, and by then has its own and those of `a`.
    values = parse_yaml("a: &a {r: 8}\nx: {y: {b: &b {<<: *a, r: 9}}}\nc: {<<: *b}\n")
    assert values["x"]["y"]["b"] == values["c"] == {"r": 9}


@pytest.mark.parametrize("text", ["010", "!!int 010", '!!int "010"'])
def test_leading_zeros_are_no_octal_number(text: str) -> None:
    assert load_experiment(MINIMAL, [f"training.max_steps={text}"]).training.max_steps == 10


@pytest.mark.parametrize("text", ['"true"', "1", '"yes"', "0.0"])
def test_only_true_and_false_are_true_or_false(text: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.lean: must be true or false, got "):
        load_experiment(MINIMAL, [f"training.lean={text}"])
    assert not load_experiment(MINIMAL, ["training.lean=off"]).training.lean


@pytest.mark.parametrize("key", [1, 1.0, True, None, float("nan"), b"lora", (1, 2)])
def test_a_key_of_a_mapping_is_text(key: Any) -> None:
    methods = {key: {"method": "lora"}, "full": {}}
    with pytest.raises(ConfigError, match=r"methods: a key is text, got "):
        load_experiment(MINIMAL | {"methods": methods})
    with pytest.raises(ConfigError, match=r"methods: a key is text, got "):
        load_experiment(MINIMAL, {"methods": methods})
    with pytest.raises(ConfigError, match=r"methods: a name is text, got "):
        build_experiment({"name": "x", **MINIMAL, "methods": methods})
    with pytest.raises(ConfigError, match=r"--set .*: is no key"):
        load_experiment(MINIMAL, {key: 1})


def test_a_key_or_value_without_end_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = [endless]
    for overrides in (["a" + ".a" * 3000 + "=1"], {"a" + ".a" * 3000: 1}):
        with pytest.raises(ConfigError, match=r"--set '?a\.a.*: is no key") as caught:
            load_experiment(MINIMAL, overrides)
        assert len(str(caught.value)) < 600
    with pytest.raises(ConfigError, match="nested more than 30 deep"):
        load_experiment(MINIMAL, {"training": endless})


def test_a_byte_order_mark_is_none_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_text(HEAD, encoding="utf-8-sig")
    assert load_experiment(path).data.source == "bundled"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": {"source": "a\x00b.csv"}}, r"data\.source: holds a control character"),
        ({"data": {"source": "\x1b[31mred"}}, r"data\.source: holds a control character"),
        ({"prompt": "\ud800{dialogue}"}, "prompt: holds half a character"),
        ({"methods": {"lora": {}, "\udfff": {}}}, "methods: holds half a character"),
        ({"data": {"source": "x", "summary_columns": ["a", "\ud83d"]}}, r"data\.summary_columns: holds half"),
        ({"data": {"source": "x" * 30_000}}, r"data\.source: has 30,000 characters"),
        ({"name": "a" * 305}, "name: string should have at most 100 characters"),
        ({"methods": {"m" * 334: {"method": "lora"}}}, "up to 64 letters"),
        ({"methods": {".a": {"method": "lora"}}}, "begins with a letter or digit"),
        ({"seeds": [2**32]}, r"seeds\.0: input should be less than or equal to 4294967295"),
        ({"seeds": [True]}, "seeds: must be a number, got true"),
        ({"methods": {"lora": {"r": 10**8}}}, r"methods\.lora\.r: must be at most 65,536, got 100,000,000"),
    ],
)
def test_text_and_numbers_that_mean_nothing_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_experiment(MINIMAL | values)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("override", ["training..max_steps=3", ".training=3", "training.=3", "=", "a"])
def test_an_empty_part_of_a_key_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"--set .*: must be key=value"):
        load_experiment(MINIMAL, [override])


@pytest.mark.parametrize("values", [["x" * 10**6] * 10, {"a" * 10**5: {"b": [[[[[[1]]]]]]}}, 10**4000, b"x" * 10**6])
def test_a_value_is_cut_in_a_message(values: Any) -> None:
    assert len(show(values)) < 300


def test_values_that_repeat_themselves_are_not_written_out() -> None:
    values: list[Any] = ["x"] * 10
    for _ in range(40):
        values = [values] * 10
    before = time.process_time()
    assert len(show(values)) < 300
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("name", "allowed", "found"),
    [
        ("text_column", ["dialogue_column", "summary_columns", "id_column", "topic_column"], "dialogue_column"),
        ("lora_r", ["r", "lora_alpha", "lora_dropout"], "r"),
        ("lr", ["learning_rate", "r"], "learning_rate"),
        ("epochs", ["num_train_epochs", "max_steps"], "num_train_epochs"),
        ("sorce", ["source", "seed"], "source"),
        ("num_train_epoch", ["num_train_epochs", "max_steps"], "num_train_epochs"),
        ("lorra", ["lora", "full", "dora"], "lora"),
    ],
)
def test_a_suggestion_is_near_in_spelling_or_meaning(name: str, allowed: list[str], found: str) -> None:
    assert suggest(name, allowed) == f"; did you mean {found!r}?"


@pytest.mark.parametrize("name", ["topic_id", "column", "lora_x", "fast_mode", "alpha_decay"])
def test_what_is_near_to_nothing_gets_all_that_is_allowed(name: str) -> None:
    allowed = ["id_column", "lora_dropout", "lora_alpha", "topic_column"]
    assert suggest(name, allowed) == f"; allowed: {', '.join(allowed)}."

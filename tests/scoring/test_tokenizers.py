"""What a word is to ROUGE: the default drops other scripts and says so, others read them, English stays the same."""

import json
import random
import string
import subprocess
import sys
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.config import ScoringConfig, load_experiment, stable_hash
from dialora.data.examples import load_dataset
from dialora.errors import ConfigError
from dialora.experiment.checks import check_experiment
from dialora.protocols import PROTOCOLS, STANDARD
from dialora.report.notes import describe_letters, sign_scores
from dialora.scoring import score_summary
from dialora.scoring.learned import describe_scorer
from dialora.scoring.tokenizers import count_dropped, find_tokenizer
from tests.conftest import random_words

UNICODE = ScoringConfig(tokenizer="unicode").rules
CHINESE = ("两个人约好3点在车站见面。他们一起去。", "小明买了3个苹果。")


def rouge1(one: str, other: str, tokenizer: str = "unicode") -> float:
    return score_summary(one, (other,), ScoringConfig(tokenizer=tokenizer).rules)["rouge1"][0]


def test_other_scripts_count() -> None:
    assert rouge1(*CHINESE, tokenizer="rouge_score") == 1.0
    assert 0 < rouge1(*CHINESE) < 0.5
    assert rouge1(CHINESE[0], CHINESE[0]) == 1.0
    assert rouge1("Müller fährt nach Köln", "Muller fahrt nach Koln") == 0.25
    assert rouge1("वह घर जाता है", "वह घर आता है") == 0.75


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, wörld! It's 3.5.", ["hello", "wörld", "it", "s", "3", "5"]),
        ("I met 小明 at 3点", ["i", "met", "小", "明", "at", "3", "点"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ПРИВЕТ_мир", ["привет", "мир"]),
        ("e\u0301te\u0301 \uff13\uff2b", ["été", "3k"]),
        ("コーヒーを飲む", ["コーヒー", "を", "飲", "む"]),
        ("مرحبا بكم", ["مرحبا", "بكم"]),
        ("…", []),
    ],
)
def test_words_of_unicode(text: str, words: list[str]) -> None:
    assert find_tokenizer("unicode")(text) == words


def test_on_english_every_tokenizer_is_the_same() -> None:
    rng = random.Random(0)
    for _ in range(200):
        one, other = (
            "".join(rng.choices(string.printable, k=60)) + random_words(rng, 6) + " running walked." for _ in range(2)
        )
        assert score_summary(one, (other,), UNICODE) == score_summary(one, (other,), STANDARD)


def test_a_full_stop_of_chinese_ends_a_sentence_without_a_space() -> None:
    one, other = "他们去车站。小明买苹果。", "小明买苹果。他们去车站。"
    scores = score_summary(one, (other,), UNICODE)
    assert scores["rougeLsum"] == [1.0]
    assert scores["rougeL"][0] < 1


def test_letters_that_are_dropped_are_counted() -> None:
    assert count_dropped(["abc 12", "äbc", "_-!"]) == (1, 8)
    (note,) = describe_letters(ScoringConfig(), CHINESE)
    dropped, total = count_dropped(CHINESE)
    assert total - dropped == 2
    assert f"{dropped / total:.1%}" in note
    assert f"({dropped} of {total})" in note
    assert "scoring.tokenizer: unicode" in note
    assert not describe_letters(ScoringConfig(tokenizer="unicode"), CHINESE)
    assert not describe_letters(ScoringConfig(), ["A plain text. " * 1000 + "é"])


def test_the_default_changes_no_key_and_no_signature() -> None:
    plain = ScoringConfig()
    assert "tokenizer" not in plain.model_dump()
    assert describe_scorer(plain) == "rouge.v1"
    assert "tokenizer" not in sign_scores(plain, ())
    for name in PROTOCOLS:
        scoring = ScoringConfig(protocol=name)
        other = ScoringConfig(protocol=name, tokenizer="unicode")
        assert describe_scorer(other) == f"{describe_scorer(scoring)}|tokenizer:unicode.v1"
        assert "|tokenizer:unicode.v1|stem:" in sign_scores(other, ())
        assert other.model_dump()["tokenizer"] == "unicode"
    assert stable_hash(plain.model_dump(mode="json")) == stable_hash(
        ScoringConfig(tokenizer="rouge_score").model_dump(mode="json")
    )


def test_a_tokenizer_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.tokenizers.tokenizer_zh", None)
    monkeypatch.setitem(sys.modules, "sacrebleu.tokenizers.tokenizer_ja_mecab", None)
    for name in ("zh", "ja"):
        with pytest.raises(ConfigError, match=rf"scoring.tokenizer: {name} needs sacrebleu.*dialora\[languages\]"):
            describe_scorer(ScoringConfig(tokenizer=name))
    with pytest.raises(ConfigError, match="input should be 'rouge_score', 'unicode', 'zh' or 'ja', got 'thai'"):
        load_experiment("seed", ["scoring.tokenizer=thai"])


def test_sacrebleus_tokenizers_where_they_are_installed() -> None:
    pytest.importorskip("sacrebleu")
    assert find_tokenizer("zh")("他们3点见。OK, 12%") == ["他", "们", "3", "点", "见", "ok", "12"]
    assert describe_scorer(ScoringConfig(tokenizer="zh")).startswith("rouge.v1|tokenizer:zh.sacrebleu-")
    pytest.importorskip("MeCab")
    pytest.importorskip("ipadic")
    assert find_tokenizer("ja")("彼らは駅で会う。") == ["彼ら", "は", "駅", "で", "会う"]


def test_the_share_stands_in_terminal_report_and_check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    table, out = tmp_path / "o.jsonl", tmp_path / "out"
    rows = [{"id": str(at), "reference": text, "model": "小红3点回家。"} for at, text in enumerate(CHINESE * 3)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    few = ["--set", "scoring.num_resamples=100", "--output", str(out)]
    assert main(["score", str(table), *few]) == 0
    share = "of the letters and digits that it is given"
    assert share in " ".join(capfd.readouterr().out.split())
    assert share in (out / "report.md").read_text(encoding="utf-8")
    assert share in (out / "report.html").read_text(encoding="utf-8")
    before = json.loads((out / "results.json").read_text(encoding="utf-8"))["systems"][0]["scores"]["rouge1"]["mean"]
    assert main(["score", str(table), *few, "--set", "scoring.tokenizer=unicode"]) == 0
    assert share not in " ".join(capfd.readouterr().out.split())
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["systems"][0]["scores"]["rouge1"]["mean"] != before
    assert "tokenizer:unicode.v1" in results["protocol"]


def test_check_says_the_share(tmp_path: Path, tiny_model: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for split in ("train", "test"):
        rows = [{"dialogue": f"小明：{text}\n小红：好。{at}", "summary": text} for at, text in enumerate(CHINESE)]
        (data / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    values = {"model": str(tiny_model), "data": {"source": str(data)}, "methods": {"zero_shot": {}}}
    for tokenizer, status in (("rouge_score", "warning"), ("unicode", "ok")):
        config = load_experiment(values, {"scoring.tokenizer": tokenizer})
        found = check_experiment(config, load_dataset(config.data), output=tmp_path)
        (finding,) = (item for item in found if item.check == "references")
        assert finding.status == status
        assert ("are dropped" in finding.detail) == (status == "warning")


def test_scoring_loads_no_tokenizer_that_is_not_asked_for() -> None:
    code = "import sys, dialora.scoring; sys.exit('sacrebleu' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

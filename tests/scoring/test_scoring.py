"""Scores are rouge_score's own, to the last bit."""

import json
import random

import pytest
from rouge_score.rouge_scorer import RougeScorer

from dialora.protocols import HUB, LAB, STANDARD, Protocol
from dialora.records import Example, ExampleScores, Prediction
from dialora.scoring import METRICS, score_predictions, score_summary, split_sentences
from tests.conftest import DIALOGUES, random_words

TALK = DIALOGUES / "test.jsonl"
UNUSUAL = ["", "...", "会話の要約です。", "Она спросила его.", "🙂🙂", "a" * 5000, "One. Two! Three?", "x\n\ny"]


@pytest.mark.parametrize("protocol", [STANDARD, HUB, LAB], ids=lambda protocol: protocol.name)
def test_a_thousand_pairs_equal_rouge_score_to_the_last_bit(protocol: Protocol) -> None:
    rng = random.Random(protocol.name)
    sentences = [f"{random_words(rng, 8).capitalize()}. {random_words(rng, 5).capitalize()}!" for _ in range(60)]
    talk = [example["dialogue"] for example in map(json.loads, TALK.read_text(encoding="utf-8").splitlines()[:40])]
    texts = UNUSUAL + sentences + [line for dialogue in talk for line in dialogue.split("\n")]
    pairs = [(rng.choice(texts), rng.choice(texts)) for _ in range(1000)]
    pairs += [(random_words(rng, 10_000), text) for text in ("", sentences[0])]
    scorer = RougeScorer(list(METRICS), use_stemmer=protocol.stem)
    prepare = split_sentences if protocol.split_sentences else str
    for summary, reference in pairs:
        theirs = scorer.score(prepare(reference), prepare(summary))
        assert score_summary(summary, (reference,), protocol) == {m: [theirs[m].fmeasure] for m in METRICS}


def test_of_several_longest_subsequences_lsum_takes_rouge_scores() -> None:
    """With few words there are many longest common subsequences, and the union over lines depends on which is taken."""
    rng = random.Random(0)
    scorer = RougeScorer(["rougeLsum", "rougeL"])

    def draw_text() -> str:
        lines = (" ".join(rng.choices("abcde"[: rng.randint(2, 5)], k=rng.randint(0, 12))) for _ in range(4))
        return "\n".join(list(lines)[: rng.randint(1, 4)])

    for _ in range(1500):
        reference, summary = draw_text(), draw_text()
        theirs = scorer.score(reference, summary)
        ours = score_summary(summary, (reference,), HUB)
        assert ours["rougeL"] == [theirs["rougeL"].fmeasure], (reference, summary)
        assert ours["rougeLsum"] == [theirs["rougeLsum"].fmeasure], (reference, summary)


def test_lsum_reads_sentences_and_l_does_not() -> None:
    scores = score_summary("B comes here. A goes there.", ("A goes there. B comes here.",))
    assert scores["rougeLsum"] == [1.0]
    assert scores["rougeL"][0] < 1


def test_stemming_is_on() -> None:
    assert score_summary("She is walking.", ("She is walked.",))["rouge1"] == [1.0]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", 4),
        ("Mr. Smith meets Dr. Ruiz at 9 a.m. on Friday. They talk.", 2),
        ('He says "No." Then he leaves.', 2),
        ("It costs 3.50 dollars.", 1),
        ("#Person1# asks. #Person2# answers.", 2),
        ("Lines\nstay lines.", 2),
        ("", 1),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert len(split_sentences(text).split("\n")) == sentences


def test_scores_stand_per_example_and_reference() -> None:
    examples = [Example("a", "d", ("one two", "three")), Example("b", "d", ("four",))]
    predictions = [Prediction("a", "one two", 1, 1, False), Prediction("b", "", 1, 1, False)]
    scores = score_predictions(examples, predictions)
    assert scores[0].scores["rouge1"] == [1.0, 0.0]
    assert scores[1] == ExampleScores("b", {metric: [0.0] for metric in METRICS})
    with pytest.raises(ValueError, match="same ids"):
        score_predictions(examples, predictions[::-1])


def test_the_signature_says_how() -> None:
    signature = STANDARD.sign(references="mean", num_examples=500, num_references=1500)
    assert signature == "rouge_score:0.1.2|stem:yes|sentences:lines.v1|references:mean|examples:500"
    signature = LAB.sign(references="mean", num_examples=500, num_references=1500)
    assert signature == "rouge_score:0.1.2|stem:yes|sentences:as-is|references:each|examples:500|rows:1500"

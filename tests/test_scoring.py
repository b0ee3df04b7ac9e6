"""Scores are rouge_score's own, to the last bit."""

import random

import pytest
from rouge_score.rouge_scorer import RougeScorer

from dialora.records import Example, ExampleScores, Prediction
from dialora.scoring import METRICS, protocol_signature, score_predictions, score_summary, split_sentences
from tests.conftest import random_words

UNUSUAL = ["", "...", "会話の要約です。", "Она спросила его.", "🙂🙂", "a" * 5000, "One. Two! Three?", "x\n\ny"]


def by_hand(summary: str, reference: str) -> dict[str, float]:
    scorer = RougeScorer(list(METRICS), use_stemmer=True)
    result = scorer.score(split_sentences(reference), split_sentences(summary))
    return {metric: result[metric].fmeasure for metric in METRICS}


def test_every_pair_equals_rouge_score_by_hand() -> None:
    rng = random.Random(0)
    sentences = [f"{random_words(rng, 8).capitalize()}. {random_words(rng, 5).capitalize()}!" for _ in range(60)]
    texts = UNUSUAL + sentences
    for _ in range(150):
        summary, references = rng.choice(texts), tuple(rng.sample(texts, rng.randint(1, 3)))
        scores = score_summary(summary, references)
        for i, reference in enumerate(references):
            assert {metric: scores[metric][i] for metric in METRICS} == by_hand(summary, reference)


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
    signature = protocol_signature(references="mean", num_examples=500)
    assert signature == "rouge_score:0.1.2|stem:yes|sentences:lines.v1|references:mean|examples:500"

"""Learned metrics: BERTScore is what its paper says, classifiers give what they are asked, reports show them all."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import dialora
from dialora.comparison import METRICS, RunResult, SystemRuns, compare_systems
from dialora.config import ExperimentConfig, ScoringConfig, load_experiment
from dialora.errors import ConfigError, DataError, DialoraError, ModelError
from dialora.experiment.pipeline import open_experiment, report
from dialora.experiment.pipeline import score as score_runs
from dialora.experiment.plan import require_runs
from dialora.protocols import STANDARD
from dialora.records import Cost, Example, ExampleScores, Prediction
from dialora.report import print_report
from dialora.scoring.learned import LearnedMetrics, describe_learned, describe_scorer, require_learned, sign_learned
from dialora.store import save_json, save_records

MAX_LENGTH = 24
LONG = " ".join(["ann greets ben and buys bread"] * 8)
PAIRS = [
    ("Ann greets Ben.", "Ben is greeted by Ann."),
    ("bread", "Ann"),
    ("Ann greets Ben.", ""),
    ("  ", "Ann greets Ben."),
    ("They say hi, and Cem buys bread.", "zzz 7 \u4f1a\u8bdd"),
    (LONG, "Cem buys bread."),
    ("Ann greets Ben.", "[SEP] greets [CLS]"),
]
LABELS = ("contradiction", "neutral", "ENTAILMENT")


def save_tokenizer(folder: Path) -> int:
    """Save a WordPiece tokenizer; return its size."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertTokenizer

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=150, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([text for pair in PAIRS for text in pair], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    BertTokenizer(vocab=tokenizer.get_vocab(), model_max_length=MAX_LENGTH).save_pretrained(folder)
    return tokenizer.get_vocab_size()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A three-layer BERT with random weights."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    size = save_tokenizer(folder)
    torch.manual_seed(0)
    BertModel(build_config(BertConfig, size)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that tells three labels apart, at random."""
    return save_classifier(tmp_path_factory.mktemp("models") / "tiny-nli", list(LABELS))


@pytest.fixture(scope="module")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with one output."""
    return save_classifier(tmp_path_factory.mktemp("models") / "tiny-bleurt", ["LABEL_0"])


def build_config(kind: Any, size: int, **options: Any) -> Any:
    values = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
    return kind(vocab_size=size, max_position_embeddings=MAX_LENGTH, initializer_range=0.4, **values, **options)


def save_classifier(folder: Path, labels: list[str]) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    size = save_tokenizer(folder)
    torch.manual_seed(1)
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: at for at, label in enumerate(labels)}}
    BertForSequenceClassification(build_config(BertConfig, size, **names)).save_pretrained(folder)
    return folder


def build_scoring(**learned: dict[str, Any]) -> ScoringConfig:
    return load_experiment("seed", {"scoring.learned": learned}).scoring


def score(pairs: list[tuple[str, str]], metric: dict[str, Any], dialogue: str = "") -> tuple[list[float], list[str]]:
    """Score each (reference, summary); give the values and the notes."""
    scoring = build_scoring(m=metric)
    learned = LearnedMetrics(scoring)
    examples = [Example(str(at), dialogue, (reference,)) for at, (reference, _) in enumerate(pairs)]
    empty = [ExampleScores(example.id, {}) for example in examples]
    scores = learned.add_systems(empty, examples, [summary for _, summary in pairs])
    return [item.scores["m"][0] for item in scores], describe_learned(scoring, [learned.take_facts()])


def bertscore_by_hand(folder: Path, layer: int, reference: str, summary: str) -> float:
    """The paper's formulas, one text at a time, in numpy, from all the model's hidden states."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    def embed(text: str) -> tuple[np.ndarray, np.ndarray]:
        inputs = tokenizer(text.strip(), return_tensors="pt", truncation=True, max_length=MAX_LENGTH)
        with torch.no_grad():
            states = model(**inputs, output_hidden_states=True).hidden_states[layer][0].numpy().astype(np.float64)
        ids = inputs["input_ids"][0].numpy()
        counts = (ids != tokenizer.cls_token_id) & (ids != tokenizer.sep_token_id)
        return states / np.linalg.norm(states, axis=1, keepdims=True), counts

    (x, x_counts), (y, y_counts) = embed(reference), embed(summary)
    if not x_counts.any() or not y_counts.any():
        return 0.0
    recall = np.mean([max(row @ other for other in y) for row in x[x_counts]])
    precision = np.mean([max(row @ other for other in x) for row in y[y_counts]])
    return float(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize("layer", [None, 2])
def test_bertscore_is_the_papers(bert: Path, layer: int | None) -> None:
    values, notes = score(PAIRS, {"kind": "bertscore", "model": str(bert), "layer": layer})
    by_hand = [bertscore_by_hand(bert, layer or 3, *pair) for pair in PAIRS]
    assert values == pytest.approx(by_hand, abs=2e-6)
    assert values[2] == values[3] == 0
    assert f"In 1 of {len(PAIRS)} pairs of texts one was longer than the {MAX_LENGTH} tokens" in notes[0]
    assert len({round(value, 4) for value in values}) == len(PAIRS) - 1


def test_bertscore_of_a_text_with_itself_is_1(bert: Path) -> None:
    texts = [summary for _, summary in PAIRS if summary]
    values, _ = score([(text, f" {text}\n") for text in texts], {"kind": "bertscore", "model": str(bert)})
    assert values == pytest.approx([1.0] * len(texts), abs=1e-6)


def test_roberta_reads_as_many_tokens_as_it_has_positions_for(tmp_path: Path) -> None:
    import torch
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    special = {name: at for at, name in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])}
    letters = special | {letter: at for at, letter in enumerate("abcdefgĠ", start=len(special))}
    RobertaTokenizer(vocab=letters, merges=[]).save_pretrained(tmp_path)
    torch.manual_seed(0)
    RobertaModel(build_config(RobertaConfig, len(letters), pad_token_id=1)).save_pretrained(tmp_path)
    values, notes = score([("a" * 100, "abc"), ("a b", "a b")], {"kind": "bertscore", "model": str(tmp_path)})
    assert values[1] == pytest.approx(1, abs=1e-6)
    assert f"In 1 of 2 pairs of texts one was longer than the {MAX_LENGTH - 2} tokens" in notes[0]


def test_a_classifier_gives_its_labels_probability(nli: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    metric = {"kind": "pair_classifier", "model": str(nli)}
    by_label = [score(PAIRS, metric | {"label": label})[0] for label in LABELS]
    assert np.sum(by_label, axis=0) == pytest.approx(np.ones(len(PAIRS)), abs=1e-6)
    # What people write is not always what a checkpoint's author wrote.
    assert score(PAIRS, metric | {"label": "entailment"})[0] == by_label[2]
    tokenizer = AutoTokenizer.from_pretrained(nli)
    inputs = tokenizer(*PAIRS[0], return_tensors="pt")
    with torch.no_grad():
        logits = AutoModelForSequenceClassification.from_pretrained(nli).eval()(**inputs).logits
    assert by_label[2][0] == pytest.approx(float(logits.softmax(-1)[0, 2]), abs=1e-6)


def test_against_the_dialogue_there_is_one_value_for_all_references(nli: Path) -> None:
    scoring = build_scoring(m={"kind": "pair_classifier", "model": str(nli), "label": "neutral", "against": "dialogue"})
    example = Example("a", "Ann: Hi, Ben.", ("Ann greets.", "They say hi.", "Hi."))
    empty = [ExampleScores("a", {})]
    learned = LearnedMetrics(scoring)
    values = learned.add_systems(empty, [example], ["Ann says hi."])[0].scores["m"]
    assert values == [values[0]] * 3
    people = learned.add_people(empty, [example])[0].scores["m"]
    assert len(people) == 6
    assert (people[0], people[2], people[4]) == (people[1], people[3], people[5])
    with pytest.raises(DataError, match=r"scoring.learned.m.against: dialogue needs every dialogue, and a has none"):
        learned.add_systems(empty, [Example("a", "", ("x",))], ["y"])


def test_a_regression_is_passed_on(regressor: Path) -> None:
    values, notes = score(PAIRS, {"kind": "pair_classifier", "model": str(regressor)})
    assert min(values) < 0 or max(values) > 1
    assert "a regression, which may leave 0 to 1" in notes[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"kind": "pair_classifier", "label": "entailed"},
            "m.label: 'entailed' is no label of .* it has contradiction, ",
        ),
        ({"kind": "pair_classifier"}, "m.label: is missing; .* has contradiction, neutral, ENTAILMENT"),
        ({"kind": "bertscore", "layer": 9}, "m.layer: .* has 3 layers, got 9"),
        ({"kind": "bertscore", "model": "/nowhere"}, "^scoring.learned.m.model: /nowhere: no such folder"),
        ({"kind": "bertscore", "model": "{tmp}"}, "^scoring.learned.m.model: .* has no config.json"),
    ],
)
def test_what_can_be_known_without_weights_is_one_line(
    nli: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    options = {"model": str(nli)} | options
    scoring = build_scoring(m=options | {"model": options["model"].format(tmp=tmp_path)})
    with pytest.raises(DialoraError, match=message) as caught:
        require_learned(scoring)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_map", {"AutoModel": "own.Model"}),
        ("attn_implementation", "some/kernels"),
        ("quantization_config", {"a": 1}),
    ],
)
def test_a_config_that_steers_how_a_model_is_loaded_is_refused(
    bert: Path, tmp_path: Path, key: str, value: Any
) -> None:
    copy = tmp_path / "steering"
    shutil.copytree(bert, copy)
    values = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(values | {key: value}))
    with pytest.raises(ModelError, match=rf"scoring.learned.m.model: .*config.json: {key} ") as caught:
        require_learned(build_scoring(m={"kind": "bertscore", "model": str(copy)}))
    assert "\n" not in str(caught.value)


def test_random_weights_are_refused(bert: Path, nli: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"scoring.learned.m.model: .* lacks 2 of the weights .*classifier"):
        score(PAIRS, {"kind": "pair_classifier", "model": str(bert), "label": "LABEL_1"})
    (tmp_path / "config.json").write_text((nli / "config.json").read_text())
    with pytest.raises(ModelError, match="holds no weights"):
        require_learned(build_scoring(m={"kind": "bertscore", "model": str(tmp_path)}))


@pytest.mark.parametrize(
    ("learned", "message"),
    [
        ({"rouge1": {"kind": "bertscore", "model": "x"}}, "rouge1: this name is taken"),
        ({"a b": {"kind": "bertscore", "model": "x"}}, "scoring.learned.a b: a name begins with a letter"),
        (
            {"m": {"kind": "bertscore", "model": "x", "layr": 3}},
            "scoring.learned.m.layr: unknown key; did you mean 'layer'",
        ),
        ({"m": {"kind": "bertscore"}}, "scoring.learned.m.model: is missing"),
        ({"m": {"kind": "bleurt", "model": "x"}}, "scoring.learned.m: .*'bertscore', 'pair_classifier'"),
        ({"bertscore": {"kind": "bertscore", "model": "x", "layer": 0}}, "scoring.learned.bertscore.layer: .* got 0"),
    ],
)
def test_what_is_wrong_with_the_experiment(learned: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_experiment("seed", {"scoring.learned": learned})


def test_without_learned_metrics_nothing_changes() -> None:
    config = load_experiment("seed")
    assert "learned" not in config.to_yaml()
    assert describe_scorer(config.scoring) == STANDARD.scorer
    assert sign_learned(config.scoring) == ""


def test_scores_depend_on_the_metric_and_its_model(bert: Path, nli: Path, tmp_path: Path) -> None:
    def key(**options: Any) -> str:
        return describe_scorer(build_scoring(m={"kind": "bertscore", "model": str(bert)} | options))

    assert len({key(), key(layer=2), key(model=str(nli)), key(model="hub/id"), key(model="hub/id", revision="b")}) == 5
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for path in bert.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert key(model=str(copy)) == key()


def test_an_experiment_survives_being_written_down(bert: Path) -> None:
    overrides = ["scoring.learned.bertscore.kind=bertscore", f"scoring.learned.bertscore.model={bert}"]
    config = load_experiment("seed", overrides)
    assert ExperimentConfig(**load_experiment(config).model_dump()) == config
    assert sign_learned(config.scoring) == "|bertscore:tiny-bert:layer-last"
    scoring = build_scoring(nli={"kind": "pair_classifier", "model": "a/b", "label": "e", "against": "dialogue"})
    assert sign_learned(scoring) == "|nli=pair_classifier:a/b:e:dialogue"


def test_a_table_is_scored_by_them_all(bert: Path, nli: Path, regressor: Path, tmp_path: Path) -> None:
    rows = [
        {
            "dialogue": f"Ann: Hi, Ben {at}.\nBen: Hi.\nAnn: Bread?",
            "summary1": "Ann greets Ben.",
            "summary2": "They say hi.",
        }
        | {"lora": "Ann says hi." if at % 2 else "", "full": f"Ann greets {at}."}
        for at in range(6)
    ]
    table, out = tmp_path / "theirs.jsonl", tmp_path / "out"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    learned = {
        "bertscore": {"kind": "bertscore", "model": str(bert), "layer": 2},
        "nli": {"kind": "pair_classifier", "model": str(nli), "label": "entailment", "against": "dialogue"},
        "bleurt": {"kind": "pair_classifier", "model": str(regressor)},
    }
    changes = {"scoring.num_resamples": 200, "scoring.learned": learned, "scoring.margin": 1}
    comparison = dialora.score_outputs(table, set=changes, output=out)
    assert comparison.metrics[4:] == tuple(learned)
    assert "|bertscore:tiny-bert:layer2|nli=pair_classifier:tiny-nli:entailment:dialogue" in comparison.protocol
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [system["key"] for system in results["systems"]] == ["lora", "full", "human", "lead-2", "longest-2"]
    assert all(set(learned) < set(system["scores"]) for system in results["systems"])
    assert [item["metric"] for item in results["comparisons"]][4:] == list(learned)
    assert comparison.difference("full", "lora", "nli").noninferior is None
    assert comparison.difference("full", "lora").noninferior is not None
    assert "nli_low" in comparison.frame().columns
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "| System | ROUGE-1 | ROUGE-2 | ROUGE-L | ROUGE-Lsum | bertscore | nli | bleurt |" in report
    assert "the probability of 'entailment' that tiny-nli gives to the dialogue and the summary" in report
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count('<th scope="col">bertscore</th>') == 3
    assert "ROUGE and learned metrics" in page
    made = (out / "scoring" / "manifest.json").stat().st_mtime_ns
    dialora.score_outputs(table, set=changes | {"scoring.num_resamples": 100}, output=out)
    assert (out / "scoring" / "manifest.json").stat().st_mtime_ns == made


def test_an_experiment_that_is_done_is_only_scored_again(
    experiment: dict[str, Any], bert: Path, tmp_path: Path
) -> None:
    made = {"trainable_params": 1, "total_params": 1, "generate_seconds": 1.0, "environment": {"python": "3"}}
    made |= {"num_examples": 8, "num_truncated": 0, "num_cut": 0, "num_empty": 0}
    learned = {"bertscore": {"kind": "bertscore", "model": str(bert)}}
    changes: dict[str, Any] = {"methods": {"zero_shot": {}}, "data.max_train_examples": 4}
    for overrides in (changes, changes | {"scoring.learned": learned}):
        events: list[dict[str, Any]] = []
        with open_experiment(load_experiment(experiment, overrides), tmp_path / "run") as plan:
            runs = require_runs(plan)
            (run,) = runs.runs
            if not run.generation.is_complete:
                assert "scoring.learned" not in overrides
                with run.generation.writing() as folder:
                    texts = [Prediction(e.id, e.references[0], 9, 9, False) for e in plan.workspace.dataset.test]
                    save_records(texts, folder / "predictions.jsonl")
                    save_json(made, folder / "generation.json")
            comparison = report(score_runs(runs, events.append), events.append)
        assert [event["stage"] for event in events if event["event"] == "stage"] == ["scoring", "yardsticks", "report"]
    assert comparison.metrics[4:] == ("bertscore",)
    assert comparison.systems[0].scores["bertscore"].mean > comparison.systems[-1].scores["bertscore"].mean
    assert {"event": "progress", "stage": "scoring", "run": run.name, "key": run.key, "done": 16, "total": 16} in events
    assert "bertscore: BERTScore F1 with the last layer of tiny-bert" in (tmp_path / "run" / "report.md").read_text()


def test_many_columns_are_cut_for_the_terminal() -> None:
    metrics = (*METRICS, *(f"metric_{at}" for at in range(5)))
    scores = tuple(ExampleScores(str(at), {metric: [at / 10] for metric in metrics}) for at in range(10))
    systems = [SystemRuns(key, key, key, (RunResult(0, Cost(None, None), scores),)) for key in ("one", "two")]
    comparison = compare_systems(systems, experiment="x", protocol="", scoring=ScoringConfig(num_resamples=100))
    console = Console(file=io.StringIO(), width=100)
    print_report(comparison, console)
    text = console.file.getvalue()
    assert all(text.count(name) == 2 for name in metrics[4:])
    assert text.count("0.4500") == 2 * len(metrics)


def test_scoring_without_them_loads_no_torch() -> None:
    code = (
        "import sys, dialora.experiment.pipeline, dialora.outputs, dialora.scoring.learned;"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

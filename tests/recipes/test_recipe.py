"""The base model's recipe: what it leaves must load, and what it teaches must be true."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from transformers import T5ForConditionalGeneration

from recipes.base.__main__ import main
from recipes.base.card import END, START
from recipes.base.corpora import Act, CorporaMissingError, Turn, find_corpora, load_dialogues, read_schema_guided
from recipes.base.evaluate import fill
from recipes.base.network import build_config
from recipes.base.optimizer import rate_factor
from recipes.base.presets import PRESETS
from recipes.base.pretrain import MIXTURE, Trainer, mixture_at
from recipes.base.reports import report, report_dialogue, shift_person
from recipes.base.summaries import compose_summary
from recipes.base.tasks import TASKS, make_rows
from recipes.base.tokenizer import build_tokenizer, save_tokenizer

SPEAKERS = "#Person1# asks #Person2# about #Person1#'s trip."


@pytest.fixture(scope="module")
def corpora() -> Path:
    try:
        return find_corpora()
    except CorporaMissingError as error:
        pytest.skip(str(error))


def test_missing_corpora_are_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setenv("DIALORA_DATA", str(tmp_path))
    code = main(["--preset", "smoke", "--output", str(tmp_path / "out"), "--work", str(tmp_path / "work")])
    message = capsys.readouterr().err
    assert code == 2
    assert message.startswith("DIALORA_DATA:")
    assert message.count("\n") == 1


def test_exporting_what_was_never_trained_is_refused(tmp_path: Path, capsys) -> None:
    arguments = ["--preset", "smoke", "--output", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    assert main([*arguments, "--export-only"]) == 2
    assert "Train first" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_smoke_recipe_leaves_an_untied_model_that_reloads(corpora: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    output = tmp_path / "model"
    arguments = ["--preset", "smoke", "--output", str(output), "--work", str(tmp_path / "work")]
    assert main(arguments) == 0
    assert json.loads((output / "config.json").read_text())["tie_word_embeddings"] is False
    assert not [path for path in output.iterdir() if path.suffix in (".bin", ".pt", ".pkl")]
    weights = load_file(output / "model.safetensors")
    model = AutoModelForSeq2SeqLM.from_pretrained(output)
    assert torch.equal(model.lm_head.weight, weights["lm_head.weight"])
    assert not torch.equal(model.lm_head.weight, model.shared.weight)
    assert not model.config.scale_decoder_outputs
    tokenizer = AutoTokenizer.from_pretrained(output)
    assert tokenizer.decode(tokenizer(SPEAKERS)["input_ids"], skip_special_tokens=True) == SPEAKERS

    assert main([*arguments, "--export-only"]) == 0
    again = load_file(output / "model.safetensors")
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_tokenizer_keeps_speakers_and_joins_lines(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    texts = [f"Anna asks Ben about the trip number {i}. That's fine, he says." for i in range(300)]
    save_tokenizer(build_tokenizer(texts, 400), tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = tokenizer(SPEAKERS)["input_ids"]
    assert ids[-1] == tokenizer.eos_token_id == 1
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id) == (0, 2)
    assert tokenizer.decode(ids, skip_special_tokens=True) == SPEAKERS
    assert [tokenizer.convert_tokens_to_ids(f"▁#Person{i}#") != 2 for i in range(1, 8)] == [True] * 7
    assert (
        tokenizer("#Person1#: Hi\n#Person2#: Hi ")["input_ids"] == tokenizer("#Person1#: Hi #Person2#: Hi")["input_ids"]
    )
    assert tokenizer.convert_tokens_to_ids("<extra_id_0>") == len(tokenizer) - 1


def test_composed_summaries_mention_only_values_of_the_dialogue(corpora: Path) -> None:
    rng = random.Random(0)
    checked = 0
    for number, dialogue in enumerate(read_schema_guided(corpora)):
        if number == 300:
            break
        turns = dialogue.turns[: rng.randint(4, 14)]
        summary = compose_summary(turns, rng, user="#Person1#", system="#Person2#")
        said = " ".join(turn.text for turn in turns)
        values = {value for turn in turns for act in turn.acts for value in act.values}
        invented = [
            v for v in values if any(c.isupper() or c.isdigit() for c in v[1:]) and v in summary and v not in said
        ]
        digits = [
            w for w in summary.replace("#Person1#", "").replace("#Person2#", "").split() if any(c.isdigit() for c in w)
        ]
        assert not invented
        assert all(word.strip(".,()") in said for word in digits), summary
        checked += bool(summary)
    assert checked > 150


def test_composed_summary_needs_no_corpus() -> None:
    asked = (Act("INFORM", "restaurant_name", ("Sino",)), Act("INFORM_INTENT", "intent", ("ReserveRestaurant",)))
    answered = (Act("NOTIFY_SUCCESS", "", ()), Act("INFORM", "city", ("San Jose",)))
    turns = [Turn("USER", "Book a table at Sino.", asked), Turn("SYSTEM", "Done, for 2 people.", answered)]
    texts = [compose_summary(turns, random.Random(seed), user="Anna", system="Ben") for seed in range(30)]
    assert any("Sino" in text for text in texts)
    assert not any("San Jose" in text or "{" in text for text in texts)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("I love hiking, but my knee hurts.", "#Person1# loves hiking, but #Person1#'s knee hurts"),
        ("I'm going to see you at the office.", "#Person1# is going to see #Person2# at the office"),
        ("I don't think you need a ticket.", "#Person1# doesn't think #Person2# needs a ticket"),
    ],
)
def test_shift_person_turns_pronouns_into_names(said: str, told: str) -> None:
    assert shift_person(said.rstrip("."), "#Person1#", "#Person2#") == told


def test_reports_ask_and_tell() -> None:
    rng = random.Random(0)
    asked = report("Where do you live now?", rng, speaker="Anna", listener="Ben")
    assert asked.endswith("where Ben lives now")
    turns = [Turn("Anna", "I want to buy a red bike."), Turn("Ben", "I have a red bike in the garage.")]
    assert report_dialogue(turns, rng, 2)


def test_every_task_makes_rows(corpora: Path) -> None:
    dialogues = load_dialogues(corpora, 120)
    for task in TASKS:
        rows = list(make_rows(task, dialogues, 20, random.Random(1)))
        assert len(rows) > 9, task
        assert all(source.strip() and target.strip() for source, target in rows), task


def test_schedule_covers_the_whole_run() -> None:
    for num_rows in range(0, 20_000, 500):
        assert sum(mixture_at(num_rows).values()) == pytest.approx(1)
    assert mixture_at(0) == {"copy": 1.0}
    assert set(mixture_at(10**6)) == set(MIXTURE[max(MIXTURE)]) == set(TASKS)
    assert rate_factor(0.2, 1000) == 1.0
    assert rate_factor(1.0, 1000) == pytest.approx(0.02)


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    corpora: Path, tmp_path: Path, monkeypatch
) -> None:
    from safetensors.torch import load_file

    def train(name: str) -> dict[str, torch.Tensor]:
        assert (
            main(["--preset", "smoke", "--output", str(tmp_path / name), "--work", str(tmp_path / f"{name}-work")]) == 0
        )
        return load_file(tmp_path / name / "model.safetensors")

    whole = train("whole")
    again = train("again")
    assert all(torch.equal(whole[name], again[name]) for name in whole)

    step = Trainer.step

    def fail_at_four(trainer: Trainer) -> None:
        if trainer.run.step == 4:
            trainer.save()
            raise KeyboardInterrupt
        step(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", fail_at_four)
        with pytest.raises(KeyboardInterrupt):
            train("resumed")
    resumed = train("resumed")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_the_gpu_preset_fits_the_package() -> None:
    with torch.device("meta"):
        model = T5ForConditionalGeneration(build_config(PRESETS["gpu"].size))
    num_parameters = sum(p.numel() for p in model.parameters()) + (
        model.lm_head.weight.numel() if model.lm_head.weight is model.shared.weight else 0
    )
    assert 2 * num_parameters < 29e6  # bytes; the tokenizer takes the rest


def test_evaluation_fills_the_card_between_its_marks() -> None:
    card = f"before\n{START}\nold\n{END}\nafter\n"
    filled = fill(card, "new\n")
    assert filled == f"before\n{START}\nnew\n{END}\nafter\n"
    assert fill(filled, "newer\n") == f"before\n{START}\nnewer\n{END}\nafter\n"
    with pytest.raises(ValueError, match="lacks the marks"):
        fill("no marks", "new")

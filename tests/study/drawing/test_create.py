"""A study from what users have: folders, a table, several folders; and what is refused with a line."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.cli import main
from dialora.comparison.people import PEOPLE
from dialora.errors import ConfigError, InputError, StageError
from dialora.report.comparison_stage import load_comparison
from dialora.store import ExperimentFolder, names, save_json, save_records
from dialora.study.drawing.create import create_study
from dialora.study.drawing.drawn import DrawnStudy
from dialora.study.drawing.options import StudyOptions
from dialora.study.folder import StudyFolder
from dialora.study.key import JUDGED
from tests.conftest import DIALOGUES

SMALL = StudyOptions(num_dialogues=6)
LINES = [json.loads(line) for line in (DIALOGUES / "test.jsonl").read_text(encoding="utf-8").splitlines()[:12]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_table(path: Path, *systems: str, rows: list[dict[str, Any]] | None = None, **columns: str) -> Path:
    """A table of what systems wrote: the reference's first words, more of them for each further system."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "dialogue", "reference", *systems])
        for at, line in enumerate(rows or LINES):
            words = line["summary1"].split()
            texts = [" ".join(words[: 4 + 2 * number + at % 3]) for number, _ in enumerate(systems)]
            writer.writerow([line["id"], columns.get("dialogue", line["dialogue"]), line["summary1"], *texts])
    return path


def create(*sources: Path | str, output: str = "out", **options: Any) -> DrawnStudy:
    return create_study(sources, output=Path(output), **{"options": SMALL} | options)


def score(table: Path, output: str) -> Path:
    assert main(["score", str(table), "--output", output]) == 0
    return Path(output)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a scored table with two systems, made once."""
    place = tmp_path_factory.mktemp("scored")
    return score(write_table(place / "o.csv", "zebrafinch", "quokkaling"), str(place / "runs"))


@pytest.fixture
def folder(scored: Path, here: Path) -> Path:
    """A copy of that folder, and its table."""
    shutil.copytree(scored, here / "runs" / "scored-table")
    shutil.copy(scored.with_name("o.csv"), here)
    return Path("runs/scored-table")


def test_from_a_table(here: Path) -> None:
    write_table(here / "o.csv", "zebrafinch", "quokkaling")
    drawn = create("o.csv")
    assert drawn.num_pairs == 6
    assert (here / "runs" / "o" / "report.html").is_file()
    key = StudyFolder(Path("out")).load_key()
    assert [(system.key, system.source) for system in key.systems] == [
        ("zebrafinch", str(here / "runs" / "o")),
        ("quokkaling", str(here / "runs" / "o")),
    ]
    assert all(set(scores["zebrafinch"]) >= {"rouge1", "rougeL"} for scores in key.scores.values())
    assert len(key.scores) == 6


def test_from_a_folder_without_scoring_again(folder: Path) -> None:
    study = create(folder)
    assert study.systems == {"zebrafinch": "zebrafinch", "quokkaling": "quokkaling"}
    shown = {example.id: example for example in load_comparison(folder).examples}
    blind, key = StudyFolder(Path("out")).load_blind(), StudyFolder(Path("out")).load_key()
    for item in key.items:
        if item.role == JUDGED:
            assert blind.items[item.id].dialogue == shown[item.dialogue_id].dialogue
            for text, writers in zip(blind.items[item.id].texts, item.writers, strict=True):
                assert all(shown[item.dialogue_id].summaries[writer] == text for writer in writers)


def test_from_an_experiment(experiment: dict[str, Any], here: Path) -> None:
    """Floors and people are in its tables, but are none of its systems."""
    dialora.compare(experiment | {"methods": {"zero_shot": {}}}, output=here / "e")
    drawn = create("e", options=StudyOptions(num_dialogues=6, design="rating"))
    assert list(drawn.systems) == ["zero_shot"]
    assert list(create("e", include_human=True, output="with").systems) == ["zero_shot", PEOPLE]


def test_the_study_is_called_as_its_folder_unless_that_tells(folder: Path) -> None:
    for output, name in (("calls-1", "calls-1"), ("quokkaling-or-not", "study"), ("two words", "study")):
        assert create(folder, output=output).name == name


def test_a_source_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"^nowhere: no such folder or file; give .* a shipped one: bundled, "):
        create(folder, "nowhere")
    with pytest.raises(InputError, match=r"nowhere.csv"):
        create("nowhere.csv")


def test_from_a_shipped_experiments_default_folder() -> None:
    with pytest.raises(StageError, match=r"runs/bundled: holds no finished comparison"):
        create("bundled")


def test_from_two_folders(folder: Path, here: Path) -> None:
    other = score(write_table(here / "p.csv", "zebrafinch", "axolotlet"), "runs/other")
    drawn = create(folder, other)
    assert list(drawn.systems) == ["zebrafinch@scored-table", "quokkaling", "zebrafinch@other", "axolotlet"]
    assert len(set(drawn.systems.values())) == 4
    key = StudyFolder(Path("out")).load_key()
    assert [Path(system.source).name for system in key.systems] == ["scored-table"] * 2 + ["other"] * 2
    # The two that share a name wrote the same, and so did the two others: six pairs of which two are never asked.
    assert len(key.identical) == 2 * 6
    blind = b"".join(path.read_bytes() for path in Path("out", "blind").iterdir())
    for told in (b"zebrafinch", b"quokkaling", b"axolotlet", b"scored-table", b"other@"):
        assert told not in blind


def test_the_same_folder_twice_is_one(folder: Path) -> None:
    assert list(create(folder, folder).systems) == ["zebrafinch", "quokkaling"]


def test_folders_of_other_dialogues_are_refused(folder: Path, here: Path) -> None:
    fewer = score(write_table(here / "p.csv", "x1", "x2", rows=LINES[:8]), "runs/fewer")
    with pytest.raises(InputError, match=r"4 of the 12 dialogues of .*scored-table are not in .*fewer"):
        create(folder, fewer)
    with pytest.raises(InputError, match=r"4 of the 12 dialogues of .*scored-table are not in .*fewer"):
        create(fewer, folder)
    changed = [line | {"dialogue": line["dialogue"].replace("#Person1#", "Zoe")} for line in LINES]
    other = score(write_table(here / "q.csv", "x1", "x2", rows=changed), "runs/changed")
    with pytest.raises(InputError, match=r"dialogue test_0 has another text in .*changed than in .*scored-table"):
        create(folder, other)
    told = score(write_table(here / "r.csv", "x1", "x2", rows=[a | {"summary1": a["summary2"]} for a in LINES]), "r")
    with pytest.raises(InputError, match=r"dialogue test_0 has other references"):
        create(folder, told)
    assert not Path("out").exists()


def test_scores_of_another_protocol_are_refused(folder: Path, here: Path) -> None:
    assert main(["score", str(here / "o.csv"), "--set", "scoring.protocol=lab", "--output", "runs/lab"]) == 0
    with pytest.raises(InputError, match=r"was scored as .*; score both alike"):
        create(folder, "runs/lab")


def test_a_table_without_dialogues_is_refused(here: Path) -> None:
    with (here / "o.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(line["summary1"], line["summary2"], f"Then {line['summary2']}") for line in LINES]
        csv.writer(file).writerows([("reference", "x1", "x2"), *rows])
    with pytest.raises(InputError, match=r"12 of 12 dialogues have no text.*--set outputs.dialogues=DATA"):
        create("o.csv")
    assert not Path("out").exists()


def test_some_systems(here: Path) -> None:
    write_table(here / "o.csv", "zebrafinch", "quokkaling", "axolotlet")
    assert list(create("o.csv", systems=["axolotlet", "zebrafinch"]).systems) == ["zebrafinch", "axolotlet"]
    with pytest.raises(InputError, match=r"--systems axolotl: no system of that key; did you mean 'axolotlet'"):
        create("o.csv", systems=["axolotl"], output="other")


def test_with_people(folder: Path) -> None:
    drawn = create(folder, include_human=True)
    assert drawn.systems[PEOPLE] == "Human"
    assert drawn.num_pairs + drawn.num_merged == 18


def test_a_system_that_is_called_human_is_not_people(folder: Path) -> None:
    """A study's key for the references is theirs alone."""
    kept = load_comparison(folder)
    systems = tuple(replace(one, key="human") if one.key == "zebrafinch" else one for one in kept.comparison.systems)
    examples = [
        replace(
            one,
            summaries={("human" if key == "zebrafinch" else key): text for key, text in one.summaries.items()},
            scores={("human" if key == "zebrafinch" else key): values for key, values in one.scores.items()},
        )
        for one in kept.examples
    ]
    with ExperimentFolder(folder).comparison("0").writing() as place:
        save_json(replace(kept.comparison, systems=systems).to_json(), place / names.COMPARISON_FACTS)
        save_records(examples, place / names.COMPARED_EXAMPLES)
    assert list(create(folder, include_human=True).systems) == ["human@scored-table", "quokkaling", PEOPLE]


def test_scores_that_are_no_numbers_are_not_kept(folder: Path) -> None:
    kept = load_comparison(folder)
    examples = [replace(one, scores={key: values | {"odd": float("nan")} for key, values in one.scores.items()})
                for one in kept.examples]  # fmt: skip
    with ExperimentFolder(folder).comparison("0").writing() as place:
        save_json(kept.comparison.to_json(), place / names.COMPARISON_FACTS)
        save_records(examples, place / names.COMPARED_EXAMPLES)
    create(folder)
    assert b"NaN" not in Path("out", "key", "key.json").read_bytes()


def test_a_study_is_never_written_over(folder: Path, here: Path) -> None:
    create(folder)
    before = {path: path.read_bytes() for path in here.glob("out/*/*")}
    for seed in (0, 1):
        with pytest.raises(InputError, match=r"out: holds a study already"):
            create(folder, options=replace(SMALL, seed=seed))
    assert {path: path.read_bytes() for path in here.glob("out/*/*")} == before
    (here / "letters").mkdir()
    (here / "letters" / "a.txt").write_text("Dear all")
    with pytest.raises(InputError, match=r"letters: holds files that are not a study's"):
        create(folder, output="letters")
    with pytest.raises(InputError, match=r"a.txt: is a file; give a folder"):
        create(folder, output="letters/a.txt")
    with pytest.raises(InputError, match=r"scored-table: holds files that are not a study's"):
        create(folder, output=str(folder))


def test_a_study_whose_writing_was_broken_off_is_written_anew(folder: Path, here: Path) -> None:
    create(folder, output="whole")
    (here / "out").mkdir()
    (here / "whole" / "key").rename(here / "out" / "key")
    assert create(folder).num_dialogues == 6
    assert StudyFolder(Path("out")).load_blind().items.keys() == {
        item.id for item in StudyFolder(Path("out")).load_key().items
    }


def test_the_secret_of_a_study_draws_it_once_more(folder: Path, here: Path) -> None:
    create(folder, output="one", name="same")
    secret = StudyFolder(Path("one")).load_key().secret
    assert len(secret) == 64
    dialora.create_study(folder, output="two", name="same", secret=secret, num_dialogues=SMALL.num_dialogues)
    for path in (here / "one").glob("*/*"):
        assert path.read_bytes() == (here / "two" / path.relative_to(here / "one")).read_bytes()


def test_a_title_or_name_that_tells_what_is_compared_is_refused(folder: Path) -> None:
    for told in ({"title": "Is quokkaling better?"}, {"name": "zebrafinch-1"}, {"title": "About scored-table"}):
        with pytest.raises(InputError, match=r"which raters must not know of"):
            create(folder, **told)
    with pytest.raises(InputError, match=r"--title: holds a control character"):
        create(folder, title="a\x1b[31m")
    with pytest.raises(InputError, match=r"--title: must have 1 to 120 characters, got 0"):
        create(folder, title=" ")
    with pytest.raises(InputError, match=r"--name ../x: must be of letters"):
        create(folder, name="../x")
    create(folder, title="Summaries of calls", name="calls")
    settings = StudyFolder(Path("out")).load_blind().settings
    assert (settings.title, settings.name) == ("Summaries of calls", "calls")


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ('instructions: {opening: "Zebrafinch against the rest; choose."}', "instructions.opening", "zebrafinch"),
        ("instructions: {closing: Thanks for judging scored-table.}", "instructions.closing", "scored-table"),
        ("title: {pairwise: Is quokkaling good}", "title.pairwise", "quokkaling"),
        (
            "criteria:\n- {key: quokkaling_like, label: L, question: q, lowest: l, highest: h, example: e}",
            "criteria.0.key",
            "quokkaling",
        ),
        (
            "error_kinds:\n- {key: odd, label: Odd, definition: d, example: as zebrafinch does}",
            "error_kinds.0.example",
            "zebrafinch",
        ),
        (
            "practice:\n- {kind: pairwise, dialogue: d, texts: [a, quokkaling], expected: {answer: [a]}, feedback: f}",
            "practice.0.texts.1",
            "quokkaling",
        ),
    ],
)
def test_texts_that_tell_what_is_compared_are_refused(
    text: str, place: str, told: str, folder: Path, here: Path
) -> None:
    (here / "own.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"^own.yaml: {place}: names {told}, which raters must not know of"):
        create(folder, criteria=Path("own.yaml"))
    assert not Path("out").exists()


def test_a_system_with_a_common_name_does_not_forbid_the_word(here: Path) -> None:
    write_table(here / "o.csv", "Summary", "A", "mistral")
    (here / "own.yaml").write_text("instructions: {opening: Read a dialogue and each summary of it.}")
    create("o.csv", criteria=Path("own.yaml"))
    (here / "own.yaml").write_text("instructions: {opening: A summary by Mistral.}\n")
    with pytest.raises(InputError, match=r"^own.yaml: instructions.opening: names mistral"):
        create("o.csv", criteria=Path("own.yaml"), output="other")


def test_raters_are_told_what_is_kept_of_them_and_who_sees_it(folder: Path) -> None:
    """Whoever runs the study sees every answer, by number, and can export it."""
    for design in ("pairwise", "rating", "both"):
        create(folder, options=replace(SMALL, design=design), output=design)
        told = StudyFolder(Path(design)).load_blind().settings.instructions
        assert "kept under a number" in told
        assert "publish it by number" in told
        assert "Nobody is told" not in told


def test_set_means_something_to_a_table_alone(folder: Path, here: Path) -> None:
    with pytest.raises(InputError, match=r"--set: means nothing here"):
        create(folder, set=["outputs.id_column=id"])
    create("o.csv", set=["outputs.system_columns=[quokkaling, zebrafinch]", "name=again"])
    assert (here / "runs" / "again").is_dir()


def test_a_damaged_comparison_is_refused(folder: Path) -> None:
    with (folder / "comparison" / "examples.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(StageError, match=r"examples\.jsonl is not what was written there"):
        create(folder)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/dev/zero", "is no file but a pipe or device"),
        (".", "is a folder; give the file"),
        ("absent.yaml", "cannot be read"),
    ],
)
def test_criteria_that_are_no_file_are_one_line(name: str, message: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        create(folder, criteria=Path(name))


def test_own_criteria(folder: Path, here: Path) -> None:
    own = here / "own.yaml"
    own.write_text(
        "criteria:\n- {key: kind, label: Kind, question: 'Is it kind?', lowest: 'No.', highest: 'Yes.', example: Hi.}\n"
        "error_kinds: []\ninstructions: {opening: Be fair.}\n"
    )
    drawn = create(folder, criteria=own, options=replace(SMALL, design="rating"))
    settings = StudyFolder(Path("out")).load_blind().settings
    assert [one.key for one in settings.criteria] == ["kind"]
    assert settings.error_kinds == ()
    assert settings.instructions.startswith("Be fair.\n\n")
    assert settings.practice == ()
    assert "There is no practice item for a rating item." in drawn.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("criterion: []\n", "criterion: unknown key; did you mean 'criteria'"),
        ("criteria: []\n", "criteria: .*at least 1 item"),
        ("criteria:\n- {key: a, label: A}\n", "criteria.0.question: is missing"),
        ("criteria:\n- {key: A b, label: A, question: q, lowest: l, highest: h, example: e}\n", "criteria.0.key: "),
        ("- 1\n", "must be a mapping with some of title, instructions, criteria, error_kinds, practice"),
        ("a: [", "is not valid YAML"),
        ("instructions: {opening: \"a\\e[1m\"}\n", "instructions.opening: holds a control character"),
        (
            "practice:\n- {kind: rating, dialogue: d, texts: [a], expected: {scores: {taste: [1, 2]}}, feedback: f}\n",
            "practice: taste: no such criterion; allowed: faithfulness",
        ),
        ("practice:\n- {kind: rating, dialogue: d, texts: [a, b], expected: {scores: {fluency: [1]}}, feedback: f}\n",
         "practice.0: texts: a rating item shows 1, got 2"),
        ("practice:\n- {kind: pairwise, dialogue: d, texts: [a, b], expected: {answer: [left]}, feedback: f}\n",
         "expected.answer: must list the answers that are right, of a, b, tie, neither"),
        ("practice:\n- {kind: rating, dialogue: d, texts: [a], expected: {scores: {fluency: [5, 1]}}, feedback: f}\n",
         "expected.scores: must give each criterion"),
    ],
)  # fmt: skip
def test_criteria_files_that_are_wrong(text: str, message: str, folder: Path, here: Path) -> None:
    (here / "own.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"^own.yaml: .*{message}"):
        create(folder, criteria=Path("own.yaml"))
    assert not Path("out").exists()


def test_the_command_says_what_was_drawn(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "create", str(folder), "--items", "6", "--design", "both", "--output", "s"]) == 0
    printed = capfd.readouterr().out
    for told in ("6 of 12: 2 where systems disagree most, 2 spread over lengths, 2 at random",
                 "12 texts to rate and 6 pairs", "minutes",
                 "2 attention checks and 1 repeat in each", "dialora study serve s"):  # fmt: skip
        assert told in " ".join(printed.replace("│", " ").split())
    assert main(["study", "create", str(folder), "--items", "6", "--json", "--output", "j"]) == 0
    values = json.loads(capfd.readouterr().out)
    assert values["num_pairs"] == 6
    assert values["strata"] == {"disagreement": 2, "length": 2, "random": 2}
    assert main(["study", "create", str(folder), "--output", "s"]) == 2
    assert capfd.readouterr().err.startswith("InputError: s: holds a study already")


def test_names_from_data_move_no_cursor(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_table(here / "o.csv", "evil\x1b[2Jname", "quokkaling")
    assert main(["study", "create", "o.csv", "--items", "6"]) == 0
    told = capfd.readouterr()
    assert "\x1b[2J" not in told.out + told.err
    assert "evil" in told.out

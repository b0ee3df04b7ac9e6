"""A study goes to Label Studio and Potato and comes back: blind, in each sheet's own order, to the same judgements."""

import json
import os
import random
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialora.errors import InputError
from dialora.study.drawing.texts import load_texts
from dialora.study.exchange.answers_given import find_words
from dialora.study.exchange.label_studio import export_label_studio, read_label_studio
from dialora.study.exchange.potato import export_potato, read_potato
from dialora.study.exchange.ratings_file import read_ratings
from dialora.study.folder import BlindStudy
from dialora.study.judgements import Event, MarkedError, collect_judgements
from dialora.study.key import StudyKey
from dialora.study.records import PAIRWISE, Entry
from tests.study.drawing.pools import NAMES, build_pool, draw

Given = dict[tuple[int, str], dict[str, Any]]
CHOICES = {"a": "A is better", "b": "B is better", "tie": "Equally good", "neither": "Both are bad"}


def build_study(design: str = "both", *, num_dialogues: int = 8, raters: int = 2) -> tuple[BlindStudy, StudyKey]:
    study, key, _ = draw(build_pool(20, 3), design=design, num_dialogues=num_dialogues, num_raters=raters)
    texts = load_texts()
    settings = replace(
        study.settings,
        criteria=texts.list_criteria() if design != "pairwise" else (),
        error_kinds=texts.list_error_kinds() if design != "pairwise" else (),
        asks_why=design != "rating",
        instructions="Read <all> of it & judge.",
        title='"Which" is better?',
    )
    return replace(study, settings=settings), key


def give_answers(study: BlindStudy) -> Given:
    """What raters say of everything, at random, by sheet and item."""
    rng = random.Random(1)
    given: Given = {}
    for sheet in study.sheets:
        for entry in sheet.entries:
            item = study.items[entry.item]
            if item.kind == PAIRWISE:
                answer: dict[str, Any] = {"answer": rng.choice([*CHOICES])}
                if rng.random() < 0.3:
                    answer["why"] = "Shorter & right"
            else:
                start = rng.randrange(len(item.texts[0].split()))
                stop = rng.randint(start + 1, len(item.texts[0].split()))
                errors = [{"start": start, "stop": stop, "kind": rng.choice(study.settings.error_kinds).key}]
                scores = {one.key: rng.randint(1, 5) for one in study.settings.criteria}
                answer = {"scores": scores, "errors": errors if rng.random() < 0.5 else []}
            given[sheet.number, item.id] = answer
    return given


def find_place(text: str, error: dict[str, Any]) -> tuple[int, int]:
    """The characters of marked words in a text with single spaces."""
    words = text.split(" ")
    start = len(" ".join([*words[: error["start"]], ""]))
    return start, start + len(" ".join(words[error["start"] : error["stop"]]))


def annotate_label_studio(folder: Path, _: BlindStudy, given: Given) -> list[Path]:
    """Write the exports of Label Studio's projects, as its documentation shows them."""
    written = []
    for path in sorted(folder.glob("sheet-*.json")):
        exported = []
        for number, task in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            data = task["data"]
            answer, result = given[data["sheet"], data["item"]], []
            if "answer" in answer:
                result.append(region("answer", "dialogue", "choices", {"choices": [answer["answer"]]}))
            if "why" in answer:
                result.append(region("why", "dialogue", "textarea", {"text": [answer["why"]]}))
            for key, score in answer.get("scores", {}).items():
                result.append(region(f"score_{key}", "text", "rating", {"rating": score}))
            for error in answer.get("errors", []):
                start, end = find_place(data["text"], error)
                value = {"start": start, "end": end, "text": data["text"][start:end], "labels": [error["kind"]]}
                result.append(region("errors", "text", "labels", value))
            stamp = f"2026-03-09T22:{number // 60:02}:{number % 60:02}.746926Z"
            annotation = {
                "id": 1000 + number, "result": result, "was_cancelled": False, "ground_truth": False,
                "created_at": stamp, "updated_at": stamp, "lead_time": 4.25, "task": number, "result_count": 0,
                "completed_by": 10 + data["sheet"],
            }  # fmt: skip
            exported.append(
                {
                    "id": number,
                    "data": data,
                    "project": 83,
                    "annotations": [annotation],
                    "predictions": [],
                    "drafts": [],
                }
            )
        written.append(folder / f"export-of-{path.name}")
        written[-1].write_text(json.dumps(exported), encoding="utf-8")
    return written


def region(name: str, to: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": "Dx_aB91ISN", "from_name": name, "to_name": to, "type": kind, "origin": "manual", "value": value}


def label_items(folder: Path, given: Given) -> dict[Path, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """The rows of each Potato project with their answers."""
    found = {}
    for path in sorted(folder.glob("*/tasks.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        keys = [row["id"].split("-") for row in rows]
        found[path.parent] = [(row, given[int(at), key]) for row, (at, key) in zip(rows, keys, strict=True)]
    return found


def annotate_potato(folder: Path, study: BlindStudy, given: Given) -> list[Path]:
    """Write the JSONL exports of Potato's projects."""
    labels = {one.key: one.label for one in study.settings.error_kinds}
    written = []
    for project, rows in label_items(folder, given).items():
        lines = []
        for row, answer in rows:
            chosen = {} if "answer" not in answer else {"answer": {CHOICES[answer["answer"]]: "true"}}
            why = {} if "why" not in answer else {"why": {"text_box": answer["why"]}}
            scores = {f"score_{key}": {str(score): str(score)} for key, score in answer.get("scores", {}).items()}
            spans = [
                {"schema": "errors", "name": labels[error["kind"]], "start": start, "end": end, "title": "",
                 "target_field": "text", "text": row["text"][start:end]}
                for error in answer.get("errors", [])
                for start, end in [find_place(row["text"], error)]
            ]  # fmt: skip
            lines.append(
                {"instance_id": row["id"], "user_id": project.name, "labels": chosen | why | scores,
                 "spans": {"errors": spans} if spans else {}, "links": {}}
            )  # fmt: skip
        written.append(project / "annotations.jsonl")
        written[-1].write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return written


def keep_potato(folder: Path, study: BlindStudy, given: Given) -> list[Path]:
    """Write what Potato keeps of an annotator of each project, and return the folders of these."""
    labels = {one.key: one.label for one in study.settings.error_kinds}
    written = []
    for project, rows in label_items(folder, given).items():
        state: dict[str, Any] = {
            "user_id": "rater",
            "instance_id_ordering": [row["id"] for row, _ in rows],
            "instance_id_to_label_to_value": {},
            "instance_id_to_span_to_value": {},
            "instance_id_to_behavioral_data": {},
        }
        for number, (row, answer) in enumerate(rows):
            kept = [[{"schema": f"score_{key}", "name": str(score)}, str(score)]
                    for key, score in answer.get("scores", {}).items()]  # fmt: skip
            if "answer" in answer:
                kept.append([{"schema": "answer", "name": CHOICES[answer["answer"]]}, "true"])
            if "why" in answer:
                kept.append([{"schema": "why", "name": "text_box"}, answer["why"]])
            state["instance_id_to_label_to_value"][row["id"]] = kept
            state["instance_id_to_span_to_value"][row["id"]] = [
                [{"schema": "errors", "name": labels[error["kind"]], "start": start, "end": end, "title": ""}, "true"]
                for error in answer.get("errors", [])
                for start, end in [find_place(row["text"], error)]
            ]
            state["instance_id_to_behavioral_data"][row["id"]] = {
                "total_time_ms": 4250, "session_end": 1706500045.0 + number
            }  # fmt: skip
        place = project / "annotation_output" / "rater"
        place.mkdir(parents=True)
        (place / "user_state.json").write_text(json.dumps(state), encoding="utf-8")
        written.append(project / "annotation_output")
    return written


TOOLS: dict[str, tuple[Callable[..., list[Path]], Callable[..., list[Path]], Callable[..., list[Event]]]] = {
    "label-studio": (export_label_studio, annotate_label_studio, read_label_studio),
    "potato": (export_potato, annotate_potato, read_potato),
    "potato-states": (export_potato, keep_potato, read_potato),
}


@pytest.mark.parametrize("design", ["pairwise", "rating", "both"])
@pytest.mark.parametrize("tool", TOOLS)
def test_what_raters_say_comes_back(tool: str, design: str, tmp_path: Path) -> None:
    study, _ = build_study(design)
    export, annotate, read = TOOLS[tool]
    given = give_answers(study)
    export(study, tmp_path)
    events = [event for path in annotate(tmp_path, study, given) for event in read(path, study)]
    judgements = collect_judgements(study.sheets, events)
    assert len(judgements) == len(events) == len(given)
    for one in judgements:
        answer = given[one.sheet, one.item]
        assert one.answer == answer.get("answer")
        assert one.why == answer.get("why", "")
        assert one.scores == answer.get("scores", {})
        assert one.errors == tuple(MarkedError(**error) for error in answer.get("errors", []))
        assert one.seconds == (None if tool == "potato" else 4.25)


@pytest.mark.parametrize("tool", TOOLS)
def test_reading_twice_gives_the_same_events(tool: str, tmp_path: Path) -> None:
    study, _ = build_study("pairwise")
    export, annotate, read = TOOLS[tool]
    export(study, tmp_path)
    (path, *_) = annotate(tmp_path, study, give_answers(study))
    assert read(path, study) == read(path, study)
    assert len({event.id for event in read(path, study)}) == len(study.sheets[0].entries)


@pytest.mark.parametrize("export", [export_label_studio, export_potato])
def test_no_exported_file_tells_who_wrote_what(export: Callable[..., list[Path]], tmp_path: Path) -> None:
    study, key = build_study()
    written = export(study, tmp_path)
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    blind = b"".join(path.read_bytes() for path in written).lower()
    for told in (*NAMES, "runs/x", "attention", "repeat", "dialogue-", *(one.label for one in key.systems)):
        assert told.lower().encode() not in blind


def test_texts_stand_as_in_the_sheet_and_balanced(tmp_path: Path) -> None:
    study, key = build_study("pairwise")
    keys = {item.id: item for item in key.items}
    export_label_studio(study, tmp_path / "l")
    export_potato(study, tmp_path / "p")
    for sheet in study.sheets:
        tasks = [task["data"] for task in json.loads((tmp_path / f"l/sheet-{sheet.number}-pairwise.json").read_text())]
        lines = (tmp_path / f"p/sheet-{sheet.number}-pairwise/tasks.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        first: Counter[tuple[str, str]] = Counter()
        for entry, task, row in zip(sheet.entries, tasks, rows, strict=True):
            texts = study.items[entry.item].texts[:: -1 if entry.is_swapped else 1]
            assert (task["text_a"], task["text_b"]) == (row["text_a"], row["text_b"]) == texts
            assert task["item"] == entry.item == row["id"].split("-")[1]
            assert "\n".join(row["dialogue"]) == task["dialogue"] == study.items[entry.item].dialogue
            if keys[entry.item].role == "judged":
                shown = [keys[entry.item].writers[study.items[entry.item].texts.index(text)] for text in texts]
                (one,), (other,) = shown
                first[min(one, other), max(one, other)] += 1 if one < other else -1
        assert all(abs(count) <= 1 for count in first.values())


def test_the_labeling_configuration_asks_what_the_study_asks(tmp_path: Path) -> None:
    study, _ = build_study()
    export_label_studio(study, tmp_path)
    pairwise, rating = (ET.parse(tmp_path / f"{kind}.xml").getroot() for kind in ("pairwise", "rating"))
    assert {one.get("alias"): one.get("value") for one in pairwise.iter("Choice")} == CHOICES
    assert [one.get("name") for one in rating.iter("Rating")] == [f"score_{one.key}" for one in study.settings.criteria]
    assert {one.get("maxRating") for one in rating.iter("Rating")} == {"5"}
    assert [one.get("alias") for one in rating.iter("Label")] == [one.key for one in study.settings.error_kinds]
    for root, path in ((pairwise, "sheet-1-pairwise.json"), (rating, "sheet-1-rating.json")):
        data = json.loads((tmp_path / path).read_text())[0]["data"]
        names = {one.get("name") for one in root.iter() if one.get("name")}
        assert len(names) == sum(1 for one in root.iter() if one.get("name"))
        assert {one.get("value", "")[1:] for one in root.iter("Text")} <= set(data)
        assert {one.get("toName") for one in root.iter() if one.get("toName")} <= names


def test_a_potato_project_asks_what_the_study_asks(tmp_path: Path) -> None:
    study, _ = build_study()
    export_potato(study, tmp_path)
    pairwise, rating = (
        yaml.safe_load((tmp_path / f"sheet-2-{kind}" / "config.yaml").read_text()) for kind in ("pairwise", "rating")
    )
    assert [one["name"] for one in pairwise["annotation_schemes"]] == ["answer", "why"]
    assert pairwise["annotation_schemes"][0]["labels"] == [*CHOICES.values()]
    assert [one["size"] for one in rating["annotation_schemes"] if one["annotation_type"] == "likert"] == [5] * 4
    for config in (pairwise, rating):
        assert config["assignment_strategy"] == "fixed_order"
        assert {"task_dir", "data_files", "item_properties", "output_annotation_dir"} <= set(config)
    targets = [field["key"] for field in rating["instance_display"]["fields"] if field.get("span_target")]
    assert targets == ["text"]


def test_controls_and_markup_in_texts_are_harmless(tmp_path: Path) -> None:
    study, _ = build_study("rating")
    item = study.items[study.sheets[0].entries[0].item]
    study.items[item.id] = replace(item, texts=("one\u2028two \x1b[31m</View>\x85three",), dialogue="A: \x07 hi")
    export_label_studio(study, tmp_path / "l")
    export_potato(study, tmp_path / "p")
    task = json.loads((tmp_path / "l" / "sheet-1-rating.json").read_text())[0]["data"]
    assert task["text"] == "one two \\x1b[31m</View> three"
    assert len(task["text"].split()) == len(study.items[item.id].texts[0].split())
    assert task["dialogue"] == "A: \\x07 hi"


def test_offsets_in_utf_16_are_told_by_the_words(tmp_path: Path) -> None:
    text = "😀 went home 😀 early"
    assert find_words(text, 7, 11, "home", task="t") == (2, 3)
    assert find_words(text, 8, 12, "home", task="t") == (2, 3)  # as counted by older versions
    assert find_words(text, 9, 10, None, task="t") == (2, 3)  # a part of a word is the word
    assert find_words(text, 0, 99, None, task="t") == (0, 5)
    with pytest.raises(InputError, match="are not where they are said to be"):
        find_words(text, 0, 4, "home", task="t")
    with pytest.raises(InputError, match="mark no word"):
        find_words(text, 6, 7, None, task="t")


def test_an_annotator_who_did_anothers_tasks_gets_the_next_free_sheet(tmp_path: Path) -> None:
    """Two people in one project of one sheet: what they saw as A is turned to what their own sheet shows as A."""
    study, _ = build_study("pairwise")
    export_label_studio(study, tmp_path)
    given = give_answers(study)
    path = annotate_label_studio(tmp_path, study, given)[0]
    tasks = json.loads(path.read_text())
    shared = {entry.item for entry in study.sheets[1].entries}
    for task in tasks:
        if task["data"]["item"] in shared:
            task["annotations"].append(task["annotations"][0] | {"completed_by": {"id": 99, "email": "x@y.z"}})
    path.write_text(json.dumps(tasks))
    events = read_label_studio(path, study)
    first, second = ([one for one in events if one.sheet == number] for number in (1, 2))
    assert len(first) == len(tasks)
    assert len(second) == sum(task["data"]["item"] in shared for task in tasks)
    before = {event.item: (event.answer or {})["answer"] for event in first}
    turned = {"a": "b", "b": "a"}
    for event in second:
        swapped = [find_entry(study, number, event.item or "").is_swapped for number in (1, 2)]
        answer = before[event.item]
        assert (event.answer or {})["answer"] == (answer if swapped[0] == swapped[1] else turned.get(answer, answer))
    assert any(event.answer != find_event(first, event).answer for event in second)


def find_entry(study: BlindStudy, number: int, item: str) -> Entry:
    return next(entry for entry in study.find_sheet(number).entries if entry.item == item)


def find_event(events: list[Event], like: Event) -> Event:
    return next(event for event in events if event.item == like.item)


def test_a_sheet_may_be_named(tmp_path: Path) -> None:
    study, _ = build_study("pairwise", num_dialogues=12)
    export_label_studio(study, tmp_path)
    path = annotate_label_studio(tmp_path, study, give_answers(study))[0]
    assert {event.sheet for event in read_label_studio(path, study, sheet=1)} == {1}
    with pytest.raises(InputError, match="--sheet 9: there is no such sheet; there are 2, from 1"):
        read_label_studio(path, study, sheet=9)


def test_more_annotators_than_sheets_are_refused(tmp_path: Path) -> None:
    study, _ = build_study("pairwise")
    export_label_studio(study, tmp_path)
    path = annotate_label_studio(tmp_path, study, give_answers(study))[0]
    tasks = json.loads(path.read_text())
    tasks[0]["annotations"] += [tasks[0]["annotations"][0] | {"completed_by": number} for number in (50, 51)]
    path.write_text(json.dumps(tasks))
    with pytest.raises(InputError, match="there can be no more annotators than sheets"):
        read_label_studio(path, study)
    with pytest.raises(InputError, match="--sheet 1: a sheet is one rater's, and these are 3 annotators' answers"):
        read_label_studio(path, study, sheet=1)


def test_skipped_tasks_are_no_answers_and_the_last_answer_is_last(tmp_path: Path) -> None:
    study, _ = build_study("pairwise")
    export_label_studio(study, tmp_path)
    path = annotate_label_studio(tmp_path, study, give_answers(study))[0]
    tasks = json.loads(path.read_text())
    tasks[0]["annotations"][0]["was_cancelled"] = True
    again = json.loads(json.dumps(tasks[1]["annotations"][0]))
    again |= {"updated_at": "2026-03-10T00:00:00.000000Z"}
    again["result"][0]["value"]["choices"] = ["tie"]
    tasks[1]["annotations"].insert(0, again)
    path.write_text(json.dumps(tasks))
    events = read_label_studio(path, study)
    assert tasks[0]["data"]["item"] not in {event.item for event in events}
    judged = {one.item: one.answer for one in collect_judgements(study.sheets, events)}
    assert judged[tasks[1]["data"]["item"]] == "tie"


def change(tasks: list[dict[str, Any]], what: str) -> Any:
    task = tasks[0]
    result = task["annotations"][0]["result"]
    if what == "other study":
        task["data"]["item"] = "0123456789ab"
    elif what == "no item":
        del task["data"]["item"]
    elif what == "unknown answer":
        result[0]["value"]["choices"] = ["maybe"]
    elif what == "two answers":
        result[0]["value"]["choices"] = ["a", "b"]
    elif what == "no answer":
        task["annotations"][0]["result"] = []
    elif what == "other sheet":
        task["data"]["sheet"] = 77
    elif what == "no annotation":
        return [one | {"annotations": []} for one in tasks]
    elif what == "min":
        return [{"id": 1, "answer": "a"}]
    return tasks


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("other study", "task 0: is of no item of this study"),
        ("no item", "was not made by `dialora study export`"),
        ("unknown answer", "task 0: answer: give one of a, b, tie, neither"),
        ("two answers", "task 0: is not in the form of an export"),
        ("no answer", "task 0: answer: give one of a, b, tie, neither"),
        ("other sheet", "task 0: says that it is of sheet 77, and there is no such sheet"),
        ("no annotation", "none of its 10 tasks has an annotation"),
        ("min", "is no list of tasks with their annotations; .* as JSON \\(not JSON-MIN"),
    ],
)
def test_what_is_no_export_of_this_study_is_refused(what: str, message: str, tmp_path: Path) -> None:
    study, _ = build_study("pairwise", num_dialogues=2)
    study = replace(study, sheets=tuple(replace(one, entries=one.entries[:10]) for one in study.sheets))
    export_label_studio(study, tmp_path)
    path = annotate_label_studio(tmp_path, study, give_answers(study))[0]
    tasks = json.loads(path.read_text())
    (tmp_path / "bad.json").write_text(json.dumps(change(tasks, what)))
    message = message.replace("10 tasks", f"{len(tasks)} tasks")
    with pytest.raises(InputError, match=message):
        read_label_studio(tmp_path / "bad.json", study)


@pytest.mark.parametrize("read", [read_label_studio, read_potato])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[1]", b'{"a": 1}', b"[" * 100_000, b"null", b'"a"'])
def test_damaged_files_are_refused_with_a_line(read: Callable[..., Any], content: bytes, tmp_path: Path) -> None:
    study, _ = build_study("pairwise", num_dialogues=2)
    for name in ("a.jsonl", "user_state.json"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name) as raised:
            read(tmp_path / name, study)
        assert "\n" not in str(raised.value)


def test_potatos_own_mistakes_are_told(tmp_path: Path) -> None:
    study, _ = build_study("pairwise", num_dialogues=2)
    export_potato(study, tmp_path)
    path = annotate_potato(tmp_path, study, give_answers(study))[0]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["labels"]["answer"] = {"A is better": "true", "Equally good": "true"}
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match=r"line 1: answer has several answers .*repair-annotations"):
        read_potato(path, study)
    with pytest.raises(InputError, match=r"holds no user_state.json"):
        read_potato(tmp_path, study)


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "absent"])
@pytest.mark.parametrize("read", [read_label_studio, read_potato, read_ratings])
def test_what_is_no_file_is_one_line_and_is_not_read(read: Callable[..., Any], kind: str, tmp_path: Path) -> None:
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    study, _ = build_study()
    with pytest.raises(InputError, match="there is no such file" if kind == "absent" else "is no file but a pipe or"):
        read(path, study=study, **({"study_id": "id"} if read is read_ratings else {}))

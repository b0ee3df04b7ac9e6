"""A study in Label Studio: tasks and a labeling configuration to import, and its JSON export read back.

For each sheet and kind of item there is a file of tasks, in the sheet's order and with its texts in the order shown,
and for each kind a configuration: a project of Label Studio has one, so a sheet of both kinds is two projects. Formats:
https://labelstud.io/guide/task_format and https://labelstud.io/tags (Text, Choices, Rating, Labels, TextArea).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from dialora.errors import InputError
from dialora.printable import clean
from dialora.store import save_json, save_text
from dialora.study.exchange.answers_given import GivenAnswer, build_events, find_words, show_text, show_texts
from dialora.study.exchange.labels import CHOICES, SCORE
from dialora.study.exchange.saved_file import read_saved_file
from dialora.study.folder import BlindStudy
from dialora.study.judgements import Event
from dialora.study.records import HIGHEST, KINDS, PAIRWISE, Entry, Sheet, StudySettings


def export_label_studio(study: BlindStudy, folder: Path) -> list[Path]:
    """Write the tasks of every sheet, a configuration for each kind and the instructions; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "instructions.txt"]
    save_text(f"{clean(study.settings.title)}\n\n{clean(study.settings.instructions)}\n", written[0], errors="replace")
    for kind in KINDS:
        if not any(item.kind == kind for item in study.items.values()):
            continue
        written.append(folder / f"{kind}.xml")
        build = _build_pairwise if kind == PAIRWISE else _build_rating
        save_text("\n".join(build(study.settings)) + "\n", written[-1], errors="replace")
        for sheet in study.sheets:
            written.append(folder / f"sheet-{sheet.number}-{kind}.json")
            save_json([{"data": data} for data in _list_tasks(study, sheet, kind)], written[-1])
    return written


def read_label_studio(path: Path, study: BlindStudy, *, sheet: int | None = None) -> list[Event]:
    """Read a JSON export of Label Studio. Raises InputError, with a line, for what is no export of this study."""
    content = read_saved_file(path)
    try:
        tasks = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON; export the project from Label Studio as JSON.") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and "annotations" in task for task in tasks):
        raise InputError(
            f"{path}: is no list of tasks with their annotations; export the project from Label Studio as JSON (not "
            "JSON-MIN, CSV or another)."
        )
    given = []
    for at, task in enumerate(tasks):
        try:
            given += list(_read_task(task, study, f"{path}: task {task.get('id', at + 1)}"))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(
                f"{path}: task {task.get('id', at + 1)}: is not in the form of an export ({error!r})."
            ) from error
    if not given:
        raise InputError(f"{path}: none of its {len(tasks):,} tasks has an annotation.")
    return build_events(study, sorted(given, key=lambda one: one.at), sheet=sheet)


def _list_tasks(study: BlindStudy, sheet: Sheet, kind: str) -> Iterator[dict[str, Any]]:
    for place, entry in enumerate(sheet.entries):
        if study.items[entry.item].kind == kind:
            yield {"sheet": sheet.number, "place": place + 1, "item": entry.item} | _show(study, entry)


def _show(study: BlindStudy, entry: Entry) -> dict[str, str]:
    item = study.items[entry.item]
    texts = show_texts(study, entry)
    shown = {"text_a": texts[0], "text_b": texts[1]} if item.kind == PAIRWISE else {"text": texts[0]}
    return {"dialogue": clean(item.dialogue)} | shown


def _build_pairwise(settings: StudySettings) -> Iterator[str]:
    yield from _begin(settings)
    yield '  <View style="display: flex; gap: 1.5em;">'
    for name, label in (("text_a", "A"), ("text_b", "B")):
        yield f'    <View style="flex: 1;"><Header value="{label}"/>'
        yield f'      <Text name="{name}" value="${name}" selectionEnabled="false"/></View>'
    yield "  </View>"
    yield '  <Choices name="answer" toName="dialogue" choice="single-radio" showInline="true" required="true">'
    for key, label in CHOICES.items():
        yield f'    <Choice value="{label}" alias="{key}"/>'
    yield "  </Choices>"
    if settings.asks_why:
        yield '  <TextArea name="why" toName="dialogue" rows="2" maxSubmissions="1" placeholder="Why? (optional)"/>'
    yield "</View>"


def _build_rating(settings: StudySettings) -> Iterator[str]:
    yield from _begin(settings)
    yield '  <Header value="Summary"/>'
    if settings.error_kinds:
        yield '  <Labels name="errors" toName="text">'
        for kind in settings.error_kinds:
            hint = _quote(f"{kind.definition} {kind.example}")
            yield f"    <Label value={_quote(kind.label)} alias={_quote(kind.key)} hint={hint}/>"
        yield "  </Labels>"
    yield '  <Text name="text" value="$text" granularity="word"/>'
    for one in settings.criteria:
        told = f"{one.label}: {one.question} 1: {one.lowest} {HIGHEST}: {one.highest} {one.example}"
        yield f'  <Header size="5" value={_quote(told)}/>'
        yield f'  <Rating name={_quote(SCORE + one.key)} toName="text" maxRating="{HIGHEST}" required="true"/>'
    yield "</View>"


def _begin(settings: StudySettings) -> Iterator[str]:
    yield "<View>"
    yield "  <Style>.htx-text{ white-space: pre-wrap; }</Style>"
    yield f"  <Header value={_quote(settings.title)}/>"
    yield '  <Text name="dialogue" value="$dialogue" selectionEnabled="false"/>'


def _quote(text: str) -> str:
    return quoteattr(clean(" ".join(text.split())))


def _read_task(task: dict[str, Any], study: BlindStudy, name: str) -> Iterator[GivenAnswer]:
    data = task["data"]
    if not isinstance(data, dict) or not {"sheet", "item"} <= set(data):
        raise InputError(f"{name}: its data does not say which item it is; it was not made by `dialora study export`.")
    item = study.items.get(str(data["item"]))
    for annotation in task["annotations"]:
        if annotation.get("was_cancelled"):
            continue
        results = annotation["result"]
        if item is None:
            answer: dict[str, Any] = {}  # build_events says what is wrong
        elif item.kind == PAIRWISE:
            answer = _read_pair(results)
        else:
            answer = _read_rating(results, study.settings, show_text(item.texts[0]), name)
        lead = annotation.get("lead_time")
        yield GivenAnswer(
            "label-studio",
            _name_annotator(annotation),
            name,
            int(data["sheet"]),
            str(data["item"]),
            answer,
            None if lead is None else float(lead),
            str(annotation.get("updated_at") or annotation["created_at"]),
        )


def _name_annotator(annotation: dict[str, Any]) -> str:
    """Return who annotated: an id, or in newer exports an object with one."""
    by = annotation.get("completed_by")
    return str(by.get("id") or by.get("email")) if isinstance(by, dict) else str(by)


def _read_pair(results: list[dict[str, Any]]) -> dict[str, Any]:
    named = {label: key for key, label in CHOICES.items()}
    answer: dict[str, Any] = {}
    for result in results:
        if result["from_name"] == "answer":
            (chosen,) = result["value"]["choices"]
            answer["answer"] = named.get(chosen, chosen)
        elif result["from_name"] == "why":
            answer["why"] = _join(result["value"]["text"])
    return answer


def _read_rating(results: list[dict[str, Any]], settings: StudySettings, text: str, name: str) -> dict[str, Any]:
    named = {kind.label: kind.key for kind in settings.error_kinds}
    scores: dict[str, int] = {}
    errors = []
    for result in results:
        value = result["value"]
        if result["from_name"] == "errors":
            place = find_words(text, int(value["start"]), int(value["end"]), value.get("text"), task=name)
            errors += [
                {"start": place[0], "stop": place[1], "kind": named.get(label, label)} for label in value["labels"]
            ]
        elif result["from_name"].startswith(SCORE):
            scores[result["from_name"].removeprefix(SCORE)] = value["rating"]
    return {"scores": scores, "errors": errors}


def _join(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "\n".join(text)


__all__ = ["export_label_studio", "read_label_studio"]

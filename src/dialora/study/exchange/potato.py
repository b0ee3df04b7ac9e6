"""A study in Potato: a project for each sheet and kind of item, and its annotations read back.

A project has `config.yaml` and `tasks.jsonl`, in the sheet's order and with its texts in the order shown. What
comes back is the project's JSONL export (`annotations.jsonl`), a `user_state.json`, or the folder of these,
`annotation_output`. Formats: https://potatoannotator.com/docs (configuration, instance display, schemas, export
formats, behavioral tracking).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from dialora.errors import InputError
from dialora.printable import clean
from dialora.store import save_text
from dialora.study.exchange.answers_given import GivenAnswer, build_events, find_words, show_text, show_texts
from dialora.study.exchange.labels import CHOICES, SCORE
from dialora.study.exchange.saved_file import read_saved_file
from dialora.study.folder import BlindStudy
from dialora.study.judgements import Event
from dialora.study.records import HIGHEST, KINDS, LOWEST, PAIRWISE, Entry, Sheet, StudySettings

_TASKS, _STATE = "tasks.jsonl", "user_state.json"
_FREE = "free_response"
"""A name under which a scheme keeps another answer than its choice."""


def export_potato(study: BlindStudy, folder: Path) -> list[Path]:
    """Write a project for each sheet and kind, `sheet-1-pairwise/` and so on; return the files."""
    written = []
    for sheet in study.sheets:
        for kind in KINDS:
            rows = list(_list_rows(study, sheet, kind))
            if not rows:
                continue
            project = folder / f"sheet-{sheet.number}-{kind}"
            project.mkdir(parents=True, exist_ok=True)
            config = yaml.safe_dump(_build_config(study.settings, kind), sort_keys=False, allow_unicode=True)
            lines = [json.dumps(row, ensure_ascii=False) for row in rows]
            for path, text in ((project / "config.yaml", config), (project / _TASKS, "\n".join(lines))):
                save_text(text.rstrip("\n") + "\n", path, errors="replace")
                written.append(path)
    return written


def read_potato(path: Path, study: BlindStudy, *, sheet: int | None = None) -> list[Event]:
    """Read what Potato kept or exported. Raises InputError, with a line, for what is none of this study."""
    files = sorted(path.glob(f"*/{_STATE}")) if path.is_dir() else [path]
    if not files:
        raise InputError(
            f"{path}: holds no {_STATE}; give Potato's annotation_output, or the annotations.jsonl that it exports."
        )
    given: list[GivenAnswer] = []
    for file in files:
        content = read_saved_file(file)
        try:
            text = content.decode()
            given += (
                _read_state(file, json.loads(text), study) if file.name == _STATE else _read_lines(file, text, study)
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{file}: is not in the form in which Potato keeps or exports answers ({error!r})."
            ) from error
    if not given:
        raise InputError(f"{path}: holds no answer.")
    return build_events(study, sorted(given, key=lambda one: one.at), sheet=sheet)


def _list_rows(study: BlindStudy, sheet: Sheet, kind: str) -> Iterator[dict[str, Any]]:
    for entry in sheet.entries:
        if study.items[entry.item].kind == kind:
            yield {"id": f"{sheet.number}-{entry.item}"} | _show(study, entry)


def _show(study: BlindStudy, entry: Entry) -> dict[str, Any]:
    item, texts = study.items[entry.item], show_texts(study, entry)
    turns = [clean(line) for line in item.dialogue.split("\n") if line.strip()]
    shown = {"text_a": texts[0], "text_b": texts[1]} if item.kind == PAIRWISE else {"text": texts[0]}
    return {"dialogue": turns} | shown


def _build_config(settings: StudySettings, kind: str) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [
        {
            "key": "dialogue",
            "type": "dialogue",
            "label": "Conversation",
            "display_options": {"speaker_extraction": True},
        }
    ]
    if kind == PAIRWISE:
        fields += [{"key": key, "type": "text", "label": label} for key, label in (("text_a", "A"), ("text_b", "B"))]
        schemes = _list_pair_schemes(settings)
    else:
        # The one field in which words can be marked.
        fields.append({"key": "text", "type": "text", "label": "Summary", "span_target": True})
        schemes = _list_rating_schemes(settings)
    return {
        "annotation_task_name": clean(settings.title),
        "annotation_task_description": clean(settings.instructions),
        "task_dir": ".",
        "data_files": [_TASKS],
        "item_properties": {"id_key": "id", "text_key": "text_a" if kind == PAIRWISE else "text"},
        "output_annotation_dir": "annotation_output",
        "export_annotation_format": "jsonl",
        # A sheet is one rater's, and its order is part of the study.
        "assignment_strategy": "fixed_order",
        "max_annotations_per_item": 1,
        "max_annotations_per_user": -1,
        "user_config": {"allow_all_users": True, "users": []},
        "instance_display": {"fields": fields, "layout": {"direction": "vertical"}},
        "annotation_schemes": schemes,
    }


def _list_pair_schemes(settings: StudySettings) -> list[dict[str, Any]]:
    schemes: list[dict[str, Any]] = [
        {
            "annotation_type": "radio",
            "name": "answer",
            "description": "Which summary is better?",
            "labels": list(CHOICES.values()),
            "sequential_key_binding": True,
            "label_requirement": {"required": True},
        }
    ]
    if settings.asks_why:
        schemes.append(
            {"annotation_type": "text", "name": "why", "description": "Why? (optional)", "multiline": True, "rows": 2}
        )
    return schemes


def _list_rating_schemes(settings: StudySettings) -> list[dict[str, Any]]:
    schemes: list[dict[str, Any]] = [
        {
            "annotation_type": "likert",
            "name": SCORE + one.key,
            "description": clean(f"{one.label}: {one.question} {one.example}"),
            "min_label": clean(one.lowest),
            "max_label": clean(one.highest),
            "size": HIGHEST - LOWEST + 1,
            "displaying_score": True,
            "label_requirement": {"required": True},
        }
        for one in settings.criteria
    ]
    if settings.error_kinds:
        kinds = " ".join(f"{one.label}: {one.definition}" for one in settings.error_kinds)
        schemes.append(
            {
                "annotation_type": "span",
                "name": "errors",
                "description": clean(f"Mark the words of the summary that are wrong. {kinds}"),
                "labels": [clean(one.label) for one in settings.error_kinds],
            }
        )
    return schemes


def _read_lines(path: Path, text: str, study: BlindStudy) -> Iterator[GivenAnswer]:
    """Read a JSONL export: an object a line, with labels and spans by scheme. It has no times."""
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
    for number, line in enumerate(text.split("\n")):
        if line.strip():
            record = json.loads(line)
            name = f"{path}: line {number + 1}"
            yield from _read_record(study, record, record["user_id"], name, None, at)


def _read_state(path: Path, state: dict[str, Any], study: BlindStudy) -> Iterator[GivenAnswer]:
    """Read what Potato keeps of an annotator: lists of [{schema, name}, value], and how long each item took."""
    labels, spans = state["instance_id_to_label_to_value"], state.get("instance_id_to_span_to_value", {})
    for instance in labels:
        by_scheme: dict[str, dict[str, Any]] = {}
        for label, value in _list_pairs(labels[instance]):
            by_scheme.setdefault(label["schema"], {})[label["name"]] = value
        marked: dict[str, list[Any]] = {}
        for span, _ in _list_pairs(spans.get(instance, [])):
            marked.setdefault(span["schema"], []).append(span)
        record = {"instance_id": instance, "labels": by_scheme, "spans": marked}
        behavior = (state.get("instance_id_to_behavioral_data") or {}).get(instance) or {}
        took, end = behavior.get("total_time_ms"), behavior.get("session_end")
        stamp = float(end) if end else path.stat().st_mtime
        at = datetime.fromtimestamp(stamp, UTC).isoformat()
        seconds = float(took) / 1000 if took else None  # 0 is what stands there before the time is known
        yield from _read_record(study, record, state["user_id"], f"{path}: {instance}", seconds, at)


def _list_pairs(kept: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Give the pairs of a list; of the older form, an object by scheme, the same."""
    if isinstance(kept, dict):
        for scheme, held in kept.items():
            if isinstance(held, dict):
                yield from (({"schema": scheme, "name": name}, value) for name, value in held.items())
            else:
                yield from ((span | {"schema": scheme}, True) for span in held)
    else:
        yield from kept


def _read_record(
    study: BlindStudy, record: dict[str, Any], annotator: Any, name: str, seconds: float | None, at: str
) -> Iterator[GivenAnswer]:
    number, _, key = str(record["instance_id"]).partition("-")
    if not number.isdecimal() or not key:
        raise InputError(f"{name}: {record['instance_id']!r} is no item of a study's export.")
    labels, spans = record["labels"], record.get("spans") or {}
    item = study.items.get(key)
    if not labels and not any(spans.values()):
        return  # opened, not answered
    answer: dict[str, Any] = {}  # of an unknown item: build_events says so
    if item is not None and item.kind == PAIRWISE:
        named = {label: key for key, label in CHOICES.items()}
        chosen = _read_choice(labels, "answer", name)
        answer = {"answer": named.get(chosen, chosen)}
        why = "\n".join(map(str, labels.get("why", {}).values()))
        answer |= {"why": why} if why else {}
    elif item is not None:
        schemes = [scheme for scheme in labels if scheme.startswith(SCORE)]
        scores = {scheme.removeprefix(SCORE): int(_read_choice(labels, scheme, name)) for scheme in schemes}
        marks = [_read_mark(span, study.settings, show_text(item.texts[0]), name) for span in spans.get("errors", ())]
        answer = {"scores": scores, "errors": marks}
    yield GivenAnswer("potato", str(annotator), name, int(number), key, answer, seconds, at)


def _read_choice(labels: dict[str, dict[str, Any]], scheme: str, name: str) -> str:
    """Return the one label of a scheme that is chosen. Raises InputError where there are several."""
    chosen = [
        label
        for label, value in labels.get(scheme, {}).items()
        if label != _FREE and str(value).lower() not in ("", "false", "none")
    ]
    if len(chosen) > 1:
        raise InputError(
            f"{name}: {scheme} has several answers ({', '.join(chosen)}), as older versions of Potato kept them; "
            "`potato repair-annotations` finds the last one."
        )
    return chosen[0] if chosen else ""


def _read_mark(span: dict[str, Any], settings: StudySettings, text: str, name: str) -> dict[str, Any]:
    named = {clean(kind.label): kind.key for kind in settings.error_kinds}
    label = span.get("name") or span["label"]
    start, stop = find_words(text, int(span["start"]), int(span["end"]), span.get("text") or None, task=name)
    return {"start": start, "stop": stop, "kind": named.get(label, label)}


__all__ = ["export_potato", "read_potato"]

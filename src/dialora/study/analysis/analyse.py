"""A study's result, put together.

Takes the study's folder and its events, gives a StudyResult, and keeps it in the folder of every system that it judged.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from dialora.comparison.people import PEOPLE, StudyResult
from dialora.comparison.people_stage import digest_text, keep_study
from dialora.config import stable_hash
from dialora.errors import DialoraError
from dialora.report.comparison_stage import load_comparison
from dialora.report.examples import EMPTY
from dialora.store import names, save_json
from dialora.study.analysis.agreement import measure_agreements
from dialora.study.analysis.errors import count_errors
from dialora.study.analysis.metrics import compare_metrics
from dialora.study.analysis.notes import describe_missing, write_notes
from dialora.study.analysis.preferences import compare_preferences
from dialora.study.analysis.raters import RaterReview, measure_position_bias
from dialora.study.analysis.ratings import average_ratings, compare_ratings
from dialora.study.analysis.strengths import fit_strengths
from dialora.study.analysis.unblind import find_never_asked, unblind
from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.judgements import Event, Judgement, collect_judgements
from dialora.study.key import JUDGED, JudgedSystem, StudyKey
from dialora.study.records import RATING


def analyse_study(
    folder: StudyFolder, events: Iterable[Event], *, keep_all: bool = False, seed: int = 0, save: bool = True
) -> StudyResult:
    """Return what the events of a study say, and keep it: in its folder, and in that of every system it judged.

    Without `save` nothing is written.

    Raters who did not judge what was shown are left out (`analysis.raters`), unless `keep_all`. Raises StageError where
    the study is missing or damaged.
    """
    blind, key = folder.load_blind(), folder.load_key()
    judgements = collect_judgements(blind.sheets, events)
    result = build_result(blind, key, judgements, keep_all=keep_all, seed=seed)
    if not save:
        return result
    present = [source for source in result.sources if Path(source).is_dir()]
    for source in present:
        keep_study(result, source)
    missing = [describe_missing(source) for source in result.sources if source not in present]
    result = replace(result, notes=(*result.notes, *missing))
    save_json(result.to_json(), folder.root / names.ANALYSIS_JSON)
    return result


def build_result(
    blind: BlindStudy, key: StudyKey, judgements: Sequence[Judgement], *, keep_all: bool = False, seed: int = 0
) -> StudyResult:
    """Return the result of the judgements, without writing anything."""
    raters = RaterReview(blind, key, judgements).describe()
    failing = {rater.sheet: rater.excluded for rater in raters if rater.excluded}
    if keep_all:
        raters = tuple(replace(rater, excluded="") for rater in raters)
    result = replace(_analyse(blind, key, judgements, () if keep_all else failing, seed), raters=raters)
    # What the other choice would have come to: every number that is read first, with or without these raters.
    other = _analyse(blind, key, judgements, failing if keep_all else (), seed) if failing else None
    never_asked = find_never_asked(key) if blind.settings.design != RATING else []
    return replace(result, notes=write_notes(result, failing, other, never_asked=never_asked, keep_all=keep_all))


def _analyse(
    blind: BlindStudy, key: StudyKey, judgements: Iterable[Judgement], excluded: Container[int], seed: int
) -> StudyResult:
    kept = [one for one in judgements if one.sheet not in excluded]
    sheets = [sheet for sheet in blind.sheets if sheet.number not in excluded]
    roles = {item.id: item for item in key.items if item.role == JUDGED}
    judged = [one for one in kept if one.item in roles]
    unblinded = unblind(key, blind.sheets, kept)
    systems = [system.key for system in key.systems]
    criteria = {criterion.key: criterion.label for criterion in blind.settings.criteria}
    return StudyResult(
        name=blind.settings.name,
        design=blind.settings.design,
        labels={system.key: system.label for system in key.systems},
        criteria=criteria,
        num_dialogues=len({roles[one.item].dialogue_id for one in judged}),
        num_raters=len({one.sheet for one in judged}),
        num_judgements=len(judged),
        num_asked=sum(entry.item in roles for sheet in sheets for entry in sheet.entries),
        preferences=compare_preferences(unblinded, seed=seed),
        strengths=fit_strengths(unblinded, systems),
        ratings=average_ratings(unblinded, systems, list(criteria)),
        rating_differences=compare_ratings(unblinded, list(criteria), seed=seed),
        agreements=measure_agreements(sheets, judged, list(criteria), seed=seed),
        raters=(),
        errors=count_errors(unblinded, systems, blind.settings.error_kinds),
        metrics=compare_metrics(key, unblinded, list(criteria), seed=seed),
        position=measure_position_bias(key, kept),
        notes=(),
        sources=tuple(dict.fromkeys(system.source for system in key.systems if system.source)),
        written_by={system.key: _find_writer(system) for system in key.systems},
        judged=_digest_texts(blind, key),
        id=_identify(blind, key),
    )


def _identify(blind: BlindStudy, key: StudyKey) -> str:
    """Return what tells a study from others of its name: what was drawn."""
    return stable_hash([sorted(item.id for item in key.items), _digest_texts(blind, key)])[:8]


def _find_writer(system: JudgedSystem) -> tuple[str, str]:
    """Return a system's key in the folder that it comes from, and the folder: there are `key@folder` here of two."""
    if system.key == PEOPLE and not system.source:
        return "", ""
    try:
        there = [one.key for one in load_comparison(Path(system.source)).comparison.systems]
    except DialoraError:
        there = []
    named = [one for one in there if system.key == one or system.key.startswith(f"{one}@")]
    return max(named, key=len, default=system.key), system.source


def _digest_texts(blind: BlindStudy, key: StudyKey) -> dict[str, dict[str, str]]:
    """Return what each judged text is known by, by system and dialogue."""
    found: dict[str, dict[str, str]] = {system.key: {} for system in key.systems}
    for item in key.items:
        if item.role != JUDGED or item.id not in blind.items:
            continue
        for text, writers in zip(blind.items[item.id].texts, item.writers, strict=True):
            for system in writers:
                found[system][item.dialogue_id] = digest_text("" if text == EMPTY else text)
    return found


__all__ = ["analyse_study", "build_result"]

"""Summaries → what is answered of them: where each names what nobody said, and which turns its sentences are from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dialora.serving.inputs import ReadContent
from dialora.systems.evidence import find_evidence, list_unsupported_places
from dialora.systems.items import Item
from dialora.systems.summary import Summary
from dialora.systems.writing import show_said


def build_summary(
    content: ReadContent, summary: Summary, *, system: str, seconds: float, explains: bool
) -> dict[str, Any]:
    """Return one system's summary of a conversation in the form of `schema.SystemSummary`.

    Unless it `explains`, nothing is looked up in the conversation: a twentieth of the time that a small system writes.
    """
    return {
        "system": system,
        "text": summary.text,
        "finish_reason": summary.finish_reason,
        "num_parts": summary.num_parts,
        "truncated": summary.truncated,
        "unsupported": _list_unsupported(content, summary) if explains else None,
        "sentences": _list_sentences(content, summary) if explains else None,
        "seconds": round(seconds, 3),
    }


def _list_unsupported(content: ReadContent, summary: Summary) -> list[dict[str, Any]]:
    said = show_said(Item(1, "", "", content.content))
    return [place.to_json() for place in list_unsupported_places(summary.text, said)]


def _list_sentences(content: ReadContent, summary: Summary) -> list[dict[str, Any]]:
    turns = [(speaker or "", text) for speaker, text in content.turns]
    return [{**one.to_json(), "turns": list(one.turns)} for one in find_evidence(summary.text, turns)]


def build_conversation(content: ReadContent, summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a conversation in the form of `schema.SummarizedConversation`."""
    return {
        "id": content.id,
        "format": content.format,
        "turns": [{"speaker": speaker, "text": text} for speaker, text in content.turns],
        "notes": list(content.notes),
        "summaries": list(summaries),
    }


__all__ = ["build_conversation", "build_summary"]

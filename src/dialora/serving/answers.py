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
    content: ReadContent, turns: Sequence[tuple[str | None, str]], summary: Summary, *, system: str, seconds: float
) -> dict[str, Any]:
    """Return one system's summary of a conversation in the form of `schema.SystemSummary`."""
    places = list_unsupported_places(summary.text, show_said(Item(1, "", "", content.content)))
    sentences = find_evidence(summary.text, [(speaker or "", text) for speaker, text in turns])
    return {
        "system": system,
        "text": summary.text,
        "finish_reason": summary.finish_reason,
        "num_parts": summary.num_parts,
        "truncated": summary.truncated,
        "unsupported": [place.to_json() for place in places],
        "sentences": [{**sentence.to_json(), "turns": list(sentence.turns)} for sentence in sentences],
        "seconds": round(seconds, 3),
    }


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

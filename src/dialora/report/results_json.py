"""`results.json`: the comparison and where it comes from, as plain values."""

from __future__ import annotations

from typing import Any

from dialora.report.document import ReportDocument


def build_results(document: ReportDocument) -> dict[str, Any]:
    """Return `results.json`: the comparison, and where it comes from."""
    values = document.comparison.to_json()
    first = {name: values.pop(name) for name in ("schema_version", "experiment", "protocol")}
    origin = {
        "data": document.data["fingerprint"],
        "also_in_train": document.data.get("also_in_train"),
        "environment": document.environment,
        "notes": document.notes,
        "tuning": [search.to_json() for search in document.searches],
        "studies": [study.to_json() for study in document.studies],
        "faithfulness": [row.to_json() for row in document.faithfulness],
    }
    return first | values | origin


__all__ = ["build_results"]

"""A toy metric stands beside ROUGE."""

import json
from pathlib import Path

import dialora


def test_a_toy_metric_stands_in_every_table(tmp_path: Path) -> None:
    table = tmp_path / "t.jsonl"
    rows = [
        {"dialogue": f"Ann: Hi {n}.", "summary": "Ann says hi.", "short": "Hi.", "long": "a b c d e f"}
        for n in range(9)
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    comparison = dialora.score_outputs(
        table, set={"scoring.learned": {"length": {"kind": "length"}}}, output=tmp_path / "o"
    )
    assert [round(system.scores["length"].mean, 3) for system in comparison.systems[:2]] == [0.333, 2.0]
    assert "|length" in comparison.protocol
    assert "words of the summary by words of the reference" in (tmp_path / "o" / "report.md").read_text(
        encoding="utf-8"
    )

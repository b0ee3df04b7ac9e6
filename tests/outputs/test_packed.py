"""Packed files of outputs are what they are unpacked."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from dialora.config import load_outputs_config
from dialora.outputs import is_table
from dialora.outputs.table import Outputs, load_outputs

REFERENCES, SUMMARIES = ["Ann left early.", "Ben stayed there."], ["Ann left.", "Ben was there."]


def save(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def load(*paths: Path) -> Outputs:
    return load_outputs(load_outputs_config(paths))


def describe(outputs: Outputs) -> tuple[object, ...]:
    systems = [(one.key, one.label, one.summaries) for one in outputs.systems]
    return systems, [one.references for one in outputs.examples], outputs.summary.notes


@pytest.mark.parametrize("suffix", [".gz", ".GZ"])
def test_texts_with_a_summary_a_line(tmp_path: Path, suffix: str) -> None:
    files = {"refs.txt": REFERENCES, "bart.txt": SUMMARIES}
    plain = [save(tmp_path / name, "\n".join(lines) + "\n") for name, lines in files.items()]
    packed = [save(tmp_path / f"{name}.gz", "\n".join(lines) + "\n") for name, lines in files.items()]
    packed = [path.rename(path.with_suffix(suffix)) for path in packed]
    assert describe(load(*packed)) == describe(load(*plain))
    assert load(*packed).systems[0].summaries == tuple(SUMMARIES)


def test_a_table(tmp_path: Path) -> None:
    text = "reference,bart\n" + "".join(f"{a},{b}\n" for a, b in zip(REFERENCES, SUMMARIES, strict=True))
    plain, packed = save(tmp_path / "o.csv", text), save(tmp_path / "o.csv.gz", text)
    assert describe(load(packed)) == describe(load(plain))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("o.csv", True), ("o.csv.gz", True), ("o.GZ", True), ("o.jsonl.gz", True), ("e.yaml", False), ("e.yml", False),
        ("e.yaml.gz", False), ("seed", False),
    ],
)  # fmt: skip
def test_what_is_a_table_and_what_an_experiment(name: str, expected: bool) -> None:
    assert is_table(name) == expected

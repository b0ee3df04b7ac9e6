"""Prove that a change of the code changed no number: `python -m tools.same_numbers COMMIT`.

Runs the same experiments and the same table of outputs with the package as it was at COMMIT and as it stands in the
working tree, each from nothing, and compares weights, losses, predictions, scores, statistics and verdicts to the last
bit; only times, memory and what follows from them are left out. Then the working tree reads what the old code left
behind: it must make no stage of a run again, and write the very same results and report, times included.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
SMALL = ("data.max_train_examples=48", "data.max_validation_examples=12", "data.max_test_examples=12")
QUICK = (*SMALL, "training.max_steps=6", "decoding.max_new_tokens=30", "scoring.num_resamples=500")
EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "bundled": (),
    "tuned": (*QUICK, "tuning.trials=3"),
    "beams": (*QUICK, "decoding.num_beams=3", "decoding.early_stopping=true", "scoring.protocol=hub"),
    "methods": (*QUICK, "methods={zero_shot: {}, dora: {}, pissa: {}, prompt_tuning: {}, last_layers: {}}"),
    "variants": (
        *QUICK,
        "methods={full: {}, lora: {}, lora_decoder: {}}",
        "seeds=[0, 1]",
        "training.cache_encoder=true",
        "training.early_stopping_patience=1",
    ),
    "rouge": (*QUICK, "tuning.trials=2", "tuning.metric=rouge1", "tuning.max_examples=6", "methods={lora: {}}"),
}
"""Name → overrides of the bundled experiment."""

MEASURED = frozenset(
    {"train_seconds", "peak_memory_bytes", "tokens_per_second", "seconds_per_1000_summaries", "energy_kwh"}
    | {"seconds", "encoding_seconds", "converting_seconds", "loading_memory_bytes"}
    | {"wall_seconds", "tokenize_seconds", "prepare_seconds", "generate_seconds", "score_seconds", "load_seconds"}
)
"""Facts that differ from run to run."""

WORK = "work"
"""Folders of what only a run under way needs."""

REMADE = frozenset({"faithfulness"})
"""Stages whose key holds the code itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both, compare, and say what differs; the exit code is 1 where anything does."""
    parser = argparse.ArgumentParser(prog="python -m tools.same_numbers", description=__doc__)
    parser.add_argument("commit", help="what to compare the working tree with")
    parser.add_argument("--only", nargs="+", choices=[*EXPERIMENTS, "table"], help="leave the others out")
    options = parser.parse_args(arguments)
    chosen = options.only or [*EXPERIMENTS, "table"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        before = _check_out(options.commit, root / "code")
        differences = [line for name in chosen for line in _compare(name, before, REPOSITORY / "src", root)]
    for line in differences:
        print(line)
    print(f"{len(differences)} differences in {', '.join(chosen)}.")
    return 1 if differences else 0


def _check_out(commit: str, folder: Path) -> Path:
    """Unpack the package as it was at a commit; return the folder to import it from."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit, "src"], cwd=REPOSITORY, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder / "src"


def _compare(name: str, before: Path, after: Path, root: Path) -> Iterator[str]:
    old, new, read = (root / f"{name}-{which}" for which in ("old", "new", "read"))
    for source, output in ((before, old), (after, new)):
        print(f"{name}: {output.name}", file=sys.stderr)
        _run(name, source, output, root)
    yield from (f"{name}: {line}" for line in _list_differences(_collect(old), _collect(new)))
    shutil.copytree(old, read)
    stages = _list_stages(read)
    _run(name, after, read, root)
    for stage, written in _list_stages(read).items():
        if stage.split("/")[0] not in REMADE and stages.get(stage) != written:
            yield f"{name}: {stage} was made again"
    pages = ("results.json", "report.md", "report.html", "figures/*.svg")
    for path in sorted(path for pattern in pages for path in old.glob(pattern)):
        place = path.relative_to(old)
        if path.read_bytes() != (read / place).read_bytes():
            yield f"{name}: {place} of the old folder is written otherwise"


def _run(name: str, source: Path, output: Path, root: Path) -> None:
    """Run one experiment, or score the table, with the package that lies in `source`."""
    command = ["score", str(_write_table(root / "table.csv"))] if name == "table" else ["compare", "bundled"]
    overrides = () if name == "table" else (f"name={name}", *EXPERIMENTS[name])
    options = [part for override in overrides for part in ("--set", override)]
    subprocess.run(
        [sys.executable, "-m", "dialora", *command, *options, "--output", str(output)],
        # PEFT writes sets into adapter_config.json, whose order follows the hashes of strings.
        env=os.environ | {"PYTHONPATH": str(source), "PYTHONHASHSEED": "0"},
        cwd=root,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _write_table(path: Path) -> Path:
    """Write a table of outputs: what three simple systems say of the bundled test dialogues."""
    if path.is_file():
        return path
    lines = (REPOSITORY / "src/dialora/assets/dialogues/test.jsonl").read_text(encoding="utf-8").split("\n")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "dialogue", "summary1", "summary2", "first_turn", "last_turn", "half a reference"))
        for row in (json.loads(line) for line in lines if line):
            turns = row["dialogue"].split("\n")
            summaries = [text for key, text in row.items() if key.startswith("summary")]
            first, *others = [one for text in summaries for one in ([text] if isinstance(text, str) else text)]
            half = " ".join(first.split()[: len(first.split()) // 2])
            writer.writerow((row["id"], row["dialogue"], first, *others[:1], turns[0], turns[-1], half))
    return path


def _collect(folder: Path) -> dict[str, Any]:
    """Return everything that must not depend on how fast or on which commit it was made, by file."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if WORK in place.split("/") or not path.is_file():
            continue
        if path.suffix in (".jsonl", ".safetensors"):
            found[place] = path.read_bytes()
        elif path.suffix == ".json" and path.name not in ("manifest.json", ".report.json"):
            found[place] = _without_measured(json.loads(path.read_text(encoding="utf-8")))
    return found


def _without_measured(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_measured(one) for key, one in value.items() if key not in MEASURED}
        # The verdict says what share of the training time a method took.
        return kept | ({"verdict": _mask_shares(kept["verdict"])} if isinstance(kept.get("verdict"), str) else {})
    return [_without_measured(one) for one in value] if isinstance(value, list) else value


def _mask_shares(verdict: str) -> str:
    return re.sub(r"\d+ % of the training time", "… % of the training time", verdict)


def _list_differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for place in sorted(old.keys() | new.keys()):
        if place not in new or place not in old:
            yield f"{place} is there {'before' if place in old else 'after'} only"
        elif old[place] != new[place]:
            yield f"{place} differs"


def _list_stages(folder: Path) -> dict[str, int]:
    """Return when each stage was written, by its place."""
    manifests = folder.rglob("manifest.json")
    return {path.parent.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in manifests}


if __name__ == "__main__":
    sys.exit(main())

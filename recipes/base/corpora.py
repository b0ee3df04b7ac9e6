"""Read the public corpora into one form: a dialogue is a list of turns, sometimes with a human summary.

Takes the folder that `DIALORA_DATA` names (default `../shared/data` beside the repository), gives
`Dialogue` objects. DialogSum is never read: the base model must meet it for the first time in the
experiments. Every dialogue has a stable key, from which `is_held_out` derives its side of the split.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
SUMMARY_WORDS = 48  # longer human summaries do not fit the 64 target tokens


class CorporaMissingError(Exception):
    """The folder with the training corpora is not there."""


@dataclass(frozen=True)
class Act:
    """One dialogue act of a Schema-Guided turn, such as OFFER restaurant_name ("Sino",)."""

    kind: str
    slot: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Turn:
    """What one speaker says before the next one speaks."""

    speaker: str
    text: str
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True)
class Dialogue:
    """A conversation; `summary` is human writing or empty, `query` the question that it answers."""

    corpus: str
    key: str
    turns: tuple[Turn, ...]
    summary: str = ""
    query: str = ""

    @property
    def is_held_out(self) -> bool:
        """True for one dialogue in fifty, the same ones in every run."""
        return zlib.crc32(self.key.encode()) % 50 == 0


def data_folder() -> Path:
    """Return the folder of all data, whether or not it is there."""
    return Path(os.environ.get("DIALORA_DATA") or REPOSITORY / ".." / "shared" / "data")


def find_corpora() -> Path:
    """Return the folder of the corpora or raise `CorporaMissingError` with what to do."""
    root = data_folder() / "corpora"
    if not (root / "schema_guided_dialogue").is_dir():
        raise CorporaMissingError(
            f"DIALORA_DATA: no training corpora in '{root}'. Set DIALORA_DATA to the data folder "
            "(it holds corpora/schema_guided_dialogue and the others)."
        )
    return root


def load_dialogues(root: Path, limit: int | None = None) -> list[Dialogue]:
    """Read every corpus, at most `limit` dialogues of each."""
    readers = (read_schema_guided, read_taskmaster, read_topical_chat, read_crd3, read_qmsum, read_convosumm)
    return [d for reader in readers for d in itertools.islice(reader(root), limit) if len(d.turns) > 1]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def clean(text: str) -> str:
    """Join whitespace and attach the punctuation that tokenised transcripts leave apart."""
    text = re.sub(r"\{\w+\}", " ", text.replace("’", "'"))
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"(?: ([.,?!;:]))+(?=\s|$)", r"\1", text)
    return re.sub(r" ('(?:s|re|ve|ll|m|d)|n't)\b", r"\1", text)


def read_schema_guided(root: Path) -> Iterator[Dialogue]:
    """Yield task dialogues whose turns carry acts."""
    for split in ("train", "dev", "test"):
        for row in _rows(root / "schema_guided_dialogue" / f"{split}.jsonl.gz"):
            turns = tuple(
                Turn(
                    turn["speaker"],
                    clean(turn["utterance"]),
                    tuple(Act(a[0], a[1], tuple(a[2])) for frame in turn["frames"] for a in frame["acts"]),
                )
                for turn in row["turns"]
            )
            yield Dialogue("schema_guided", f"sgd-{split}-{row['dialogue_id']}", turns)


def read_taskmaster(root: Path) -> Iterator[Dialogue]:
    """Yield short coffee orders."""
    for row in _rows(root / "taskmaster" / "tm4.jsonl.gz"):
        turns = tuple(Turn(speaker, clean(text)) for speaker, text in row["turns"])
        yield Dialogue("taskmaster", row["conversation_id"], turns)


def read_topical_chat(root: Path) -> Iterator[Dialogue]:
    """Yield open conversations of about twenty turns."""
    for row in _rows(root / "topical_chat" / "conversations.jsonl.gz"):
        turns = tuple(Turn(speaker, clean(text)) for speaker, text in row["turns"])
        yield Dialogue("topical_chat", row["conversation_id"], turns)


def read_crd3(root: Path) -> Iterator[Dialogue]:
    """Yield role-play chunks; the summary is kept where the aligner trusted the pair."""
    for index, row in enumerate(_rows(root / "crd3" / "chunks.jsonl.gz")):
        turns = tuple(Turn(speaker.title(), clean(text)) for speaker, text in row["turns"] if text.strip())
        summary = _opening(clean(row["summary"]), SUMMARY_WORDS)
        # Above 8 the "summary" is a quotation of the chunk; at low scores it often belongs to another one.
        is_pair = 0.1 <= row["score"] <= 8 and _is_faithful(summary, turns)
        yield Dialogue("crd3", f"crd3-{index}", turns, summary if is_pair else "")


def read_qmsum(root: Path) -> Iterator[Dialogue]:
    """Yield the stretch of a meeting that a query is about, with the answer where it is short."""
    for split in ("train", "val", "test"):
        for row in _rows(root / "qmsum" / f"{split}.jsonl.gz"):
            for index, query in enumerate(row["specific_query_list"]):
                spans = query["relevant_text_span"]
                said = [t for a, b in spans for t in row["meeting_transcripts"][int(a) : int(b) + 1]]
                turns = tuple(Turn(t["speaker"], clean(t["content"])) for t in said if clean(t["content"]))
                answer = _opening(clean(query["answer"]), SUMMARY_WORDS)
                is_pair = _is_faithful(answer, turns)
                key = f"qmsum-{split}-{row['id']}-{index}"
                yield Dialogue("qmsum", key, turns, answer if is_pair else "", clean(query["query"]))


def read_convosumm(root: Path) -> Iterator[Dialogue]:
    """Yield e-mail threads, each message cut to its opening words, with the human summary."""
    with zipfile.ZipFile(root / "convosumm" / "convosumm.zip") as archive:
        for name in ("email.all.newsumms.{}.remove_markers_simple_separator.txt", "train.{}"):
            sources = archive.read("vanilla/" + name.format("source")).decode().splitlines()
            targets = archive.read("vanilla/" + name.format("target")).decode().splitlines()
            for index, (source, target) in enumerate(zip(sources, targets, strict=True)):
                turns = _messages(source)
                summary = _opening(clean(target), SUMMARY_WORDS)
                # Some targets of this archive belong to another thread: they name none of the writers.
                is_pair = any(turn.speaker in summary for turn in turns)
                yield Dialogue("convosumm", f"convosumm-{name[:5]}-{index}", turns, summary if is_pair else "")


def _messages(thread: str) -> tuple[Turn, ...]:
    """Split one thread into turns; quoted headers and signatures are noise to a small model."""
    turns = []
    for message in thread.split("</s>"):
        head = re.match(r'\s*Name: "([^"]*)".*?Subject: "[^"]*"(.*)', message, re.S)
        if head is None:
            continue
        body = re.sub(r"\S*(?:https?:|@)\S*|[-=_*+|>~]{2,}|>", " ", head[2].split("  -- ")[0])
        words = clean(body).split()
        name = head[1].split(",")[-1].split() or ["Someone"]
        if words:
            turns.append(Turn(name[0].strip("'\"").title(), " ".join(words[:45])))
    return tuple(turns[:5])


def _is_faithful(summary: str, turns: tuple[Turn, ...]) -> bool:
    """True when a short dialogue holds most content words of the summary (by their first five letters)."""
    said = " ".join(turn.speaker + " " + turn.text for turn in turns).lower()
    words = [word[:5] for word in re.findall(r"[a-z0-9]{4,}", summary.lower())]
    if len(said.split()) > 260 or len(words) < 4:
        return False
    return sum(word in said for word in words) >= 0.5 * len(words)


def _opening(text: str, words: int) -> str:
    """Return as many whole sentences from the start as fit into `words`."""
    kept: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        if kept and len(" ".join([*kept, sentence]).split()) > words:
            break
        kept.append(sentence)
    return " ".join(kept)

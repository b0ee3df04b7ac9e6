"""Every name of a run directory, spelled once.

    runs/<experiment>/
    ├── experiment.yaml              the experiment as it was run, every default written out
    ├── .lock, .checked, work/       who is at work here; what has passed its checks; which jobs there are, logs
    ├── data/                        stage: the Examples of each split, what was skipped
    ├── tokens/                      stage: the training and validation splits as token ids
    ├── yardsticks/                  stage: what people and the floors score on the test split
    ├── faithfulness/                stage: what the systems' summaries say that their dialogues do not
    ├── scoring/                     stage: the scores of a table of outputs, where that is what the folder is of
    ├── comparison/                  stage: the comparison, and every test dialogue with all that was written of it
    ├── studies/<study>-<id>.json    what people judged, one file for each study of these systems
    ├── <method>-s<seed>-<hash8>/    one run
    │   ├── run.yaml                 the run's own configuration: an experiment of one method, seed and base
    │   ├── training/                stage: the adapter or model, losses, cost
    │   ├── generation/              stage: predictions
    │   ├── scoring/                 stage: scores per example and reference
    │   ├── published/               what `dialora publish` wrote last, and what it sent
    │   ├── ctranslate2-<precision>/ stage: the system converted, once it has been used after the experiment
    │   └── work/                    checkpoints, logs and a sign of life of stages under way
    ├── tuning/<method>-<hash8>/     the search for a method's learning rate, where one is asked for
    │   └── <method>-trial-<n>/      one trial: result/ (stage: losses and cost, no weights), work/ while under way
    ├── results.json
    └── report.md, report.html, figures/  (and .report.json: what they were made from)
    runs/data-check/<source>/        data-check.html, data-check.json

    studies/<study>/                 one study of people's judgements
    ├── blind/                       stage: all that raters see, and in which order; names no system
    ├── key/                         stage: who wrote what, what is a check, what metrics say
    ├── secret.key                   what invitations are signed with
    ├── ratings.sqlite               what raters did, event after event
    └── analysis.json                what they come to

    <output of an export>/           stage: one system in another form, with all that is needed to use it
    ├── export.json                  what it was made from, how it reads and writes, what its gate found
    └── tokenizer/                   what transformers reads, where the form's own files leave no place for it

What other libraries read is named as they want it where it is written: `adapter_config.json`, `config.json` and so on
in `training/`, CTranslate2's files in a conversion.
"""

from __future__ import annotations

import re

# An experiment's folder
EXPERIMENT = "experiment.yaml"
LOCK = ".lock"
CHECKED = ".checked"
RESULTS = "results.json"
REPORT_MARKDOWN, REPORT_HTML, FIGURES, REPORT_STAMP = "report.md", "report.html", "figures", ".report.json"
DATA, TOKENS, YARDSTICKS, FAITHFULNESS, TUNING = "data", "tokens", "yardsticks", "faithfulness", "tuning"

# A run's folder, and the stages of a run and of a trial
RUN_CONFIG = "run.yaml"
TRAINING, GENERATION, SCORING, RESULT = "training", "generation", "scoring", "result"
FIRST_RUNG = "first-rung"
PUBLISHED = "published"
WORK = "work"

# In every stage
MANIFEST = "manifest.json"

# In the stages, by stage
DATA_SUMMARY = "data.json"
TOKENIZED_SPLITS, TOKENS_FACTS = "splits.json", "tokens.json"
TRAINING_FACTS = "training.json"
GENERATION_FACTS, PREDICTIONS = "generation.json", "predictions.jsonl"
SCORING_FACTS, SCORES = "scoring.json", "scores.jsonl"
FAITHFULNESS_FACTS = "faithfulness.json"
TRIAL = "trial.json"
CONVERSION_FACTS = "dialora.json"

# The comparison as it was reported, and what people judged of its systems
COMPARISON, COMPARISON_FACTS, COMPARED_EXAMPLES = "comparison", "comparison.json", "examples.jsonl"
STUDIES = "studies"

# A study's folder
BLIND, KEY = "blind", "key"
STUDY_SETTINGS, STUDY_ITEMS, STUDY_SHEETS, STUDY_KEY = "settings.json", "items.jsonl", "sheets.jsonl", "key.json"
STUDY_SECRET, RATINGS = "secret.key", "ratings.sqlite"
ANALYSIS_JSON = "analysis.json"

# The folder of an export
EXPORT_RECORD, TOKENIZER = "export.json", "tokenizer"

# In a work folder
WORKER_LOG = "worker.log"
HEARTBEAT = "heartbeat.json"
EVENTS, STOP, SUBMITTED = "events.jsonl", "stop", "submitted.json"
PLANNED_JOBS = "jobs.json"
PARTIAL = "partial.jsonl"
CHECKPOINT_PROGRESS, CHECKPOINT_WEIGHTS, CHECKPOINT_STATE = "dialora.json", "model.safetensors", "state.safetensors"
BEST_WEIGHTS, FROZEN_WEIGHTS = "best.safetensors", "frozen.safetensors"
ENCODER, ENCODER_STATES, ENCODER_FACTS = "encoder", "encoder.states", "encoder.json"

# The folder of a data check
DATA_CHECKS, DATA_CHECK_JSON, DATA_CHECK_HTML = "data-check", "data-check.json", "data-check.html"


def examples(split: str) -> str:
    """Name the file of one split's Examples."""
    return f"{split}.jsonl"


def table_scores(at: int) -> str:
    """Name the file of the scores of a table's system, counted from 0."""
    return f"scores-{at}.jsonl"


def study_result(study: str) -> str:
    """Name the file of what a study found, in the folder of the systems that it judged."""
    return f"{study}.json"


def yardstick_scores(key: str) -> str:
    """Name the file of one yardstick's scores."""
    return f"{key}.jsonl"


def figure(name: str) -> str:
    """Name the file of one of the report's figures."""
    return f"{name}.svg"


def tokens(base: str) -> str:
    """Name the folder of tokenized splits; `*` for those of all bases."""
    return f"{TOKENS}{base}"


def conversion(precision: str) -> str:
    """Name the folder of a system that is converted for CTranslate2; `*` for all of them."""
    return f"ctranslate2-{precision}"


def shared_log(name: str, rank: int | str) -> str:
    """Name the file of a process that keeps a log together with the first one; `*` for those of all others."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{rank}{dot}{suffix}"


def checkpoint(step: int | str) -> str:
    """Name the folder of a checkpoint; `*` for all of them."""
    return f"checkpoint-{step}"


def run(key: str, seed: int, digest: str) -> str:
    """Name a run's folder."""
    return f"{key}-s{seed}-{digest[:8]}"


def parse_run(folder: str) -> tuple[str, int] | None:
    """Return what a run's folder name says, method and seed; None where it is no run's."""
    match = re.fullmatch(r"(.+)-s(\d+)-[0-9a-f]{8}", folder)
    return None if match is None else (match[1], int(match[2]))


def search(key: str, digest: str) -> str:
    """Name the folder of one method's search."""
    return f"{key}-{digest[:8]}"


def trial(key: str, number: int) -> str:
    """Name the folder of one trial."""
    return f"{key}-trial-{number}"


def is_weights(name: str) -> bool:
    """Whether a stage's file holds weights or token ids: large, and read by few."""
    return name.endswith((".safetensors", ".bin"))


def unfinished(name: str) -> str:
    """Name what is being written, until it is whole and gets its own name."""
    return f".{name}.writing"

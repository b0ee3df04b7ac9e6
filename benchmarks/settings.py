"""How much each part measures: the full benchmark, and a quick one that shows in minutes that all parts work.

Takes nothing, gives frozen numbers; never imports torch. Where results lie is decided here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SEED = 20
LAYOUT, BUNDLED = "flan-t5-base", "bundled"
"""The two models: FLAN-T5-base's layout with random weights, and the base inside the package."""

MODEL_NAMES = {LAYOUT: "FLAN-T5-base's layout", BUNDLED: "bundled base"}
METHODS = ("lora", "full")
METHOD_NAMES = {"full": "full fine-tuning", "lora": "LoRA"}
DECODER_NAMES = {
    "lora": "LoRA",
    "lora_decoder": "LoRA on the decoder",
    "cached": "LoRA on the decoder, encoder states computed once",
}
PRECISIONS = ("int8", "bf16")
MAX_SOURCE_LENGTH, MAX_TARGET_LENGTH = 512, 128
NEW_TOKENS = 40
"""Tokens of every generated summary on the layout, whose random weights never end one."""
RATE_ROWS = 1600
"""Tokens for which a machine's rate of matrix products is measured, on the matrices of FLAN-T5-base's layers."""

FIRST_STEP, WITH_LOADING = "from the first step", "with loading"
"""What a training's peak memory is measured from. Only those from the first step on are put beside each other."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The size of every part."""

    name: str
    models: tuple[str, ...]
    num_layers: int
    """Of the layout, in encoder and decoder each; FLAN-T5-base has 12."""
    repetitions: int
    notebook_repetitions: int
    """Of the notebook's training, whose every batch is the same work: fewer, for it takes most of the time."""
    notebook_dialogues: int
    """Timed with the notebook's recipe, whose padding makes every dialogue the same work; multiples of 4."""
    train_dialogues: int
    one_by_one_dialogues: int
    generate_dialogues: int
    scoring_pairs: int
    scoring_repetitions: int
    scaling_sizes: tuple[int, ...]
    story_dialogues: int | None
    """Training dialogues of the story; None takes all."""
    quality_dialogues: int | None
    """Training dialogues, and test dialogues, of the systems whose ROUGE is told; None takes all."""
    quality_epochs: int

    @property
    def folder(self) -> Path:
        """Where models lie, and samples and raw measurements of the runs that are not recorded yet."""
        return REPOSITORY / "build" / "bench" / self.name

    @property
    def output(self) -> Path:
        """Where the pages go: a quick run must not replace the numbers of a whole one."""
        return REPOSITORY / "docs" if self.name == "full" else self.folder / "docs"


FULL = Settings(
    name="full",
    models=(LAYOUT, BUNDLED),
    num_layers=12,
    repetitions=3,
    notebook_repetitions=2,
    notebook_dialogues=8,
    train_dialogues=32,
    one_by_one_dialogues=12,
    generate_dialogues=48,
    scoring_pairs=1500,
    scoring_repetitions=5,
    scaling_sizes=(1000, 2000, 4000, 8000),
    story_dialogues=None,
    quality_dialogues=None,
    quality_epochs=3,
)
QUICK = Settings(
    name="quick",
    models=(LAYOUT,),
    num_layers=2,
    repetitions=1,
    notebook_repetitions=1,
    notebook_dialogues=4,
    train_dialogues=16,
    one_by_one_dialogues=4,
    generate_dialogues=16,
    scoring_pairs=300,
    scoring_repetitions=1,
    scaling_sizes=(50, 100, 200),
    story_dialogues=16,
    quality_dialogues=16,
    quality_epochs=2,
)

__all__ = [
    "BUNDLED",
    "DECODER_NAMES",
    "FIRST_STEP",
    "FULL",
    "LAYOUT",
    "MAX_SOURCE_LENGTH",
    "MAX_TARGET_LENGTH",
    "METHODS",
    "METHOD_NAMES",
    "MODEL_NAMES",
    "NEW_TOKENS",
    "PRECISIONS",
    "QUICK",
    "RATE_ROWS",
    "REPOSITORY",
    "SEED",
    "WITH_LOADING",
    "Settings",
]

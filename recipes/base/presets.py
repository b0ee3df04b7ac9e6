"""How large the model is and how long it learns: one preset for each kind of machine."""

from __future__ import annotations

from dataclasses import dataclass

from recipes.base.network import Size


@dataclass(frozen=True)
class Preset:
    """One way of running the recipe; batches and rates follow from it and the seed alone."""

    size: Size
    num_rows: int  # rows trained on, repeats counted
    batch_size: int
    scale: float  # different rows made, as a multiple of `tasks.NUM_ROWS`
    max_dialogues: int | None = None  # of each corpus
    is_compiled: bool = True


PRESETS = {
    # The shipped model.
    "cpu": Preset(Size(), num_rows=220_000, batch_size=64, scale=1.0),
    # A larger model that stays under 30 MB, and many times the rows. Not run yet.
    "gpu": Preset(Size(num_layers=5), num_rows=6_000_000, batch_size=256, scale=6.0),
    # All stages in seconds, for the tests.
    "smoke": Preset(
        Size(vocab_size=1200, d_model=32, d_ff=64, num_layers=1, num_heads=2, d_kv=16),
        num_rows=48, batch_size=8, scale=0.002, max_dialogues=150, is_compiled=False,
    ),
}  # fmt: skip

"""What a generation_config.json says without effect: of sampling where nothing is sampled, of beams where none are.

transformers wrote such files for years, and now saves none of them. Never imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
BEAMS = ("early_stopping", "length_penalty")


def drop_idle(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a generation_config.json's values without those that nothing heeds; -1 is no token."""
    idle = {key for key, value in values.items() if key.endswith("_token_id") and value == -1}
    if values.get("do_sample") in (None, False):
        idle |= {*SAMPLING}
    if values.get("num_beams") in (None, 1):
        idle |= {*BEAMS}
    return {key: value for key, value in values.items() if key not in idle}


__all__ = ["drop_idle"]

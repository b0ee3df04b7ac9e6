"""What the measurements were made on and with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("rouge-score", "ctranslate2")


def machine(spec: dict[str, Any]) -> dict[str, Any]:
    """Return processor, memory, threads and versions."""
    import torch

    from dialora.measuring.environment import describe_environment

    facts: dict[str, Any] = dict(describe_environment())
    facts["platform"] = platform.system()
    for name in PACKAGES:
        try:
            facts[name] = version(name)
        except ModuleNotFoundError:
            continue
    facts["cores"] = os.cpu_count()
    facts["memory_bytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts["bf16_instructions"] = bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    facts["load_average"] = os.getloadavg()[0] if Path("/proc/loadavg").exists() else None
    return facts


__all__ = ["machine"]

"""What an experiment would do, and where: how many jobs there are, and how they would be handed over."""

from __future__ import annotations

from pathlib import Path

from dialora.config import ExperimentConfig
from dialora.experiment.launchers.local import LocalLaunch


def describe_launch(config: ExperimentConfig, root: Path) -> str:
    """Say which jobs the experiment consists of, and what would do them; nothing is begun."""
    launch = config.launch or LocalLaunch()
    trained = [key for key, method in config.methods.items() if method.trains]
    runs = [
        f"{key}-s{seed}" for key in config.methods for seed in (config.seeds if key in trained else config.seeds[:1])
    ]
    lines = [f"{root}: {len(runs):,} runs ({', '.join(runs)})"]
    if config.tuning is not None:
        lines.append(f"before them {len(trained):,} searches of {config.tuning.trials:,} trials ({', '.join(trained)})")
    at_once = min(launch.workers, len(runs))
    lines.append(
        f"launch.engine {launch.engine}, up to {at_once:,} at once:" if at_once > 1 else "one after the other:"
    )
    return "\n".join([*lines, "", launch.describe(root, len(runs))])


__all__ = ["describe_launch"]

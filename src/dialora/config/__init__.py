"""Every file that a user writes: its schema, its loading, and what is wrong with it, all problems at once.

Takes a file, the name of a shipped experiment, or a mapping, plus `key=value` overrides. Gives a frozen, validated
object with a stable hash; nothing else decides an experiment's result.

`experiment` is the whole, `sections` its parts, `method` and `metric` what an entry of `methods:` and
`scoring.learned` is, `entries` how one is built, `outputs` the file of a table of outputs, `loading` reads,
`problems` says what is wrong. Loads neither torch nor transformers.
"""

from dialora.config.experiment import ExperimentConfig, build_experiment, dump_experiment, stable_hash
from dialora.config.loading import Overrides, list_experiments, list_overrides, load_data_experiment, load_experiment
from dialora.config.outputs import OutputsConfig, load_outputs_config
from dialora.config.sections import (
    BUNDLED,
    DEFAULT_PROMPT,
    DataConfig,
    DecodingConfig,
    GenerationConfig,
    ScoringConfig,
    TrainingConfig,
)

__all__ = [
    "BUNDLED",
    "DEFAULT_PROMPT",
    "DataConfig",
    "DecodingConfig",
    "ExperimentConfig",
    "GenerationConfig",
    "OutputsConfig",
    "Overrides",
    "ScoringConfig",
    "TrainingConfig",
    "build_experiment",
    "dump_experiment",
    "list_experiments",
    "list_overrides",
    "load_data_experiment",
    "load_experiment",
    "load_outputs_config",
    "stable_hash",
]

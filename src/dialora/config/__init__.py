"""ExperimentConfig: one YAML file that fixes data, budget, decoding and scoring for every method.

Takes a file, the name of a shipped experiment, or a mapping, plus `key=value` overrides. Gives a frozen, validated
object with a stable hash. All problems are reported at once, each with the key it belongs to.

`sections` says what may stand in a file, `experiment` is the whole, `loading` reads it, `problems` says what is wrong.
"""

from dialora.config.experiment import ExperimentConfig, build_config, build_experiment, dump_experiment, stable_hash
from dialora.config.loading import apply_overrides, list_experiments, load_experiment
from dialora.config.sections import (
    BUNDLED,
    DEFAULT_PROMPT,
    BertScore,
    DataConfig,
    DecodingConfig,
    GenerationConfig,
    LearnedMetric,
    PairClassifier,
    ScoringConfig,
    Section,
    TrainingConfig,
    TuningConfig,
)

__all__ = [
    "BUNDLED",
    "DEFAULT_PROMPT",
    "BertScore",
    "DataConfig",
    "DecodingConfig",
    "ExperimentConfig",
    "GenerationConfig",
    "LearnedMetric",
    "PairClassifier",
    "ScoringConfig",
    "Section",
    "TrainingConfig",
    "TuningConfig",
    "apply_overrides",
    "build_config",
    "build_experiment",
    "dump_experiment",
    "list_experiments",
    "load_experiment",
    "stable_hash",
]

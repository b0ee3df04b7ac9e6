"""The exception tree, and the exit code each branch ends the command line with.

DialoraError                    1  anything dialora raises on purpose
├── InputError                  2  what the user gave cannot be used
│   ├── ConfigError             2  the experiment file or a --set
│   ├── DataError               2  the dialogues and summaries
│   └── ModelError              2  the base model or an adapter
├── StageError                  1  a stage's input is missing or damaged on disk
├── TrainingError               1  training cannot go on
│   └── DivergedError           1  the loss is not finite
├── GenerationError             1  predictions cannot be made
├── ExportError                 1  what was exported is not what the run writes
├── HubError                    1  the hub refuses what is to be published, or is away
└── Interrupted               130  stopped by the user; the same command continues

Every message is one line per problem: what is wrong, what was got, what is allowed, what to do.
"""


class DialoraError(Exception):
    """Anything dialora raises on purpose; the message is for the user."""

    exit_code = 1


class InputError(DialoraError):
    """What the user gave cannot be used as it is."""

    exit_code = 2


class ConfigError(InputError):
    """The experiment file or an override is wrong; `problems` holds one line each."""

    def __init__(self, problems: str | list[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else problems
        super().__init__("\n".join(self.problems))


class DataError(InputError):
    """The data cannot be read, or lacks what the experiment needs."""


class ModelError(InputError):
    """The base model or adapter cannot be loaded, or does not fit the method."""


class StageError(DialoraError):
    """A stage's input is missing or damaged on disk."""


class TrainingError(DialoraError):
    """Training cannot go on; what was learned so far stays in the checkpoint."""


class DivergedError(TrainingError):
    """The loss is not finite; `num_steps` went well before and took `train_seconds`."""

    def __init__(self, message: str, *, num_steps: int = 0, train_seconds: float = 0.0) -> None:
        self.num_steps, self.train_seconds = num_steps, train_seconds
        super().__init__(message)


class GenerationError(DialoraError):
    """Predictions cannot be made."""


class HubError(DialoraError):
    """The hub refuses what is to be published, or cannot be reached."""


class ExportError(DialoraError):
    """What was exported does not write what the run writes, or cannot be loaded again."""


class Interrupted(DialoraError):  # noqa: N818 - an outcome, not a fault
    """Stopped by the user; running the same command again continues."""

    exit_code = 130


class Cancelled(Interrupted):
    """Stopped by the user, and nothing of it is kept; running the same command again begins anew."""


__all__ = [
    "Cancelled",
    "ConfigError",
    "DataError",
    "DialoraError",
    "DivergedError",
    "ExportError",
    "GenerationError",
    "HubError",
    "InputError",
    "Interrupted",
    "ModelError",
    "StageError",
    "TrainingError",
]

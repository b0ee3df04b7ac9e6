"""What lies on disk: every file and folder name, and when it counts.

Takes plain values, records and paths; gives them back. Guarantees that a stage is whole or not there, that a file is
the old one or the new one, that what is not what was written does not count, that one process at a time is at work in
an experiment's folder, and that no other room spells a name of a run directory (see `names`). Never imports torch.
"""

from dialora.store.cache import find_cache, one_at_a_time
from dialora.store.damage import digest_once, tell_damage, telling_damage
from dialora.store.digest import digest_code
from dialora.store.disk import disk_errors_explained, explain_disk_error
from dialora.store.experiment import RUNS, ExperimentFolder
from dialora.store.files import (
    hash_file,
    load_json,
    load_records,
    replacing,
    require_seal,
    save_json,
    save_records,
    save_sealed,
    save_text,
    stream_records,
)
from dialora.store.finding import FoundRun, find_runs, is_run_folder, open_training, read_run
from dialora.store.log import LoggedBatch, PartialLog, SharedLog
from dialora.store.owning import alone_in, locked, own_data_check, own_folder, require_apart
from dialora.store.run import Run, build_run, measure_weights
from dialora.store.stage import Stage, is_listed, read_key
from dialora.store.system import require_posix
from dialora.store.trial import TrialFolder, build_trial

__all__ = [
    "RUNS",
    "ExperimentFolder",
    "FoundRun",
    "LoggedBatch",
    "PartialLog",
    "Run",
    "SharedLog",
    "Stage",
    "TrialFolder",
    "alone_in",
    "build_run",
    "build_trial",
    "digest_code",
    "digest_once",
    "disk_errors_explained",
    "explain_disk_error",
    "find_cache",
    "find_runs",
    "hash_file",
    "is_listed",
    "is_run_folder",
    "load_json",
    "load_records",
    "locked",
    "measure_weights",
    "one_at_a_time",
    "open_training",
    "own_data_check",
    "own_folder",
    "read_key",
    "read_run",
    "replacing",
    "require_apart",
    "require_posix",
    "require_seal",
    "save_json",
    "save_records",
    "save_sealed",
    "save_text",
    "stream_records",
    "tell_damage",
    "telling_damage",
]

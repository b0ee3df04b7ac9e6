"""An experiment's data, read and kept in its folder."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dialora.config import ExperimentConfig, stable_hash
from dialora.data.examples import DataSummary, DialogueDataset, count_overlap, load_dataset
from dialora.measuring.clock import Stopwatch
from dialora.records import Observer
from dialora.store import ExperimentFolder, Stage, load_json, names, save_json, save_records, save_sealed


@dataclass(frozen=True, slots=True)
class Workspace:
    """An experiment's folder with its data in it."""

    config: ExperimentConfig
    """As the experiment file says."""
    folder: ExperimentFolder
    data: Stage
    dataset: DialogueDataset


def read_dataset(config: ExperimentConfig) -> DialogueDataset:
    """Read the experiment's data. Raises DataError."""
    return load_dataset(config.data, needs_train=any(method.trains for method in config.methods.values()))


def read_data(config: ExperimentConfig, folder: ExperimentFolder, observer: Observer) -> Workspace:
    """Read the experiment's data and write them down in its folder, with the experiment itself. Raises DataError."""
    observer({"event": "stage", "stage": "data", "run": folder.name, "key": ""})
    watch = Stopwatch()
    dataset = read_dataset(config)
    data = folder.data(stable_hash(dataset.summary.to_json()))
    if not data.is_complete:
        with data.writing() as temporary:
            for split in ("train", "validation", "test"):
                save_records(getattr(dataset, split), temporary / names.examples(split))
            counted = count_overlap(dataset).summary
            save_json(counted.to_json() | {"load_seconds": watch.read()}, temporary / names.DATA_SUMMARY)
    dataset = replace(dataset, summary=DataSummary.from_json(load_json(data.folder / names.DATA_SUMMARY)))
    save_sealed(config.to_yaml(), folder.config)
    for note in dataset.summary.notes:
        observer({"event": "note", "message": note})
    return Workspace(config, folder, data, dataset)


__all__ = ["Workspace", "read_data", "read_dataset"]

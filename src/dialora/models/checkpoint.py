"""Where a base model lies and which one it is, found out without loading it. Never imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import resources
from pathlib import Path, PurePath

from dialora.config import BUNDLED, ExperimentConfig, stable_hash
from dialora.config.base_identity import FILES
from dialora.config.metric import LearnedMetric
from dialora.errors import ModelError
from dialora.models.families import find_family
from dialora.models.files import find_file, read_object, show
from dialora.store import digest_once

WEIGHT_FILES = ("*.safetensors", "*.bin")
OTHER_WEIGHTS = ("*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pth", "*.pt", "*.npz")
PLAIN = "give the model that they were made from, as safetensors in transformers format"
TOKENIZER_FILES = ("*token*.json", "vocab.*", "merges.txt", "*.model", "*.jinja")
GENERATION = "generation_config.json"
MAIN = "main"
"""The branch that a hub id has where none is named."""
SNAPSHOTS = "snapshots"
"""The folder of a hub cache in which every commit has a folder of its own."""
MADE = {"smollm2-135m-instruct": "`make smollm` in dialora's repository makes it; run dialora in that folder"}
"""Folders of the shipped experiments that come from elsewhere, by name, and how to get them."""


def resolve_model(name: str, *, key: str = "model") -> str:
    """Return what transformers can load: a folder's path, or a hub id unchanged; `key` names it in a ModelError."""
    if name == BUNDLED:
        return str(resources.files("dialora") / "assets" / "base")
    try:
        path = Path(name).expanduser()
        is_folder, is_there = path.is_dir(), path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, or of a user that is not there
        raise ModelError(
            f"{key}: {show(name)}: is no path; give a folder in transformers format, or a hub id."
        ) from error
    if is_folder:
        if not (path / "config.json").is_file():
            raise ModelError(f"{key}: {name}: {explain_no_config(str(path), None)}.")
        return str(path)
    if is_there or name.startswith((".", "/", "~")) or name.count("/") > 1:
        how = MADE.get(path.name, "give a folder in transformers format, or a hub id")
        raise ModelError(f"{key}: {name}: no such folder; {how}.")
    return name


def explain_no_config(source: str, revision: str | None) -> str:
    """Say of a folder or hub id without config.json what it is, and what to give."""
    if (adapter := find_file(source, "adapter_config.json", revision)) is not None:
        named = read_base_name(adapter)
        base = "its base" if named is None else f"its base ({show(named)})"
        return (
            f"it is a PEFT adapter, not a whole model: give {base} and train on it, or merge the adapter first "
            f"(dialora.load_model(set={{'model': its base}}, adapter=...).merge_and_unload().save_pretrained, with the "
            f"tokenizer beside it)"
        )
    if any(Path(source).glob("*.gguf")):
        return f"it holds GGUF files, and no config.json; {PLAIN}"
    return "it has no config.json; give a folder in transformers format, or a hub id"


def read_base_name(adapter: Path) -> str | None:
    """Return the base model that an adapter_config.json names; None where it names none or cannot be read."""
    with suppress(ValueError, OSError):
        base = read_object(adapter).get("base_model_name_or_path")
        if isinstance(base, str) and base.strip() and base.isprintable():
            return base
    return None


def find_other_base(adapter: Path, source: str) -> str | None:
    """Return the base that an adapter_config.json names where it is not called like `source`, a folder or hub id.

    Folders above it and owners do not count: copies and mirrors of a base keep its own name.
    """
    named = read_base_name(adapter)
    same = named is None or _name_last(named) in ("", _name_last(str(Path(source).absolute())))
    return None if same or named is None else show(named)


def name_base(config: ExperimentConfig) -> tuple[str, str | None]:
    """Return what an adapter is to call its base, and the commit of a hub id.

    `bundled` stays that word, which means the same wherever dialora is installed, and a folder is called as the
    experiment calls it: a path that somebody wrote leads there in their hands, and no other is put in its place.
    """
    revision = config.model_revision or ""
    if revision.startswith(FILES) or Path(resolve_model(config.model)).is_dir():
        return config.model, None
    commit = find_commit(config.model, config.model_revision)
    return config.model, None if commit == MAIN else commit


def _name_last(source: str) -> str:
    """Return what a base is called, without owner and folders; a hub cache calls folders by commit."""
    path = PurePath(resolve_model(source) if source == BUNDLED else source.replace("\\", "/"))
    cached = [part.rpartition("--")[2] for part in path.parts if part.startswith("models--")]
    return (cached[-1] if cached else path.name).casefold()


def require_weights(name: str, *, key: str = "model") -> None:
    """Raise ModelError when a local folder holds a config but no weights; a hub id is not looked at."""
    folder = Path(resolve_model(name, key=key))
    if folder.is_dir() and not any(path for pattern in WEIGHT_FILES for path in folder.glob(pattern)):
        raise ModelError(f"{key}: {name} holds no weights ({', '.join(WEIGHT_FILES)}); {explain_no_weights(folder)}.")


def explain_no_weights(folder: Path) -> str:
    """Say of a folder without weights what to do, by what it holds instead."""
    others = sorted({path.suffix for pattern in OTHER_WEIGHTS for path in folder.glob(pattern)})
    return f"it holds {', '.join(others)} files; {PLAIN}" if others else "download the whole model"


def identify_model(config: ExperimentConfig) -> str:
    """Return what tells this base model from another: a hash of a folder's files, or the hub id and commit.

    Of a pinned folder, the hash that it is pinned to; that its files have it is looked at when they are loaded.
    """
    revision = config.model_revision or ""
    if revision.startswith(FILES):
        return revision.removeprefix(FILES)
    return _identify_base(resolve_model(config.model), config.model_revision)


@contextmanager
def naming_entry(config: ExperimentConfig, key: str) -> Iterator[None]:
    """Let a ModelError of a base that an entry of `methods:` names itself say which entry that is."""
    try:
        yield
    except ModelError as error:
        if config.methods[key].model is None or not str(error).startswith("model: "):
            raise
        raise ModelError(f"methods.{key}.{error}") from error


def is_pinned(config: ExperimentConfig) -> bool:
    """Whether `model_revision` settles which base it is: a folder's files, or anything of a hub id."""
    revision = config.model_revision or ""
    return revision.startswith(FILES) or (bool(revision) and not Path(resolve_model(config.model)).is_dir())


def pin_models(config: ExperimentConfig) -> ExperimentConfig:
    """Return the experiment with every base settled in its `model_revision`: a hub id's commit, or a folder's files.

    What is planned for a base and what is loaded hours later, elsewhere, or from `run.yaml`, is then the same.
    """
    methods = dict(config.methods)
    for key, method in methods.items():
        if method.model is not None:
            with naming_entry(config, key):
                pin = _find_pin(config.for_method(key))
            methods[key] = method.model_copy(update={"model_revision": pin})
    return config.model_copy(update={"model_revision": _find_pin(config), "methods": methods})


def _find_pin(config: ExperimentConfig) -> str:
    source, revision = resolve_model(config.model), config.model_revision or ""
    if revision.startswith(FILES):
        return revision
    if Path(source).is_dir():
        return f"{FILES}{identify_model(config)}"
    return find_commit(source, config.model_revision) or ""


def require_pinned(config: ExperimentConfig) -> None:
    """Raise ModelError where a folder does not hold the files that it is pinned to; one that is not pinned passes."""
    if not (config.model_revision or "").startswith(FILES):
        return
    source = resolve_model(config.model)
    if not Path(source).is_dir():
        raise ModelError(f"model: {config.model}: no such folder, and model_revision ({FILES}…) is that of a folder.")
    if _identify_base(source, None) != identify_model(config):
        raise ModelError(
            f"model: {config.model} is not the base model that this was made from: its config, weights or tokenizer "
            f"are others than model_revision names. Put those files back, or run `dialora compare` again, which makes "
            f"what needs the other base anew."
        )


@contextmanager
def opening(config: ExperimentConfig) -> Iterator[tuple[str, str | None]]:
    """Give the base model's folder or hub id, and the commit of the latter, to be read.

    Raises ModelError where it is pinned and not, or no more, the one it should be.
    """
    require_pinned(config)
    source = resolve_model(config.model)
    yield source, find_commit(source, config.model_revision)
    require_pinned(config)  # a file may have been replaced while it was read


def identify_metric(metric: LearnedMetric, *, key: str) -> str:
    """Return what tells a learned metric's model from another: a hash of a folder's files, or hub id and commit."""
    return _identify(resolve_model(metric.model, key=key), metric.revision)


@lru_cache
def find_commit(source: str, revision: str | None) -> str | None:
    """Return the commit that a hub id's branch or tag stands for, so that all processes load the same; a folder's None.

    The one in the local cache, so that an experiment that goes on goes on with the same weights when the branch has
    moved; else the hub is asked. Where neither knows it, `revision` or main, and loading says why.
    """
    if Path(source).is_dir():
        return None
    with suppress(OSError, ValueError):
        file = find_file(source, "config.json", revision)
        if file is not None and file.parent.parent.name == SNAPSHOTS:
            return file.parent.name
    return revision or MAIN


def _identify_base(source: str, revision: str | None) -> str:
    """Return what tells a base from another; generation_config.json counts where its summaries' ends come from it."""
    config = Path(source) / "config.json"
    with suppress(ValueError, OSError):  # a damaged one counts as it is, and is refused when it is read
        if config.is_file() and find_family(read_object(config)).heeds_generation_config:
            return _identify(source, revision, GENERATION)
    return _identify(source, revision)


def _identify(source: str, revision: str | None, *besides: str) -> str:
    folder = Path(source)
    if not folder.is_dir():
        return f"{source}@{find_commit(source, revision)}"
    paths = {path for pattern in (*WEIGHT_FILES, *TOKENIZER_FILES) for path in folder.glob(pattern)}
    # A link into a cache may lead nowhere; that the file is missing is said when it is looked for.
    files = [path for path in (folder / "config.json", *(folder / name for name in besides), *paths) if path.is_file()]
    try:
        return stable_hash({path.name: digest_once(path) for path in files})
    except OSError as error:
        raise ModelError(f"model: {source} cannot be read: {error.filename}: {error.strerror}.") from error


def name_model(metric: LearnedMetric, *, with_revision: bool = False) -> str:
    """Return a hub id, or a folder's own name, and the revision where one is named and asked for."""
    source = resolve_model(metric.model)
    name = Path(source).resolve().name if Path(source).is_dir() else source
    return f"{name}@{metric.revision}" if with_revision and metric.revision else name


__all__ = [
    "FILES",
    "GENERATION",
    "explain_no_config",
    "explain_no_weights",
    "find_commit",
    "find_other_base",
    "identify_metric",
    "identify_model",
    "is_pinned",
    "name_base",
    "name_model",
    "naming_entry",
    "opening",
    "pin_models",
    "read_base_name",
    "require_pinned",
    "require_weights",
    "resolve_model",
]

"""Read a checkpoint's weights so that none is in memory twice, none is drawn at random and none is no number.

A `.bin` is a pickle: torch reads it as weights alone, so nothing that it holds is ever run.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from dialora.models.checkpoint import explain_no_weights
from dialora.models.files import find_file, list_names, read_object, require_content, show
from dialora.models.layout import Header, Layout

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""What a checkpoint's file may be called, the better form first; of one in several files, `<name>.index.json`."""
HEAD = "lm_head.weight"
DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def find_weights(source: str, revision: str | None, *, cached_only: bool = False) -> list[Path] | None:
    """Return the files of a folder's or hub id's weights; None for a hub id's that are not all in the cache.

    Raises ValueError where there are none.
    """

    def find(name: str) -> Path | None:
        return find_file(source, name, revision, cached_only=cached_only)

    is_elsewhere = cached_only and not Path(source).is_dir()
    for name in WEIGHTS:
        if (single := find(name)) is not None:
            return [single]
        if (index := find(f"{name}.index.json")) is not None:
            parts = {part: find(part) for part in _list_parts(index)}
            missing = [part for part, path in parts.items() if path is None]
            if missing and not is_elsewhere:
                raise ValueError(f"{index.name} names files that are not there: {list_names(missing)}; download them")
            return None if missing else [path for path in parts.values() if path is not None]
    if is_elsewhere:
        return None
    raise ValueError(f"it holds no weights: neither {' nor '.join(WEIGHTS)}; {explain_no_weights(Path(source))}")


def _list_parts(index: Path) -> list[str]:
    """Return the names of the files that an index names, none of another folder. Raises ValueError."""
    where = read_object(index).get("weight_map")
    parts = sorted({str(part) for part in where.values()}) if isinstance(where, dict) else []
    if not parts:
        raise ValueError(f"{index.name} names no files (weight_map)")
    if outside := [part for part in parts if Path(part).name != part]:
        raise ValueError(f"{index.name} names files outside its folder: {list_names(outside)}")
    return parts


def read_headers(files: Iterable[Path]) -> dict[str, Header]:
    """Return shape and type of every matrix by name, none of them read. Raises ValueError for a damaged file."""
    from safetensors import safe_open

    headers: dict[str, Header] = {}
    for path in files:
        with _damage_explained(path):
            if path.suffix == ".bin":
                for name, tensor in _load_pickled(path).items():
                    headers[name] = Header(tuple(tensor.shape), DTYPES.get(tensor.dtype, str(tensor.dtype)))
                continue
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    matrix = file.get_slice(name)
                    headers[name] = Header(tuple(matrix.get_shape()), matrix.get_dtype())
    return headers


def read_weights(files: Iterable[Path], layout: Layout) -> dict[str, Tensor]:
    """Return the weights that a layout asks for in fp32, by name, in memory of their own.

    A matrix that stayed in the mapped file would begin wherever the header before it ends, and matrix kernels round
    differently for another alignment: the same weights from another file would give another summary where two words are
    nearly tied. Raises ValueError for a damaged file, for numbers that are not finite, and where a matrix that the
    model has once stands there twice, differently.
    """
    weights: dict[str, Tensor] = {}
    origins: dict[str, str] = {}
    broken, unlike = [], []
    for path in files:
        for name, tensor in _read_each(path):
            own = layout.identify(name)
            if own not in layout.shapes:
                continue
            copied = tensor.to(torch.float32, copy=True)
            if not is_finite(copied):
                broken.append(name)
            if own not in weights:
                weights[own], origins[own] = copied, name
            elif not torch.equal(copied, weights[own]):
                unlike.append((name, origins[own]))
    if broken:
        raise ValueError(
            f"{len(broken)} of its weights hold numbers that are not finite ({list_names(broken)}): its training "
            f"diverged, or the file is damaged; give another checkpoint"
        )
    if unlike:
        raise ValueError(_describe_unlike(unlike))
    return weights


def _describe_unlike(pairs: list[tuple[str, str]]) -> str:
    """Say of pairs of names that stand for one matrix why they cannot both be right."""
    if twice := [name for name, other in pairs if name == other]:
        return f"{len(twice)} of its weights stand in two files, differently ({list_names(twice)}); download it again"
    names = list_names(f"{name} from {other}" for name, other in pairs)
    if any(HEAD in pair for pair in pairs):
        return (
            f"weights differ that its config.json makes one matrix ({names}); if output head and embedding are meant "
            f"to be two, as FLAN-T5's are, it should say tie_word_embeddings: false"
        )
    return f"its embedding stands there more than once, differently ({names}), and the model has one; download it again"


def is_finite(tensor: Tensor) -> bool:
    """Whether all numbers of a tensor are finite, in one pass and no memory: both ends are NaN where one number is."""
    return not tensor.numel() or all(bool(end.isfinite()) for end in torch.aminmax(tensor.detach()))


def _read_each(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Give a file's matrices by name.

    safetensors are mapped anew for every matrix: while a file is mapped, all pages of it that were read count as held.
    """
    from safetensors import safe_open

    with _damage_explained(path):
        if path.suffix == ".bin":
            yield from _load_pickled(path).items()
            return
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
        for name in names:
            with safe_open(path, framework="pt") as file:
                tensor = file.get_tensor(name)
            yield name, tensor


def _load_pickled(path: Path) -> dict[str, Tensor]:
    """Map a `.bin`, as weights alone: torch refuses whatever would run. Raises ValueError."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of how the pickle was written
            values = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a damaged pickle makes torch raise anything
        raise ValueError(
            f"{path.name} is damaged, or holds more than weights, which may be code and is never run; save the model "
            f"as safetensors"
        ) from error
    if not isinstance(values, dict) or not all(isinstance(each, Tensor) for each in values.values()):
        raise ValueError(f"{path.name} holds no weights by name; save the model as safetensors")
    return {str(name): tensor for name, tensor in values.items()}


@contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read which it is and why."""
    from safetensors import SafetensorError

    require_content(path)
    try:
        yield
    except (SafetensorError, RuntimeError) as error:
        reason = show(" ".join(str(error).split()), 120)
        raise ValueError(f"{path.name} is cut short or damaged ({reason}); download it again") from error


__all__ = ["find_weights", "is_finite", "read_headers", "read_weights"]

"""What the next step depends on besides weights, as one safetensors file: optimizer, schedule and random numbers.

Nothing is pickled: tensors lie in the file under numbers, everything around them as JSON in its header.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from dialora.training.sharding import gather_whole, take_part

_HEADER = "state"


def save_state(path: Path | None, optimizer: torch.optim.Optimizer, scheduler: Any, randoms: Sequence[Any]) -> None:
    """Write the state of the optimizer, the schedule and every process's random numbers, the first's first.

    Without a path only give this process's parts of it to the one that writes.
    """
    tensors: dict[str, Tensor] | None = None if path is None else {}
    state = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "random": randoms[0]}
    if len(randoms) > 1:
        state["others"] = list(randoms[1:])
    packed = _pack(state, tensors)
    if path is None or tensors is None:
        return
    header = json.dumps(packed)
    save_file(tensors, path, metadata={_HEADER: header})


def load_state(path: Path, optimizer: torch.optim.Optimizer, scheduler: Any) -> list[Any]:
    """Put the state of optimizer and schedule back; return every process's for `restore_random`."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        state = _unpack(json.loads(file.metadata()[_HEADER]), tensors)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for number, values in state["optimizer"]["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor) and isinstance(number, int) and value.shape == parameters[number].shape:
                values[name] = take_part(value, parameters[number])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    return [state["random"], *state.get("others", ())]


def restore_random(states: Sequence[Any], rank: int = 0) -> None:
    """Let every generator of a process go on where it was; one that was not there then begins anew."""
    _restore(states[rank if rank < len(states) else 0])
    if rank >= len(states):
        branch_random(rank)


def branch_random(rank: int) -> None:
    """Let every process but the first draw numbers of its own; they follow from those that it would draw."""
    if rank:
        torch.manual_seed(int(torch.randint(2**62, ())) + rank)


def _restore(state: Any) -> None:
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


def read_random() -> dict[str, Any]:
    """Return the state of every generator."""
    kind, numbers, *rest = np.random.get_state()
    return {
        "python": list(random.getstate()),
        "numpy": [kind, np.asarray(numbers).tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],  # type: ignore[no-untyped-call]
    }


def _pack(value: Any, tensors: dict[str, Tensor] | None) -> Any:
    """Return plain values, with tensors put aside under numbers, if they are kept. Keys of mappings keep their kind."""
    if isinstance(value, Tensor):
        whole = gather_whole(value.detach())
        if tensors is None:
            return None
        name = str(len(tensors))
        tensors[name] = whole.to("cpu", copy=True).contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(item, tensors) for item in value]
    return value


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _unpack(item, tensors) for key, item in value["items"]}


__all__ = ["branch_random", "load_state", "read_random", "restore_random", "save_state"]

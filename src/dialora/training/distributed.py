"""One training in several processes: which rows of a batch are whose, and what they add up to.

Each process has the whole model and goes through the same plan of batches; of each batch it takes every n-th row. The
loss is a mean over the target tokens of all processes, gradients are sums over them, so that a step is the step of one
process but for the order in which numbers are added. The first process alone looks at the clock, writes and reports.
Processes are on one machine and talk over its loopback device: NCCL between GPUs, gloo between processors.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from dialora.config import TrainingConfig
from dialora.errors import ConfigError, DialoraError, TrainingError
from dialora.measuring.environment import count_cores
from dialora.models.device import uses_cuda

T = TypeVar("T")
BUCKET_BYTES = 25 << 20
"""Of gradients that are added up at once: enough for the connection, little beside a model."""
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
PATIENCE = timedelta(days=7)
"""Of a process that waits for the first one; that one is gone is noticed elsewhere (`experiment/peers.py`)."""


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of a training, from one of them: the first is 0. By default there is no other."""

    rank: int = 0
    size: int = 1
    meeting: Path | None = None
    """A file of this machine that is not there yet, by which processes find each other."""

    is_sharded: bool = False
    """Each process holds a part of the weights, and goes through the model as often as the others."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def split(self, batch: Sequence[Any]) -> list[list[Any]]:
        """Return the part of each process that has one; a batch is sorted by length, so that parts are alike."""
        return [list(islice(batch, rank, None, self.size)) for rank in range(min(self.size, len(batch)))]

    def share(self, batch: Sequence[Any]) -> list[Any]:
        """Return this process's part of a batch.

        One that has none has no row, or where weights are shared out one that is another's (`has_part`).
        """
        return list(islice(batch, self.rank, None, self.size)) or list(batch[: self.is_sharded])

    def has_part(self, batch: Sequence[Any]) -> bool:
        """Whether what `share` returns is this process's own."""
        return self.rank < len(batch)

    def turns(self, items: Sequence[T]) -> Iterator[tuple[T, bool]]:
        """Give this process's items, each with whether it is its own, as many as the others have where need be."""
        for start in range(0, len(items), self.size):
            at = start + self.rank
            if at < len(items) or self.is_sharded:
                yield items[min(at, len(items) - 1)], at < len(items)

    @contextmanager
    def joined(self, device: torch.device) -> Iterator[None]:
        """For the time of the block, be connected with the others, and leave cores to them.

        Raises TrainingError where there are fewer cores or GPUs than processes.
        """
        if self.size == 1:
            yield
            return
        store = dist.FileStore(str(self.meeting), self.size)  # type: ignore[attr-defined]
        store.set_timeout(PATIENCE)
        self._require_devices(device, store)
        for name, value in LOOPBACK.items():
            os.environ.setdefault(name, value)
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        with self.beside_others():
            dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.size, timeout=PATIENCE)
            try:
                yield
            except DialoraError:
                dist.destroy_process_group()
                raise
            # Where something broke, the others are to lose the connection when this process has said what.
            dist.destroy_process_group()

    def meet(self, device: torch.device) -> None:
        """Wait until all processes do so before they compute, each for itself.

        Raises TrainingError where there are fewer cores or GPUs than processes.
        """
        if self.size > 1:
            assert self.meeting is not None
            path = self.meeting.with_name(f"{self.meeting.name}-devices")  # the other one may be used already
            store = dist.FileStore(str(path), self.size)  # type: ignore[attr-defined]
            store.set_timeout(PATIENCE)
            self._require_devices(device, store)

    @contextmanager
    def beside_others(self) -> Iterator[None]:
        """For the time of the block, compute with this process's share of the threads."""
        if self.size == 1:
            yield
            return
        threads = torch.get_num_threads()
        torch.set_num_threads(self._share_threads(threads))
        try:
            yield
        finally:
            torch.set_num_threads(threads)

    def _share_threads(self, threads: int) -> int:
        return max(1, threads // self.size)

    def _require_devices(self, device: torch.device, store: Any) -> None:
        store.set(str(self.rank), device.type)
        kinds = [store.get(str(rank)).decode() for rank in range(self.size)]
        if "cuda" in kinds and "cpu" in kinds:
            raise TrainingError(_explain_devices(self.size, kinds.count("cuda"), "GPU"))
        if device.type == "cpu" and (cores := count_cores()) < self.size:
            raise TrainingError(_explain_devices(self.size, cores, "core"))

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of all processes' tensors."""
        if self.size > 1:
            value = value.clone()
            dist.all_reduce(value)
        return value

    def max(self, value: int) -> int:
        """Return the largest of all processes' numbers."""
        return max(self.gather(value))

    def gather(self, value: Any) -> list[Any]:
        """Return all processes' values, the first's first."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def decide(self, value: bool) -> bool:
        """Return what the first process thinks: clocks and signals differ."""
        if self.size > 1:
            decision = torch.tensor(int(value))
            dist.broadcast(decision, 0)
            value = bool(decision)
        return value

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """Let the first process go through the block, then the others, who find what it has written."""
        if not self.is_first:
            self.decide(True)
        yield
        if self.is_first:
            self.decide(True)

    def align(self, model: nn.Module) -> None:
        """Let the model be the first process's, to the bit."""
        for tensor in () if self.size == 1 or self.is_sharded else chain(model.parameters(), model.buffers()):
            whole = tensor.data.contiguous()
            dist.broadcast(whole, 0)
            tensor.data.copy_(whole)

    def add_gradients(self, model: nn.Module) -> None:
        """Let every trained weight have the sum of all processes' gradients, and none where no process has one."""
        if self.size == 1 or self.is_sharded:  # then they are added up as they come
            return
        trained = [p for p in model.parameters() if p.requires_grad]
        there = self.sum(torch.tensor([p.grad is not None for p in trained], dtype=torch.int32)).tolist()
        bucket: list[Tensor] = []
        for parameter in (p for p, count in zip(trained, there, strict=True) if count):
            if parameter.grad is None:  # of a process that had no row of this step
                parameter.grad = torch.zeros_like(parameter)
            if bucket and (
                bucket[0].dtype != parameter.grad.dtype
                or sum(g.nbytes for g in bucket) + parameter.grad.nbytes > BUCKET_BYTES
            ):
                _add_up(bucket)
                bucket = []
            bucket.append(parameter.grad)
        if bucket:
            _add_up(bucket)

    def describe(self) -> dict[str, str]:
        """Return what the environment of its work has besides a single process's."""
        if self.size == 1:
            return {}
        return {"processes": str(self.size), "threads": str(self._share_threads(torch.get_num_threads()))}


ALONE = Group()


def _add_up(gradients: Sequence[Tensor]) -> None:
    """Add up some gradients over all processes, in place."""
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, total in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(total.view_as(gradient))


def require_devices(training: TrainingConfig) -> None:
    """Raise ConfigError where this machine has fewer cores or GPUs than a training is to have processes."""
    size = training.num_processes
    if size == 1:
        return
    if sys.platform != "linux":
        raise ConfigError(f"training.num_processes: {size} processes need Linux; set it to 1.")
    found, kind = (torch.cuda.device_count(), "GPU") if uses_cuda(training) else (count_cores(), "core")
    if found < size:
        raise ConfigError(_explain_devices(size, found, kind))


def _explain_devices(size: int, found: int, kind: str) -> str:
    """Say that there are fewer cores or GPUs than processes."""
    return (
        f"training.num_processes is {size}, one for each {kind}, and this machine has {found} "
        f"{kind if found == 1 else f'{kind}s'} for them; lower it to {max(1, found)}."
    )


__all__ = ["ALONE", "Group", "require_devices"]

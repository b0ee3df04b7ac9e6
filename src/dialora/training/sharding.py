"""A model's weights shared out over the processes of a training (FSDP2), and whole again for whoever keeps them.

Each process holds a part of every weight, of its gradient and of the optimizer's moments. A block of the model is whole
for as long as it computes; its gradients are added up by torch in the same moment. So every process has to go through
the model as often as the others. What this takes is imported where it is used: libraries count as memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def shard(model: nn.Module, device: torch.device, size: int) -> None:
    """Share the weights out over `size` processes, one block after the other; they go to the device with that.

    The processes are connected, and each has the same weights.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh, blocks = init_device_mesh(device.type, (size,)), set(getattr(model, "_no_split_modules", None) or ())
    inner = [module for module in model.modules() if type(module).__name__ in blocks and module is not model]
    for module in (*reversed(inner), model):
        # The outermost too is put together for its backward pass again, so that parameters are always parts.
        sharded: Any = fully_shard(module, mesh=mesh, reshard_after_forward=True)
        # A sum, as each process's loss is a share of the step's mean; gloo knows no other either.
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)


def unshard(model: nn.Module, *, keeps: bool) -> None:
    """Put the weights together again in main memory; without `keeps` only give this process's parts to the others.

    Where they are kept, the model is behind it what it was before `shard`.
    """
    from torch.distributed.fsdp import FSDPModule

    whole: dict[int, tuple[nn.Parameter, nn.Parameter]] = {}
    for module in model.modules():
        for name, part in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if id(part) not in whole:  # tied weights stay one
                tensor = gather_whole(part.detach())
                whole[id(part)] = part, nn.Parameter(tensor.cpu(), part.requires_grad) if keeps else part
            module.register_parameter(name, whole[id(part)][1])
    for module in model.modules() if keeps else ():
        if isinstance(module, FSDPModule):
            state = module._get_fsdp_state()
            state._pre_forward_hook_handle.remove()
            state._post_forward_hook_handle.remove()
            module.__class__ = type(module).__bases__[1]
        for mark in ("_is_fsdp_managed_module", "_fsdp_use_orig_params"):
            vars(module).pop(mark, None)


def gather_whole(tensor: Tensor) -> Tensor:
    """Return a tensor of which each process holds a part as one; every process calls it. Others stay as they are."""
    return tensor.full_tensor() if _is_part(tensor) else tensor


def take_part(tensor: Tensor, like: Tensor) -> Tensor:
    """Return this process's part of a whole tensor, where `like` is a part itself."""
    if not _is_part(like):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def _is_part(tensor: Tensor) -> TypeGuard[DTensor]:
    return hasattr(tensor, "full_tensor")


__all__ = ["gather_whole", "shard", "take_part", "unshard"]

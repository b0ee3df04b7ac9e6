"""A cluster of Ray's on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STORE_BYTES = 80 * 2**20


@contextmanager
def open_cluster() -> Iterator[Any]:
    """Two nodes with a core each, and a head that does no tasks."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE_BYTES})
    for _ in range(2):
        add_node(found)
    yield found
    found.shutdown()


def add_node(cluster: Any) -> None:
    """Let a node with a core come."""
    cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)

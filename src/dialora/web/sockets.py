"""Where a server listens: its socket, and whether what is sent there stays on this machine."""

from __future__ import annotations

import errno
import ipaddress
import socket

from dialora.errors import InputError


def open_socket(host: str, port: int) -> socket.socket:
    """Listen at an address. Raises InputError where that is not possible."""
    place = f"--host {host} --port {port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except (UnicodeError, socket.gaierror):
        raise InputError(f"{place}: there is no such host; give an address of this machine, as 127.0.0.1.") from None
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: "another program listens there; end that one or give another --port",
            errno.EADDRNOTAVAIL: "that is no address of this machine; give 127.0.0.1, or 0.0.0.0 for all it has",
            errno.EACCES: "ports below 1024 are the system's; give a higher --port",
        }
        reason = reasons.get(error.errno or 0, error.strerror or "cannot be listened at")
        raise InputError(f"{place}: {reason}.") from None


def is_wildcard(host: str) -> bool:
    """Whether a host stands for all addresses of the machine."""
    try:
        return not host or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Whether what is sent to a host stays on this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


__all__ = ["is_local", "is_wildcard", "open_socket"]

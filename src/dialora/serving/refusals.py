"""What is not answered, and why: a status, a code for programs and a sentence for people."""

from __future__ import annotations

from math import ceil

LONGEST_WAIT = 3600
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    429: "queue_full",
    500: "internal_error",
    503: "not_ready",
}


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is not answered; `wait` is in how many seconds it might be."""

    def __init__(self, status: int, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {} if wait is None else {"retry-after": str(min(LONGEST_WAIT, max(1, ceil(wait))))}
        if status == 401:
            self.headers["www-authenticate"] = "Bearer"


__all__ = ["CODES", "Refusal"]

"""Section: a part of a file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of a file: no key but its own, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


__all__ = ["Section"]

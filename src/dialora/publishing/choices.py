"""What who publishes has chosen: where to, under which licence, and what a base is called on the hub."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialora.config import BUNDLED, ExperimentConfig
from dialora.errors import ConfigError
from dialora.report.licences import choose_licence, find_works, require_licence
from dialora.report.origins import find_base_origin

_HUB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")
MOST = 96
"""Characters of a hub id."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Checked; `choose` makes them."""

    repo: str | None
    """The hub id that it is published under; None where only a folder is written."""
    is_public: bool
    licence: str
    """The hub's id of it, or `unknown`."""
    base: str | None
    """The hub id of a base that the run had as a folder."""

    def find_base_id(self, config: ExperimentConfig) -> str | None:
        """Return the hub id of the base, the run's own or the chosen one; None where it is not on the hub."""
        return self.base or find_base_origin(config).hub_id

    def needs_folder(self, config: ExperimentConfig) -> bool:
        """Whether an adapter goes on a base that others can have neither from the hub nor with dialora."""
        return config.model != BUNDLED and self.find_base_id(config) is None


def choose(
    config: ExperimentConfig,
    *,
    repo: str | None = None,
    is_public: bool = False,
    licence: str | None = None,
    base: str | None = None,
) -> Choices:
    """Return the choices for a run's configuration. Raises ConfigError."""
    for option, value in (("--to", repo), ("--base", base)):
        if value is not None and not is_hub_id(value):
            raise ConfigError(
                f"{option} {value[:MOST]!r}: is no hub id; give owner/name of letters, digits, '.', '_' and '-', at "
                f"most {MOST} characters, without '--' and '..'."
            )
    named = find_base_origin(config)
    if base is not None and (named.hub_id is not None or config.model == BUNDLED):
        raise ConfigError(f"--base {base}: the run says itself that its base is {named.name}; leave --base out.")
    works = find_works(config)
    chosen = choose_licence(works, licence)
    if is_public:
        require_licence(works, chosen)
    return Choices(repo, is_public, chosen, base)


def is_hub_id(text: str) -> bool:
    """Whether a text is owner/name as the hub takes it."""
    is_plain = _HUB_ID.fullmatch(text) is not None and len(text) <= MOST
    return is_plain and "--" not in text and ".." not in text and not text.endswith((".git", ".", "-"))


__all__ = ["Choices", "choose", "is_hub_id"]

"""A YAML file that a user names, read strictly: anything but a readable file of UTF-8 text is one line."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from dialora.config.problems import show
from dialora.config.yaml_text import parse_yaml
from dialora.errors import ConfigError


def read_yaml_file(path: Path, *, example: str = "") -> Any:
    """Return what a file says. Raises ConfigError; `example` names the file that is meant where it is a folder."""
    name = show(str(path))[1:-1]
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ConfigError(f"{name}: is a folder; give the {example or 'file'}.")
        if not stat.S_ISREG(mode):
            raise ConfigError(f"{name}: is no file but a pipe or device; save what it gives in a file first.")
        return parse_yaml(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}.") from error


__all__ = ["read_yaml_file"]

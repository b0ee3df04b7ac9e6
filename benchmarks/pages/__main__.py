"""Write the pages from the recorded runs: `python -m benchmarks.pages [FOLDER]`. Nothing is measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pages.writing import write_pages
from benchmarks.settings import FULL
from dialora.errors import DialoraError


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FULL.output, help="of benchmarks.json (default: docs)")
    options = parser.parse_args(arguments)
    try:
        for path in write_pages(options.folder):
            print(path)
    except DialoraError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["main"]

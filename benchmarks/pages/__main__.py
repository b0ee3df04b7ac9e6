"""Write the pages from the raw measurements: `python -m benchmarks.pages [--quick]`. Nothing is measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pages.writing import write_report
from benchmarks.settings import FULL, QUICK


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="of the quick run")
    parser.add_argument("--output", type=Path, help="folder of the pages (default: docs, or beside a quick run)")
    options = parser.parse_args(arguments)
    settings = QUICK if options.quick else FULL
    if not (settings.folder / "raw").is_dir():
        print(f"No measurements in {settings.folder}; run python -m benchmarks first.", file=sys.stderr)
        return 2
    for path in write_report(settings, options.output):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["main"]

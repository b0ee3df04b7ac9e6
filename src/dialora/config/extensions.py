"""What other rooms bring to a file: classes found because they are defined in their package, never because of a list.

An experiment file names methods, metrics and where jobs are done. Their classes stand in rooms of their own, which
import this one and not the other way round; a package of such classes is imported, module by module, when a file is
first checked against it. So adding one touches the one file it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

LAUNCHERS_PACKAGE = "dialora.experiment.launchers"
METHODS_PACKAGE = "dialora.methods"
METRICS_PACKAGE = "dialora.scoring.learned.kinds"


def import_modules(package: str, paths: Iterable[str]) -> None:
    """Import every module of a package, whose `__path__` is given; what they define enters its registry by itself."""
    for module in iter_modules(paths):
        import_module(f"{package}.{module.name}")


@cache
def load_extensions(package: str) -> None:
    """Import a package whose modules define what a file may name."""
    import_module(package)


__all__ = ["LAUNCHERS_PACKAGE", "METHODS_PACKAGE", "METRICS_PACKAGE", "import_modules", "load_extensions"]

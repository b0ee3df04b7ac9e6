"""FORMATS: one streaming reader for each format, found by a file's suffix.

Takes a file, gives its rows one after the other, each with its place in words; no more of a file is in memory than a
row needs, but for a single JSON document. What cannot be read is a DataError that names file, place and mend. Adding a
format is adding a module with a class: it enters FORMATS by being defined; no other code names formats (help texts do).
"""

from dialora.config.extensions import import_modules
from dialora.data.reading.formats.format import (
    FORMATS,
    Format,
    find_format,
    find_stem,
    find_suffix,
    is_known_suffix,
    list_suffixes,
)

import_modules(__name__, __path__)

__all__ = ["FORMATS", "Format", "find_format", "find_stem", "find_suffix", "is_known_suffix", "list_suffixes"]

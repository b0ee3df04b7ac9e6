"""FORMATS: one small class for each format of conversations, recognised by what a file holds.

Adding a format is adding a module with a class: it enters FORMATS by being defined.
"""

from dialora.config.extensions import import_modules
from dialora.data.transcripts.formats.format import FORMATS, Sureness, TranscriptFormat

import_modules(__name__, __path__)

__all__ = ["FORMATS", "Sureness", "TranscriptFormat"]

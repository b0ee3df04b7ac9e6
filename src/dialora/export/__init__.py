"""A run in a form that others can use: as a PEFT adapter, a merged model, for CTranslate2, or as ONNX graphs.

    export.py   writes a form, lets it through its gate, and only then puts it where it was asked for
    gate.py     what was written, loaded again by its own means, against the run on the test dialogues
    forms/      one class for each form, found by being defined

Guarantees that a folder is whole or not there, that what does not write what the run writes is refused, or marked where
it was wanted all the same, and that `systems` uses the folder without being told anything more.
"""

from dialora.export.export import Export, export_system, find_exportable
from dialora.export.forms import FORMS
from dialora.export.gate import Verdict

__all__ = ["FORMS", "Export", "Verdict", "export_system", "find_exportable"]

"""FORMS: one small class for each form that a run can be exported to.

Every module here is imported, and a form enters FORMS by being defined.
"""

from dialora.config.extensions import import_modules
from dialora.export.forms.form import FORMS, Form, Source

import_modules(__name__, __path__)

__all__ = ["FORMS", "Form", "Source"]

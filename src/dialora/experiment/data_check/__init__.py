"""The data check as a verb: a source looked through, and what was found printed and written as a page.

What is looked for is `data.quality`'s; the page has the report's look, and the report knows nothing of it.
"""

from dialora.experiment.data_check.page import print_data_check, render_data_check
from dialora.experiment.data_check.source import check_source, find_folder
from dialora.experiment.data_check.tables import build_tables, describe_check, describe_reading

__all__ = [
    "build_tables",
    "check_source",
    "describe_check",
    "describe_reading",
    "find_folder",
    "print_data_check",
    "render_data_check",
]

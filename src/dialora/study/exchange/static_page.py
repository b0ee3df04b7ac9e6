"""The rater's page as one file that works without a server: it holds sheets, and gives back a file of ratings.

Takes what is blind of a study alone, so nothing in the file names a system.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from dialora.errors import InputError
from dialora.printable import clean
from dialora.store import disk_errors_explained, save_text
from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.records import Sheet


def export_page(folder: StudyFolder, path: Path, sheet: int | None = None) -> tuple[Sheet, ...]:
    """Write the page with one sheet, or with all of them, of which a rater chooses; return the sheets that are in it.

    Raises InputError where the study has no such sheet or the file is no `.html`.
    """
    from dialora.study.pages import build_page
    from dialora.study.serving.sheet import describe_sheet

    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--static {path}: is a page; give a file that ends in .html.")
    study = folder.load_blind()
    sheets = study.sheets if sheet is None else (find_sheet(study, sheet, f"--sheet {sheet}"),)
    described = {str(one.number): describe_sheet(study, one, ()) for one in sheets}
    page = build_page(clean(study.settings.title), secrets.token_urlsafe(16), {"study": folder.id, "sheets": described})
    with disk_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_text(page, path)
    return sheets


def find_sheet(study: BlindStudy, number: int, where: str) -> Sheet:
    """Return a sheet by its number. Raises InputError, which begins with `where`."""
    try:
        return study.find_sheet(number)
    except KeyError:
        raise InputError(f"{where}: the study has sheets 1 to {len(study.sheets)}.") from None


__all__ = ["export_page", "find_sheet"]

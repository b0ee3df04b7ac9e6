"""A study's folder: what is blind and what is not lie in stages of their own, so that serving never opens the key.

`blind/` and `key/` are written once and never changed; a study whose files are not those that were written is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dialora.config import stable_hash
from dialora.errors import StageError
from dialora.store import Stage, load_json, load_records, names, read_key, save_json, save_records
from dialora.study.key import StudyKey
from dialora.study.records import Item, Sheet, StudySettings

STUDIES = Path("studies")
"""Where studies lie when nothing else is said."""


@dataclass(frozen=True, slots=True)
class BlindStudy:
    """All that raters see."""

    settings: StudySettings
    items: dict[str, Item]
    """By id."""
    sheets: tuple[Sheet, ...]

    def find_sheet(self, number: int) -> Sheet:
        """Return a sheet by its number. Raises KeyError."""
        for sheet in self.sheets:
            if sheet.number == number:
                return sheet
        raise KeyError(number)


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """Where one study lies; nothing of it need be there."""

    root: Path

    @property
    def secret(self) -> Path:
        """What invitations are signed with."""
        return self.root / names.STUDY_SECRET

    @property
    def ratings(self) -> Path:
        """The SQLite file of events, where no other data base is named."""
        return self.root / names.RATINGS

    @property
    def id(self) -> str:
        """What the study is known by in a data base that holds several: it says nothing of its systems."""
        return self._stage(names.BLIND).key[:16]

    def save(self, study: BlindStudy, key: StudyKey) -> None:
        """Write the study, the key first: a study that can be served can be analysed."""
        self.root.mkdir(parents=True, exist_ok=True)
        with Stage(self.root / names.KEY, stable_hash(key.to_json())).writing() as folder:
            save_json(key.to_json(), folder / names.STUDY_KEY)
        content = [study.settings.to_json(), *(item.to_json() for item in study.items.values())]
        sheets = [sheet.to_json() for sheet in study.sheets]
        with Stage(self.root / names.BLIND, stable_hash([content, sheets])).writing() as folder:
            save_json(study.settings.to_json(), folder / names.STUDY_SETTINGS)
            save_records(study.items.values(), folder / names.STUDY_ITEMS)
            save_records(study.sheets, folder / names.STUDY_SHEETS)

    def load_blind(self) -> BlindStudy:
        """Load what raters see. Raises StageError where it is missing or damaged."""
        folder = self._require(names.BLIND)
        items = load_records(Item, folder / names.STUDY_ITEMS)
        return BlindStudy(
            StudySettings.from_json(load_json(folder / names.STUDY_SETTINGS)),
            {item.id: item for item in items},
            tuple(load_records(Sheet, folder / names.STUDY_SHEETS)),
        )

    def load_key(self) -> StudyKey:
        """Load who wrote what. Raises StageError where it is missing or damaged."""
        return StudyKey.from_json(load_json(self._require(names.KEY) / names.STUDY_KEY))

    def _stage(self, name: str) -> Stage:
        folder = self.root / name
        return Stage(folder, read_key(folder))

    def _require(self, name: str) -> Path:
        stage = self._stage(name)
        if not stage.folder.is_dir():
            raise StageError(f"{self.root}: holds no study; `dialora study create` makes one.")
        if not stage.is_complete:
            raise StageError(
                f"{stage.folder}: is damaged: not every file is the one that was written; put the folder back from a "
                "copy. Ratings belong to the texts that were judged, so it cannot be made anew."
            )
        return stage.folder


def find_study(named: str) -> StudyFolder:
    """Return the study that a folder holds, or one of STUDIES by its name; it need not be there."""
    path = Path(named)
    is_name = not path.is_dir() and (STUDIES / named).is_dir()
    return StudyFolder(STUDIES / named if is_name else path)


__all__ = ["STUDIES", "BlindStudy", "StudyFolder", "find_study"]

"""What studies found lies beside the systems they judged, and is shown of the texts that were judged alone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dialora.comparison.people_stage import digest_text, keep_study, load_studies
from dialora.store import ExperimentFolder
from tests.comparison.test_people_verdict import CLEAR, build

WRITTEN = {"peft": {"d1": "They meet.", "d2": ""}, "instruct": {"d1": "Ann waits.", "d2": "No."}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose two systems were judged in one study, beside a system of another run."""
    source = tmp_path / "run"
    source.mkdir()
    judged = {key: {name: digest_text(text) for name, text in texts.items()} for key, texts in WRITTEN.items()}
    elsewhere = str(tmp_path / "elsewhere")
    result = replace(
        build(CLEAR),
        id="0123abcd",
        sources=(str(source), elsewhere),
        written_by={key: (key, str(source)) for key in WRITTEN} | {"full": ("peft", elsewhere)},
        judged=judged | {"full": {"d1": digest_text("Others met.")}},
    )
    keep_study(result, str(source))
    return source


@pytest.mark.parametrize("how", ["stays", "moved", "copied", "linked"])
def test_texts_are_compared_wherever_the_folder_lies(folder: Path, how: str) -> None:
    place = folder if how == "stays" else folder.parent / "other" / "place"
    place.parent.mkdir(exist_ok=True)
    if how == "moved":
        folder.rename(place)
    elif how == "copied":
        shutil.copytree(folder, place)
    elif how == "linked":
        place.symlink_to(folder, target_is_directory=True)
    found = load_studies(ExperimentFolder(place), WRITTEN)
    assert [one.name for one in found.results] == ["study"]
    assert not found.notes
    changed = WRITTEN | {"peft": {"d1": "They never meet.", "d2": ""}}
    rewritten = load_studies(ExperimentFolder(place), changed)
    assert not rewritten.results
    assert "judged other summaries of PEFT than stand here now" in rewritten.notes[0]


def test_two_studies_of_one_name_stand_side_by_side(folder: Path) -> None:
    (path,) = (folder / "studies").iterdir()
    (first,) = load_studies(ExperimentFolder(folder), WRITTEN).results
    keep_study(replace(first, id="89abcdef", num_raters=7), str(folder))
    keep_study(replace(first, num_raters=5), str(folder))
    found = load_studies(ExperimentFolder(folder), WRITTEN).results
    # The same study analysed again is renewed; what is of one name is told apart.
    assert [(one.name, one.num_raters) for one in found] == [("study (0123abcd)", 5), ("study (89abcdef)", 7)]
    assert path.exists()


@pytest.mark.parametrize("changed", ["source", "result"])
def test_a_file_that_was_changed_is_not_shown(folder: Path, changed: str) -> None:
    (path,) = (folder / "studies").iterdir()
    values = json.loads(path.read_text())
    if changed == "source":
        values["source"] = "elsewhere"
    else:
        values["result"]["num_raters"] = 9
    path.write_text(json.dumps(values))
    found = load_studies(ExperimentFolder(folder), WRITTEN)
    assert not found.results
    assert "is not what was written there" in found.notes[0]

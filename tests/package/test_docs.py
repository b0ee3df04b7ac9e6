"""What the documents say, where it can be looked up: a number stands in one place, and counts are the data's."""

import re
from collections import defaultdict

from dialora.config import BUNDLED, DataConfig
from dialora.data.examples import load_dataset
from tests.conftest import ROOT

DOCUMENTS = {path.relative_to(ROOT): path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]}


def test_no_row_of_measurements_stands_in_two_documents() -> None:
    places = defaultdict(set)
    for name, path in DOCUMENTS.items():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("|") and len(re.findall(r"\d\.\d", line)) >= 2:
                places[line].add(name)
    assert places
    assert {row: names for row, names in places.items() if len(names) > 1} == {}


def test_rates_of_smollm_were_chosen_on_the_bundled_validation_dialogues() -> None:
    text = (ROOT / "docs" / "smollm.md").read_text(encoding="utf-8")
    found = re.search(r"validation loss \((\d+) dialogues\) after one epoch of the (\d+) training", text)
    assert found is not None
    data = load_dataset(DataConfig(source=BUNDLED))
    assert (int(found[1]), int(found[2])) == (len(data.validation), len(data.train))

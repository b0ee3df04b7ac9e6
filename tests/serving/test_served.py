"""What clients are told of a served system."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialora.serving.served import find_served
from tests.export.conftest import Exports, exports, runs  # noqa: F401


@pytest.mark.parametrize("to", ["adapter", "merged", "ctranslate2"])
def test_an_export_names_the_base_that_it_was_made_from(exports: Exports, tiny_model: Path, to: str) -> None:  # noqa: F811
    (served,) = find_served([exports[to]])
    assert served.describe()["base"] == tiny_model.name

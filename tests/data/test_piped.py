"""A toy format is data to train on, a table of outputs and a table to summarize."""

from pathlib import Path

import dialora
from dialora.config import DataConfig
from dialora.data.examples import load_dataset
from dialora.data.reading.tables import stream_dialogues


def test_a_toy_format_is_read_everywhere(tmp_path: Path) -> None:
    test = tmp_path / "test.psv"
    test.write_text(
        "dialogue | summary | mine\nAnn: Hi. | Ann greets. | Hi.\nBen: Yo. | Ben greets. | Yo.\n", encoding="utf-8"
    )
    config = DataConfig(source=str(test))
    assert [example.dialogue for example in load_dataset(config, needs_train=False).test] == ["Ann: Hi.", "Ben: Yo."]
    assert [item.dialogue for item in stream_dialogues(test, config)] == ["Ann: Hi.", "Ben: Yo."]
    assert dialora.score_outputs(test, output=tmp_path / "out").systems[0].key == "mine"

"""Tables summarized through Ray Data, on a cluster of two nodes with a core each: a file's own summaries, in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dialora
from dialora.api import summarize_files
from tests import sizes
from tests.ray_cluster import open_cluster

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

NUM_ROWS = 150
PART = 50


@pytest.mark.slow
@pytest.mark.parametrize("holds", ["processes", pytest.param("actors", marks=sizes.thorough)])
def test_ray_data_has_the_summaries_of_the_file(root: Path, tmp_path: Path, holds: str) -> None:
    import pyarrow as pa
    import ray
    from pyarrow import parquet

    talks = [f"#Person1#: Number {n}.\n#Person2#: {'Well. ' * (n * 7 % 5)}Yes, Tom." for n in range(NUM_ROWS)]
    table = pa.table({"id": [f"d{n}" for n in range(NUM_ROWS)], "dialogue": talks})
    (tmp_path / "in").mkdir()
    for at in range(3):  # three files, several parts of each
        size = NUM_ROWS // 3
        piece = table.slice(at * size, size if at < 2 else None)
        parquet.write_table(piece, tmp_path / "in" / f"{at}.parquet", row_group_size=PART)
    told = {"generation.engine": "ctranslate2", "decoding.max_new_tokens": 20}
    summarize_files(tmp_path / "in", output=tmp_path / "out.jsonl", system=root, method="lora", set=told)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    with open_cluster() as cluster:
        ray.init(address=cluster.address, log_to_driver=False)
        try:
            context = ray.data.DataContext.get_current()
            context.execution_options.preserve_order, context.enable_progress_bars = True, False
            data = ray.data.read_parquet(str(tmp_path / "in"))
            if holds == "processes":
                summarize = dialora.TableSummarizer(root, method="lora", set=told)
                made = data.map_batches(summarize, batch_format="pyarrow", batch_size=PART, num_cpus=1)
            else:
                made = data.map_batches(
                    dialora.TableSummarizer,
                    fn_constructor_args=(root,),
                    fn_constructor_kwargs={"method": "lora", "set": told},
                    batch_format="pyarrow",
                    batch_size=PART,
                    num_cpus=1,
                    concurrency=1,  # whoever reads needs a core too
                )
            found = made.take_all()
        finally:
            ray.shutdown()
    names = ("id", "summary", "finish_reason", "num_parts", "truncated", "unsupported_names")
    assert [{name: row[name] for name in names} for row in found] == [
        {name: row[name] for name in names} for row in rows
    ]

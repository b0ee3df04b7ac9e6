"""Tables summarized through Spark, where it is installed: the recipe of docs/scaling.md on two local workers."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="Spark is not installed (pip install pyspark)")
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Spark's own
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_the_recipe_summarizes_a_table_in_order(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    import dialora

    talks = [f"#Person1#: Number {n}.\n#Person2#: {'Well. ' * (n * 7 % 5)}Yes, Tom." for n in range(60)]
    table = pa.table({"id": [f"d{n:02}" for n in range(60)], "dialogue": [*talks[:-1], None]})
    (tmp_path / "talks").mkdir()
    parquet.write_table(table, tmp_path / "talks" / "0.parquet")
    (recipe,) = re.findall(
        r"```python\n([^`]*mapInPandas[^`]*)```", (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    )
    told = 'set=["decoding.max_new_tokens=20"]'
    recipe = recipe.replace('"runs/bundled", method="lora"', f'{str(root)!r}, method="lora", {told}')
    assert told in recipe
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    exec(compile(recipe.replace(".getOrCreate()", '.master("local[2]").getOrCreate()'), "recipe", "exec"), {})
    found = parquet.read_table(tmp_path / "summaries").sort_by("id")
    expected = dialora.TableSummarizer(root, method="lora", set=["decoding.max_new_tokens=20"])(table)
    assert found.to_pylist() == expected.to_pylist()
    assert found["summary"].to_pylist()[-1] == ""

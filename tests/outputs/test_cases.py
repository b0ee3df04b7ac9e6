"""Every table of outputs among the cases that users would bring, through `dialora score`: right values, or one line."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main

CASES = Path(os.environ.get("DIALORA_CASES", Path(__file__).parents[3] / "shared" / "cases"))
JOINED = ("score_noid_dialogues", "score_shuffled_dialogues", "score_subset_dialogues")
"""Their dialogues lie beside the table."""
RIGHT: dict[str, tuple[int, dict[str, float]]] = {
    "score_actual_predicted": (30, {"Predicted": 0.3529}),
    "score_adjacent_empty_unique_ids": (30, {"model": 0.2353}),
    "score_adjacent_same_unique_ids": (30, {"model": 0.2353}),
    "score_all_same": (30, {"oracle": 1.0, "oracle2": 1.0}),
    "score_all_skipped": (25, {"model": 0.3529}),
    "score_article_generated": (30, {"generated": 0.3529}),
    "score_empty_preds": (30, {"some_empty": 0.2353, "all_empty": 0.0}),
    "score_empty_refs": (25, {"model": 0.3529}),
    "score_extra_text_cols": (30, {"model": 0.3529}),
    "score_ground_truth": (30, {"generated": 0.3529}),
    "score_hf_names": (30, {"decoded": 0.3529}),
    "score_index_cols": (30, {"Predicted": 0.3529}),
    "score_long_format": (30, {"a": 0.3529, "b": 0.1053}),
    "score_minus100": (30, {"clean": 0.3529}),
    "score_nan_floats": (30, {"m": 0.3412}),
    "score_noid_dialogues": (30, {"model": 0.3529}),
    "score_nsep": (30, {"with_n_tag": 0.2353, "with_newline": 0.2353}),
    "score_nsep_refs": (30, {"with_n_tag": 0.2353, "with_newline": 0.2353}),
    "score_null_preds": (30, {"a": 0.2353, "b": 0.3529}),
    "score_one_file_per_system": (20, {"model_a": 0.9231, "model_b": 0.4167}),
    "score_pads": (30, {"padded": 0.3529, "clean": 0.3529}),
    "score_pred_dict_jsonl": (30, {"prediction": 0.3529}),
    "score_prompt_col": (30, {"model": 0.3529}),
    "score_ref_and_summary": (30, {"summary": 0.3529}),
    "score_refs_json_list_cell": (30, {"model_a": 0.3765, "model_b": 0.1115}),
    "score_refs_list_jsonl": (30, {"model_a": 0.3765, "model_b": 0.1115}),
    "score_same_id_two_refs": (30, {"model": 0.3765}),
    "score_shuffled_dialogues": (30, {"model": 0.3529}),
    "score_subset_dialogues": (12, {"model": 0.3529}),
    "score_summary_generated_summary": (30, {"generated": 0.3529}),
    "score_test_file_name": (30, {"model": 0.3529}),
    "score_txt": (30, {"generated": 0.3529}),
}
"""Dialogues and ROUGE-1; a case that does not stand here must end well, or with one line that says what is wrong."""
REFUSED = {
    "score_dup_ids": "give them different ids",
    "score_numeric_preds": "model (numbers)",
    "score_one_col": "no reference column",
}
NAMES = sorted(path.name for path in CASES.glob("score_*")) if CASES.is_dir() else []
TABLES = [f"hostile/{path.name}" for path in sorted(CASES.glob("hostile/*")) if path.suffix in (".jsonl", ".parquet")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*NAMES, *TABLES] or [pytest.param("", marks=pytest.mark.skip("the cases are not here"))]
)
def test_a_case_is_scored_or_refused_in_one_line(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = CASES / name
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    options = ["--set", "scoring.num_resamples=100", "--output", str(tmp_path / "out")]
    if name in JOINED:
        files = [file for file in files if file.stem != "test"]
        options += ["--set", f"outputs.dialogues={path / 'test.csv'}"]
    code = main(["score", *map(str, files), *options])
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out + err)
    if name in REFUSED or code:
        assert code == 2
        assert REFUSED.get(name, "") in err
        assert len(err.encode()) < 4096
        assert not (tmp_path / "out" / "results.json").exists()
        return
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    if name in RIGHT:
        assert (results["num_examples"], find_scores(results)) == RIGHT[name]


def find_scores(results: dict[str, Any]) -> dict[str, float]:
    """Return each system's ROUGE-1, yardsticks aside."""
    systems = [system for system in results["systems"] if not system["yardstick"]]
    return {system["key"]: round(system["scores"]["rouge1"]["mean"], 4) for system in systems}

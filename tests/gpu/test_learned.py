"""Learned metrics on a GPU give the scores of the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.scoring.test_learned import LABELS, PAIRS, build_config, save_classifier, save_tokenizer, score

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]


def save_bert(folder: Path) -> Path:
    from transformers import BertConfig, BertModel

    size = save_tokenizer(folder)
    torch.manual_seed(0)
    BertModel(build_config(BertConfig, size)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["bertscore", "pair_classifier"])
def test_scores_are_those_of_the_processor(
    device: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric: dict[str, Any] = {"kind": kind}
    if kind == "bertscore":
        metric["model"] = str(save_bert(tmp_path / "model"))
    else:
        metric |= {"model": str(save_classifier(tmp_path / "model", list(LABELS))), "label": LABELS[2]}
    before = torch.cuda.memory_stats().get("allocation.all.allocated", 0)
    found, _ = score(PAIRS, metric)
    assert torch.cuda.memory_stats()["allocation.all.allocated"] > before
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    expected, _ = score(PAIRS, metric)
    assert found == pytest.approx(expected, abs=1e-4)

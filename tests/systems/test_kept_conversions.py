"""Where conversions of what is no run are kept: in the user's cache, made once, and anew when the weights change."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from dialora.errors import ConfigError, DialoraError
from dialora.generation import engines
from dialora.store import find_cache, one_at_a_time
from dialora.systems import find_system
from tests.systems.adapters import SETTINGS, make_adapter, merge_by_hand
from tests.systems.support import summarize

TEXTS = [f"{'So it goes. ' * n}That is number {n}." for n in range(4)]
FAST = {"decoding.max_new_tokens": 10}


@pytest.fixture
def base(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "flan-t5-base"))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("DIALORA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The conversions that are written from now on."""
    found, convert = list[Path](), engines.convert_system

    def count(model: Any, tokenizer: Any, stage: Any, *, precision: str) -> Path:
        if not stage.is_complete:
            found.append(stage.folder)
        return convert(model, tokenizer, stage, precision=precision)

    monkeypatch.setattr(engines, "convert_system", count)
    return found


def test_a_conversion_is_made_once_and_anew_for_other_weights(
    base: Path, own: Path, made: list[Path], tmp_path: Path
) -> None:
    adapter = make_adapter(base, tmp_path / "adapter")

    def write() -> list[str]:
        return summarize(TEXTS, system=adapter, base=str(base), set=FAST)

    first = write()
    assert write() == first
    assert len(made) == 1
    assert made[0].is_relative_to(own)
    make_adapter(base, tmp_path / "other", seed=1)
    shutil.copy(tmp_path / "other" / "adapter_model.safetensors", adapter)
    second = write()
    assert second == summarize(TEXTS, system=merge_by_hand(base, adapter, tmp_path / "merged"), set=FAST) != first
    assert len(made) == 3  # and one of the merged model
    settings = make_adapter(base, tmp_path / "scaled", SETTINGS | {"lora_alpha": 64})
    shutil.copy(settings / "adapter_config.json", adapter)
    assert write() != second
    assert len(made) == 4
    # What lies there is used only as it was written.
    (made[-1] / "model.bin").write_bytes(b"cut")
    third = write()
    assert len(made) == 5
    assert third == write()
    assert sorted(path.name for path in adapter.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert not list(base.glob("ctranslate2*"))


def test_the_same_adapter_on_another_base_has_another_conversion(base: Path, own: Path, tmp_path: Path) -> None:
    adapter = make_adapter(base, tmp_path / "adapter")
    other = merge_by_hand(base, adapter, tmp_path / "other" / base.name)
    systems = [find_system(adapter, base=str(folder)) for folder in (base, other)]
    assert len({system.identity for system in systems}) == len({system.conversions for system in systems}) == 2


def test_a_cache_that_cannot_be_written_only_costs_time(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = summarize(TEXTS, system=base, set=FAST)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("DIALORA_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"it cannot be converted into .*file.cache.*Not a directory.*; torch is used"):
        assert summarize(TEXTS, system=base, set=FAST) == expected
    for asked in ({"generation.precision": "int8"}, {"generation.engine": "ctranslate2"}):
        with pytest.raises(DialoraError, match="DIALORA_CACHE names another folder") as caught:
            summarize(TEXTS, system=base, set=FAST | asked)
        assert "\n" not in str(caught.value)
    assert summarize(TEXTS, system=base, set=FAST | {"generation.engine": "torch"}) == expected


def test_who_makes_the_same_waits(tmp_path: Path, own: Path) -> None:
    order = []

    def wait(patience: float) -> None:
        with one_at_a_time(tmp_path / "made", patience=patience):
            order.append(patience)

    with one_at_a_time(tmp_path / "made"):
        waiting = threading.Thread(target=wait, args=[60.0])
        waiting.start()
        with one_at_a_time(tmp_path / "other"):
            wait(0.1)  # a lock that is never let go of keeps nobody from work
        assert order == [0.1]
    waiting.join(60)
    assert order == [0.1, 60.0]


@pytest.mark.slow
def test_two_at_once_share_a_conversion(base: Path, own: Path, tmp_path: Path) -> None:
    make_adapter(base, tmp_path / "adapter")
    (tmp_path / "talk.txt").write_text("Anna: Hi.\nBen: Hello there.\n", encoding="utf-8")
    options = ["--system", "adapter", "--base", base.name, "--set", "generation.precision=int8"]
    commands = [
        [sys.executable, "-m", "dialora", "summarize", "talk.txt", *options, "--output", f"{number}.jsonl"]
        for number in range(2)
    ]
    at_work = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) for command in commands]
    said = [one.communicate(timeout=300)[1] for one in at_work]
    assert [one.returncode for one in at_work] == [0, 0], said
    assert b"torch is used" not in b"".join(said)
    assert (tmp_path / "0.jsonl").read_bytes() == (tmp_path / "1.jsonl").read_bytes()
    assert len(list(own.glob("systems/*/ctranslate2-int8/model.bin"))) == 1


def test_a_cache_lies_where_it_is_named_or_where_the_system_keeps_them(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_cache() == cache
    monkeypatch.setenv("DIALORA_CACHE", "~/mine")
    assert find_cache() == tmp_path / "mine"
    monkeypatch.delenv("DIALORA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert find_cache() == tmp_path / "xdg" / "dialora"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert find_cache() == tmp_path / ".cache" / "dialora"
    monkeypatch.setenv("DIALORA_CACHE", "~nobody-of-that-name/mine")
    with pytest.raises(ConfigError, match="set DIALORA_CACHE to a folder"):
        find_cache()

"""Hub ids as systems: models and adapters of the hub's cache, their revisions, and what cannot be had."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main
from dialora.errors import DialoraError, ModelError
from dialora.models import hub
from dialora.models.checkpoint import find_commit
from dialora.systems import find_system
from tests.conftest import change_base
from tests.systems.adapters import SETTINGS, make_adapter
from tests.systems.support import summarize

TEXTS = [f"{'So it goes. ' * n}That is number {n}." for n in range(4)]
FAST = {"decoding.max_new_tokens": 10}
FIRST, SECOND = "0123456789" * 4, "fedcba9876" * 4
Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Lay a folder into a hub cache of the test's own, as `hf download` leaves it."""
    root = tmp_path / "hub"
    root.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root))
    find_commit.cache_clear()
    hub._failed.clear()

    def lay(source: Path, name: str, *, commit: str = FIRST, ref: str | None = "main") -> Path:
        folder = root / f"models--{name.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True, exist_ok=True)
        if ref is not None:
            (folder / "refs" / ref).write_text(commit)
        return Path(shutil.copytree(source, folder / "snapshots" / commit))

    return lay


@pytest.fixture
def second(tiny_model: Path, tmp_path: Path) -> Path:
    """Another model of the same layout."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "second"))
    change_base(folder, "weights")
    return folder


def test_a_model_of_the_hub_is_a_system(put: Put, tiny_model: Path) -> None:
    put(tiny_model, "somebody/model")
    system = find_system("somebody/model", set=FAST)
    assert (system.name, system.config.model_revision) == ("somebody/model", FIRST)
    assert summarize(TEXTS, system="somebody/model", set=FAST) == summarize(TEXTS, system=tiny_model, set=FAST)


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_an_adapter_of_the_hub_goes_on_its_base_of_the_hub(
    suffix: str, put: Put, tiny_model: Path, second: Path, tmp_path: Path
) -> None:
    adapter = make_adapter(
        tiny_model, tmp_path / "adapter", SETTINGS | {"base_model_name_or_path": "a/base"}, suffix=suffix
    )
    put(tiny_model, "a/base")
    put(adapter, "b/adapter")
    made = summarize(TEXTS, system="b/adapter", set=FAST)
    copy = shutil.copytree(tiny_model, tmp_path / "base")
    assert made == summarize(TEXTS, system=adapter, base=str(copy), set=FAST)
    assert made == summarize(TEXTS, system=adapter, set=FAST)
    other = shutil.copytree(second, tmp_path / "other" / "base")
    assert made != summarize(TEXTS, system="b/adapter", base=str(other), set=FAST)


def test_an_adapter_that_brings_a_config_is_no_whole_model(put: Put, tiny_model: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_model, tmp_path / "adapter", SETTINGS | {"base_model_name_or_path": "a/base"})
    shutil.copy(tiny_model / "config.json", adapter)
    put(tiny_model, "a/base")
    put(adapter, "b/adapter")
    assert summarize(TEXTS, system="b/adapter", set=FAST) == summarize(TEXTS, system=adapter, set=FAST)


def test_a_revision_is_the_models_or_that_of_an_adapters_base(
    put: Put, tiny_model: Path, second: Path, tmp_path: Path
) -> None:
    put(tiny_model, "a/base")
    put(second, "a/base", commit=SECOND, ref="v2")
    put(second, "a/tagged", commit=SECOND, ref="v2")  # of which nothing else was ever downloaded
    first_made, second_made = (summarize(TEXTS, system=folder, set=FAST) for folder in (tiny_model, second))
    assert first_made != second_made
    assert summarize(TEXTS, system="a/base", set=FAST) == first_made
    for name in ("a/base", "a/tagged"):
        for revision in ("v2", SECOND):
            set = FAST | {"model_revision": revision}
            assert find_system(name, set=set).config.model_revision == SECOND
            assert summarize(TEXTS, system=name, set=set) == second_made
    base = SETTINGS | {"base_model_name_or_path": "a/base"}
    put(make_adapter(tiny_model, tmp_path / "plain", base), "b/plain")
    put(make_adapter(tiny_model, tmp_path / "pinned", base | {"revision": "v2"}), "b/pinned")
    assert find_system("b/plain").config.model_revision == FIRST
    assert find_system("b/plain", set=["model_revision=v2"]).config.model_revision == SECOND
    assert find_system("b/pinned").config.model_revision == SECOND
    assert find_system("b/pinned", set=["model_revision=main"]).config.model_revision == FIRST
    with pytest.raises(DialoraError, match=r"model_revision: v2: .* is a folder, which has none; leave it out"):
        find_system(second, set=["model_revision=v2"])


@pytest.mark.parametrize(
    ("system", "options", "said"),
    [
        ("somebody/other", [], r"--system somebody/other: is no folder here, .* not in the cache, and HF_HUB_OFFLINE"),
        ("runs/other", [], r"--system runs/other: is no folder here, and cannot be had from the hub"),
        ("somebody/other", ["--base", "a/base"], r"--system somebody/other: is no folder here"),
        ("b/adapter", [], r"its base gone/base cannot be loaded: it is not in the cache.*; --base names another place"),
        ("b/adapter", ["--base", "c/base"], r"--base c/base cannot be loaded: it is not in the cache"),
        ("a/base", ["--base", "a/base"], r"--base a/base: a/base is a whole model; leave --base out"),
        ("a/base", ["--method", "lora"], r"--method lora: a/base is no experiment's folder; leave --method out"),
        ("a/base", ["--set", "model_revision=v9"], r"--system a/base cannot be loaded: it is not in the cache"),
        ("a/..", [], r"--system a/\.\.: is no folder here, and cannot be had from the hub: it is neither"),
        ("t5-small", [], r"--system t5-small: no such folder; .*or a hub id as owner/name"),
        ("https://huggingface.co/a/base", [], r"--system https://huggingface.co/a/base: no such folder; .*owner/name"),
    ],
)
def test_what_the_hub_does_not_give_is_said_in_a_line(
    system: str,
    options: list[str],
    said: str,
    put: Put,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(tiny_model, "a/base")
    put(
        make_adapter(tiny_model, tmp_path / "adapter", SETTINGS | {"base_model_name_or_path": "gone/base"}), "b/adapter"
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.txt").write_text("Anna: Hi.\nBen: Hello.\n", encoding="utf-8")
    assert main(["summarize", "talk.txt", "--system", system, *options, "--output", "out.jsonl"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_hub_that_is_away_does_not_keep_a_cached_model_from_use(
    put: Put, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import errors

    def fail(*_: Any, **__: Any) -> str:
        raise errors.LocalEntryNotFoundError("no connection")

    snapshot = put(tiny_model, "somebody/model")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    monkeypatch.setattr("huggingface_hub.is_offline_mode", lambda: False)
    assert find_system("somebody/model").config.model_revision == snapshot.name
    hub._failed.clear()
    with pytest.raises(ModelError, match=r"--system somebody/other: is no folder here.*the hub cannot be reached"):
        find_system("somebody/other")


def test_finding_what_lies_here_loads_nothing(tiny_model: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_model, tmp_path / "adapter")
    converted = tmp_path / "converted"
    converted.mkdir()
    (converted / "model.bin").write_bytes(b"weights")
    (converted / "shared_vocabulary.json").write_text(json.dumps(["<pad>"]), encoding="utf-8")
    named = [(str(folder), str(tiny_model)) for folder in (adapter, converted)] + [(str(tiny_model), None)]
    # What is loaded before the command line has decided on the network would go there.
    code = (
        "import sys; from dialora.cli.loading import load_system; "
        f"found = [load_system(name, None, None, base=base) for name, base in {named!r}]; "
        "loaded = {'torch', 'transformers', 'huggingface_hub', 'peft'} & set(sys.modules); "
        "import os; assert os.environ['HF_HUB_DISABLE_TELEMETRY'] == os.environ['HF_HUB_OFFLINE'] == '1'; "
        "sys.exit(','.join(loaded) or len(found) - 3)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment_online())


def _environment_online() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("HF_HUB")}

"""Where an export lies: not where dialora makes things anew, one at a time; of one on a full disk nothing is left."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora import api
from dialora.errors import ConfigError, StageError
from dialora.export import FORMS

TALK = "#Person1#: Are you coming tonight?\n#Person2#: No, I am ill."


@contextmanager
def no_file_larger_than(num_bytes: int) -> Iterator[None]:
    """A disk that is full, as far as any program can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("place", ["training/mine", "published", "mine/deep"])
def test_nothing_is_exported_into_a_run(runs: Path, tmp_path: Path, place: str) -> None:
    run = next(runs.glob("lora-*"))
    with pytest.raises(ConfigError, match=r"lies in .*give a folder outside of it"):
        api.export_run(runs, method="lora", to="adapter", output=run / place)
    assert not (run / place).exists()
    (tmp_path / "link").symlink_to(run)
    with pytest.raises(ConfigError, match="give a folder outside of it"):
        api.export_run(runs, method="lora", to="adapter", output=tmp_path / "link" / place)


def test_an_experiments_own_file_is_no_reason_to_refuse_what_lies_beside_it(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "experiment.yaml").write_text("name: mine\n")
    assert api.export_run(runs, method="lora", to="adapter", output=tmp_path / "mine").verdict.passed


def test_two_exports_at_once_do_not_write_into_each_other(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, write = tmp_path / "mine", FORMS["ctranslate2"].write
    said: list[str] = []

    def write_while_another_comes(*arguments: Any) -> None:
        write(*arguments)
        with pytest.raises(StageError) as caught:
            api.export_run(runs, method="lora", to="adapter", output=target)
        said.append(str(caught.value))

    monkeypatch.setattr(FORMS["ctranslate2"], "write", write_while_another_comes, raising=False)
    api.export_run(runs, method="lora", to="ctranslate2", output=target)
    assert "another dialora is writing it" in said[0]
    assert not (target / "adapter_config.json").exists()
    assert dialora.load(target).summarize(TALK).text  # type: ignore[union-attr]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("to", ["adapter", "merged", "ctranslate2", pytest.param("onnx", marks=pytest.mark.slow)])
def test_a_full_disk_is_one_line_that_names_it_and_leaves_nothing(runs: Path, tmp_path: Path, to: str) -> None:
    refuse: Callable[[], object] = lambda: api.export_run(runs, method="lora", to=to, output=tmp_path / "mine")  # noqa: E731
    with no_file_larger_than(2_000), pytest.raises(StageError) as caught:
        refuse()
    assert str(caught.value).startswith(str(tmp_path))
    assert "a file gets larger than the system allows" in str(caught.value)
    assert list(tmp_path.iterdir()) == []

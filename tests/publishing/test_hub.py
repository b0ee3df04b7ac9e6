"""The upload, against a hub on this machine: every byte of the folder and nothing else; what goes wrong is one line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dialora.publishing
from dialora import api
from dialora.errors import ConfigError, DialoraError, HubError, StageError
from tests.publishing.hub_server import Hub

TO = "someone/tiny-lora"


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def publish(finished: Path, **options: Any) -> api.publishing.Publication:
    return api.publish(finished, options.pop("to", TO), method=options.pop("method", "lora"), **options)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_folder_arrives_byte_for_byte(finished: Path, hub: Hub, method: str) -> None:
    done = publish(finished, method=method)
    repository = hub.repositories[TO]
    assert repository.files == read_files(done.folder)
    assert repository.private
    assert repository.commits == ["Publish with dialora"]
    assert done.url == f"{hub.address}/{TO}"
    weights = {"lora": "adapter_model.safetensors", "full": "model.safetensors"}[method]
    assert {weights, "README.md", "tokenizer.json", "generation_config.json"} <= set(repository.files)
    # Neither what dialora keeps for itself, nor anything of the dialogues.
    assert not {"manifest.json", "training.json", "train.jsonl", "run.yaml"} & set(repository.files)


def test_a_dry_run_asks_the_hub_nothing(finished: Path, hub: Hub, tmp_path: Path) -> None:
    done = publish(finished, dry_run=True, output=tmp_path / "out")
    assert hub.requests == []
    assert done.url is None
    assert (tmp_path / "out" / "README.md").is_file()


def test_nothing_gets_public_unasked(finished: Path, hub: Hub) -> None:
    publish(finished, public=True, license="apache-2.0")
    assert not hub.repositories[TO].private
    commits = len(hub.repositories[TO].commits)
    with pytest.raises(ConfigError, match=r"there already and public; give --public"):
        publish(finished)
    assert len(hub.repositories[TO].commits) == commits


def test_an_unknown_licence_is_asked_for_before_all_may_have_it(finished: Path, hub: Hub) -> None:
    with pytest.raises(ConfigError, match=r"the licence of .* is not known here; .*--license"):
        publish(finished, public=True)
    assert hub.requests == []


def test_what_is_overwritten_and_what_stays_is_told(finished: Path, hub: Hub) -> None:
    old = hub.add(TO, README__md=b"old", __gitattributes=b"x", notes__txt=b"mine")
    told: list[dict[str, Any]] = []
    done = publish(finished, observer=told.append)
    said = " ".join(event.get("message", "") for event in told)
    assert f"{TO}: overwrites README.md; its history keeps the old." in said
    assert "leaves notes.txt as they are" in said
    assert ".gitattributes" not in said
    assert old.files == {**read_files(done.folder), "notes.txt": b"mine", ".gitattributes": b"x"}


def test_what_a_gitignore_leaves_out_is_told(finished: Path, hub: Hub) -> None:
    hub.add(TO).ignored = {"tokenizer.json"}
    with pytest.raises(HubError, match=r"left out tokenizer\.json; look whether a \.gitignore"):
        publish(finished)


def test_a_private_repository_stays_private(finished: Path, hub: Hub) -> None:
    hub.add(TO)
    told: list[dict[str, Any]] = []
    publish(finished, public=True, license="mit", observer=told.append)
    assert hub.repositories[TO].private
    assert any("stays private" in event.get("message", "") for event in told)


@pytest.mark.parametrize(
    ("part", "status", "said"),
    [
        ("repos/create", 401, "log in (`hf auth login`), or set HF_TOKEN"),
        ("repos/create", 403, "give one with write access"),
        ("preupload", 403, "give one with write access"),
        ("commit", 403, "give one with write access"),
        ("commit", 409, "run the same command again"),
        ("commit", 413, "larger than it takes"),
        ("commit", 429, "asked too often"),
        ("commit", 500, "try again later"),
        ("commit", 418, "refuses what was sent"),
        ("storage", 403, "give one with write access"),
    ],
)
def test_what_the_hub_refuses_is_one_line_without_the_token(
    finished: Path, hub: Hub, part: str, status: int, said: str
) -> None:
    hub.trouble[part] = status
    # It may echo whatever it got.
    hub.message = f"first line\nBearer {hub.token} \x1b[31m"
    with pytest.raises(HubError) as caught:
        publish(finished)
    text = str(caught.value)
    assert f"answers {status}" in text
    assert said in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert hub.token not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not hub.repositories.get(TO) or not hub.repositories[TO].files


@pytest.mark.parametrize("part", ["validate", "repos/create", "commit"])
def test_a_hub_that_hangs_up_is_one_line(finished: Path, hub: Hub, part: str) -> None:
    hub.trouble[part] = 0
    with pytest.raises(HubError, match=r"cannot be reached \(.*check the network, and run it again\.$"):
        publish(finished)
    assert not hub.repositories.get(TO) or not hub.repositories[TO].files


def test_what_is_no_hub_is_said(finished: Path, hub: Hub) -> None:
    hub.trouble[f"api/models/{TO}"] = 302
    with pytest.raises(HubError, match="does not answer as a hub does"):
        publish(finished)


def test_what_was_sent_is_not_told_as_failed_where_the_hub_does_not_list_it(finished: Path, hub: Hub) -> None:
    hub.trouble["tree"] = 404
    told: list[dict[str, Any]] = []
    assert publish(finished, observer=told.append).url == f"{hub.address}/{TO}"
    assert hub.repositories[TO].commits
    assert any("It is sent, but whether all of it is there is not known" in event.get("message", "") for event in told)


def test_somebody_elses_name_is_refused(finished: Path, hub: Hub) -> None:
    with pytest.raises(HubError, match=r"403: the token may not write there"):
        publish(finished, to="another/tiny")


def test_a_wrong_token_is_refused(finished: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="answers 401") as caught:
        publish(finished)
    assert "hf_wrong" not in str(caught.value)


def test_without_a_token_nothing_is_asked(finished: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"not logged in to the hub; log in \(`hf auth login`\), or set HF_TOKEN"):
        publish(finished)
    assert hub.requests == []


def test_a_hub_that_is_away_is_one_line(finished: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        with pytest.raises(HubError, match="cannot be reached") as caught:
            publish(finished)
    assert "\n" not in str(caught.value)


def test_offline_is_said(finished: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=r"HF_HUB_OFFLINE is set; unset it, or .* --dry-run"):
        publish(finished)


def test_of_a_card_that_the_hub_refuses_nothing_is_made_there(finished: Path, hub: Hub) -> None:
    with pytest.raises(HubError, match=r"does not take the card .*license"):
        publish(finished, license="no-such-licence")
    assert hub.stored == {}
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"to": "no-owner"}, "is no hub id; give owner/name"),
        ({"to": "a/b/c"}, "is no hub id"),
        ({"to": "a/" + "b" * 200}, "is no hub id"),
        ({"to": "../etc"}, "is no hub id"),
        ({"to": None}, "give --to owner/name"),
        ({"license": "My Licence!"}, "is no licence's id"),
        ({"base": "/somewhere/base"}, "is no hub id"),
        ({"method": "zero_shot"}, "trains nothing"),
        ({"method": "nothing"}, "has no finished run of it"),
        ({"method": None}, "choose one with --method"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_asked_or_written(
    finished: Path, hub: Hub, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(DialoraError, match=said) as caught:
        publish(finished, output=tmp_path / "out", **options)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert hub.requests == []
    assert list(tmp_path.iterdir()) == []


def test_command_line_sends_it_and_shows_no_token(finished: Path, hub: Hub, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    environment |= {
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": hub.token,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_DEBUG": "1",
    }
    command = [sys.executable, "-m", "dialora", "publish", str(finished), "--method", "lora", "--to", TO]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Published: {hub.address}/{TO}" in done.stdout
    assert "README.md" in hub.repositories[TO].files
    hub.trouble["commit"] = 403
    hub.message = hub.token
    failed = subprocess.run(
        [*command[:3], "--debug", *command[3:]], env=environment, capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert hub.token not in done.stdout + done.stderr + failed.stdout + failed.stderr


def test_command_line_says_what_it_wrote_as_json(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.cli import main

    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")  # which the command sets for its process
    out = tmp_path / "out"
    command = ["publish", str(finished), "--method", "lora", "--dry-run", "--output", str(out), "--json"]
    assert main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(out)
    assert said["url"] is None
    assert said["license"] == "unknown"
    assert "whose licence is not known here" in " ".join(said["terms"])
    assert (out / "README.md").is_file()


@pytest.mark.parametrize("run", ["no-such-run", "{tmp_path}"])
def test_what_is_no_run_is_one_line(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.cli import main

    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    assert main(["publish", run.format(tmp_path=tmp_path), "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert "is no run's folder, nor an experiment's" in error
    assert len(error.splitlines()) == 1


def test_what_is_being_sent_is_not_replaced_meanwhile(
    finished: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_while_another_comes(folder: Path, *arguments: Any, **options: Any) -> str:
        written = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        with pytest.raises(StageError, match="another dialora is writing it"):
            publish(finished, dry_run=True)
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == written
        return upload(folder, *arguments, **options)

    upload = dialora.publishing.upload
    monkeypatch.setattr("dialora.publishing.upload", send_while_another_comes)
    publish(finished)
    assert hub.repositories[TO].files


def test_an_output_may_be_a_link_but_lies_in_no_run(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    publish(finished, dry_run=True, output=tmp_path / "link")
    assert (tmp_path / "real" / "README.md").is_file()
    run = next(finished.glob("lora-*"))
    with pytest.raises(ConfigError, match="give a folder outside of it"):
        publish(finished, dry_run=True, output=run / "training" / "mine")

"""The recipes of docs/deploy.md, executed: the drop-in, the unit, the image's steps, the action's."""

from __future__ import annotations

import configparser
import csv
import http.client
import inspect
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import dialora
from dialora.cli import main
from dialora.cli.serve import serve
from tests.conftest import ROOT
from tests.export.conftest import exports, runs  # noqa: F401

DEPLOY = ROOT / "recipes" / "deploy"
SECTION = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("\n## Recipes\n")[2]
BLOCKS: dict[str, str] = dict(re.findall(r"```(\w+)\n(.*?)```", SECTION, re.S))
TALKS = ["#Person1#: Are you coming tonight?\n#Person2#: No, I am ill.", "Nine o'clock suits Anna."]
TOKEN = "0123456789abcdef"
PORT: int = inspect.signature(serve).parameters["port"].default
# What a step's `pip install` needs here, where nothing is fetched: everything but dialora is there.
OFFLINE = "--no-compile --no-index --no-deps --no-build-isolation --disable-pip-version-check --quiet --target"


@contextmanager
def running(words: Sequence[str], environment: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a command that serves until the block ends, on a free port, which is given once it is ready."""
    process = subprocess.Popen(
        [*words, "--port", "0"], env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r" at http://\S+:(\d+)\. Ctrl-C ends\.$", process.stdout.readline())
        assert found, process.stderr.read()
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate(timeout=30)


def ask(port: int, path: str, token: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status
    finally:
        connection.close()


def require_ends_well(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "all that was taken is answered" in out


@pytest.fixture
def summarizer(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: F811
    """The drop-in, as the page has it, where an experiment's folder lies as it says."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "bundled").symlink_to(runs)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(BLOCKS["python"], names)
    return names["summarizer"]


def test_the_drop_in_answers_as_the_pipeline_did(summarizer: Any, runs: Path) -> None:  # noqa: F811
    made = dialora.summarize(TALKS, system=runs, method="lora")
    assert isinstance(made, list)
    expected = [{"summary_text": one.text} for one in made]
    assert all(row["summary_text"] for row in expected)
    assert summarizer(TALKS) == expected
    assert [summarizer(talk) for talk in TALKS] == [[row] for row in expected]
    assert summarizer([]) == []
    with pytest.warns(UserWarning, match=r"not used.*max_length, do_sample"):
        assert summarizer(TALKS[0], max_length=9, do_sample=False) == expected[:1]


def test_the_drop_in_opens_no_file_that_a_text_names(summarizer: Any) -> None:
    Path("secret.txt").write_text("Anna: The key is under the mat.\nBob: Good.")
    named = summarizer("secret.txt")
    Path("secret.txt").unlink()
    assert named == summarizer("secret.txt")


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "dialora.service", encoding="utf-8")
    return parser


def test_the_unit_serves_and_ends_when_it_is_told_to(
    unit: configparser.ConfigParser,
    runs: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    service = unit["Service"]
    credential, _, source = service["LoadCredential"].partition(":")
    assert Path(source).is_absolute()
    (tmp_path / credential).write_text(TOKEN)
    environment = dict(one.split("=", 1) for one in shlex.split(service["Environment"]))
    # systemd makes and gives these folders; the run lies in the one and all that is kept in the other.
    cache, state = f"/var/cache/{service['CacheDirectory']}", f"/var/lib/{service['StateDirectory']}"
    assert {name: value.startswith(cache) for name, value in environment.items()} == dict.fromkeys(environment, True)
    environment = {name: value.replace(cache, str(tmp_path / "cache")) for name, value in environment.items()}
    program, verb, system, *options = shlex.split(service["ExecStart"])
    assert (Path(program).name, verb, Path(system).is_relative_to(state)) == ("dialora", "serve", True)
    options = [one.replace("${CREDENTIALS_DIRECTORY}", str(tmp_path)) for one in options]
    words = [sys.executable, "-m", "dialora", verb, str(next(runs.glob("lora-*"))), *options]
    with running(words, environment) as (process, port):
        assert ask(port, "/health") == 200
        assert [ask(port, "/v1/systems", token) for token in ("", TOKEN)] == [401, 200]
        require_ends_well(process)
    # A wrong setting is not tried for ever.
    assert str(main([*words[3:], "--host", "no.such.host.invalid"])) in service["RestartPreventExitStatus"].split()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_finds_nothing_wrong_with_the_unit(unit: configparser.ConfigParser, tmp_path: Path) -> None:
    text = (DEPLOY / "dialora.service").read_text(encoding="utf-8")
    program = shlex.split(unit["Service"]["ExecStart"])[0]
    path = tmp_path / "dialora.service"
    path.write_text(text.replace(program, sys.executable))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    said = [line for line in checked.stderr.splitlines() if path.name in line]
    assert (checked.returncode, said) == (0, []), checked.stderr


def read_dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, in order: a name, and what follows it on one line."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    whole = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in whole if line)]


def find_instruction(name: str) -> str:
    (found,) = [rest for one, rest in read_dockerfile() if one == name]
    return found


def read_words(text: str) -> list[str]:
    """The command of a CMD in its form without a shell, in which signals reach the program."""
    words: list[str] = json.loads(text[text.index("[") :])
    return words


def install(command: str, folder: Path, target: Path, **variables: str) -> dict[str, str]:
    """Run a step that installs dialora, in bash in `folder`; return variables with which it is what runs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run_script(f"{command} {OFFLINE} {shlex.quote(str(target))}", folder, {"PATH": path, **variables})
    return {"PATH": f"{target / 'bin'}{os.pathsep}{path}", "PYTHONPATH": str(target)}


def run_script(script: str, folder: Path, variables: Mapping[str, str]) -> None:
    """Run a script as GitHub runs one whose shell is bash."""
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_images_steps_install_and_serve(
    exports: Any,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    context, instructions = tmp_path / "context", read_dockerfile()
    context.mkdir()
    for sources in (rest.split()[:-1] for name, rest in instructions if name == "COPY"):
        for source in sources:
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, context / source)
    (command,) = [rest for name, rest in instructions if name == "RUN" and "pip install" in rest]
    installed = install(command, context, tmp_path / "installed")
    words = [str(exports["ctranslate2"]) if one == "/system" else one for one in read_words(find_instruction("CMD"))]
    program = str(tmp_path / "installed" / "bin" / words[0])
    probe = read_words(find_instruction("HEALTHCHECK"))
    monkeypatch.delenv("DIALORA_TOKEN", raising=False)
    assert main(words[1:]) == 2
    assert "DIALORA_TOKEN" in capsys.readouterr().err
    with running([program, *words[1:]], {**installed, "DIALORA_TOKEN": TOKEN}) as (process, port):
        assert any(f":{PORT}/" in word for word in probe)
        probe = [sys.executable, *(word.replace(f":{PORT}/", f":{port}/") for word in probe[1:])]
        assert subprocess.run(probe, check=False).returncode == 0
        assert ask(port, "/v1/systems", TOKEN) == 200
        require_ends_well(process)
    assert subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_the_image_is_of_a_known_python_and_runs_as_nobody_in_particular() -> None:
    instructions = read_dockerfile()
    found = re.fullmatch(r"python:3\.(\d+)-slim", find_instruction("FROM"))
    assert found
    assert int(found[1]) >= 11
    assert find_instruction("EXPOSE") == str(PORT)
    names = [name for name, _ in instructions]
    made = [at for at, (name, rest) in enumerate(instructions) if name == "RUN" and "useradd" in rest]
    assert instructions[made[0]][1].split()[-1] == find_instruction("USER")
    assert made[0] < names.index("USER") < names.index("CMD")
    assert "RUN" not in names[names.index("USER") :]
    assert f"--build-arg {find_instruction('ARG')}=" in SECTION
    assert f"--file {(DEPLOY / 'Dockerfile').relative_to(ROOT)} ." in BLOCKS["sh"]


@pytest.mark.slow
def test_the_image_is_built_where_docker_is() -> None:
    try:
        is_there = subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        is_there = False
    if not is_there:
        pytest.skip("no docker daemon is here")
    name = f"dialora-test-{os.getpid()}"
    built = subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, "--file", str(DEPLOY / "Dockerfile"), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    try:
        ran = subprocess.run(["docker", "run", "--rm", name], capture_output=True, text=True, check=False)
        assert (ran.returncode, "DIALORA_TOKEN" in ran.stderr) == (2, True), ran.stderr
    finally:
        subprocess.run(["docker", "image", "rm", name], capture_output=True, check=False)


def read_action() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((DEPLOY / "action.yml").read_text(encoding="utf-8"))
    return made


def fill(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: values[found[1]], text)


def test_the_actions_steps_summarize_the_transcripts(exports: Any, tmp_path: Path) -> None:  # noqa: F811
    action = read_action()
    assert action["runs"]["using"] == "composite"
    repository = tmp_path / "repository"
    (repository / "transcripts").mkdir(parents=True)
    for number, talk in enumerate(("Anna: Nine?\nBob: Yes.", "Cem: I am late.\nDora: Again.\nCem: Sorry.")):
        (repository / "transcripts" / f"{number}.txt").write_text(talk)
    inputs = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
    inputs["system"] = str(exports["ctranslate2"])
    installing, *scripts = [step for step in action["runs"]["steps"] if "run" in step]
    environment = install(installing["run"], repository, tmp_path / "installed", GITHUB_ACTION_PATH=str(DEPLOY))
    assert scripts
    for step in (installing, *scripts):
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
    for step in scripts:
        variables = {name: fill(value, inputs) for name, value in step["env"].items()}
        run_script(step["run"], repository, {**environment, **variables})
    (upload,) = [step["with"] for step in action["runs"]["steps"] if "upload-artifact" in step.get("uses", "")]
    with (repository / fill(upload["path"], inputs)).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == ["transcripts/0.txt", "transcripts/1.txt"]
    assert all(row["summary"] for row in rows)


def test_the_workflow_gives_what_the_action_takes_and_all_is_pinned() -> None:
    action, workflow = read_action(), yaml.safe_load(BLOCKS["yaml"])
    steps = workflow["jobs"]["summarize"]["steps"]
    given = {name for step in steps for name in step.get("with", ())}
    asked = {name for name, one in action["inputs"].items() if one.get("required")}
    assert asked <= given <= action["inputs"].keys()
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True]["push"]["paths"] == [f"{action['inputs']['transcripts']['default']}/**"]
    uses = [step["uses"] for step in (*steps, *action["runs"]["steps"]) if "uses" in step]
    own = f"OWNER/dialora/{DEPLOY.relative_to(ROOT)}@COMMIT"
    assert own in uses
    assert [one for one in uses if one != own and not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", one)] == []

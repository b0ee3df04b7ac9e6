"""A hub on this machine: the part of its HTTP interface that an upload uses, and its rules for cards.

What is asked of it, and what it keeps, is in the open; `trouble` has it answer a kind of request with a status. Written
after https://huggingface.co/docs/hub/api and what huggingface_hub sends.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import yaml

LICENCES = {"apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "other", "unknown"}
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find_card_errors(content: str) -> list[str]:
    """What the hub has against a card's metadata."""
    match = re.match(r"---\n(.*?)\n---(\n|$)", content, re.DOTALL)
    if match is None:
        return ["no metadata"]
    values = yaml.safe_load(match[1])
    errors = []
    if values.get("license") not in LICENCES:
        errors.append(f'"license" must be one of {sorted(LICENCES)}')
    if "base_model" in values and not HUB_ID.fullmatch(str(values["base_model"])):
        errors.append('"base_model" is not valid. Use a model id from https://hf.co/models.')
    if not all(HUB_ID.fullmatch(one) for one in values.get("datasets", [])):
        errors.append('"datasets" is not valid. Use a dataset id from https://hf.co/datasets.')
    if not all(re.fullmatch(r"[a-z]{2,3}", one) for one in values.get("language", [])):
        errors.append('"language" must only contain ISO 639 codes')
    for index in values.get("model-index", []):
        for result in index["results"]:
            if not {"type", "name"} <= set(result["dataset"]) or not result["task"]["type"]:
                errors.append('"model-index" lacks a task or dataset')
            errors += ['"model-index" has a metric without value' for one in result["metrics"] if "value" not in one]
        errors += [] if index.get("name") else ['"model-index" has no name']
    return errors


class Repository:
    """A repository: its files, and the commits' messages."""

    def __init__(self, *, private: bool) -> None:
        self.private = private
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.ignored: set[str] = set()
        """What its .gitignore names."""

    @property
    def head(self) -> str:
        return hashlib.sha1(repr((self.commits, sorted(self.files))).encode()).hexdigest()


class Hub:
    """All repositories, the token that may write, and what was asked."""

    def __init__(self) -> None:
        self.token = "hf_" + "s3cr3t" * 5
        self.may_write = {"someone"}
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, bytes]] = []
        self.trouble: dict[str, int] = {}
        """A status by a part of the path; 0 to hang up."""
        self.message = "no reason"
        self.address = ""

    def add(self, name: str, *, private: bool = True, **files: bytes) -> Repository:
        self.repositories[name] = Repository(private=private)
        self.repositories[name].files = {file.replace("__", "."): content for file, content in files.items()}
        return self.repositories[name]


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, code: str = "", message: str = "", errors: Sequence[str] = ()) -> None:
        self.status, self.code = status, code
        self.values: Any = (
            {"errors": [{"message": one} for one in errors]} if errors else {"error": message or "refused"}
        )


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """Serve a hub on a free port of this machine."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def log_message(self, *args: Any) -> None:
            return None

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            hub.requests.append((self.command, path, body))
            status = next((status for part, status in hub.trouble.items() if part in path), 200)
            try:
                if status > 200:
                    raise _Refused(status, message=hub.message)
                if status:
                    self._send(200, _do(hub, self.command, path, body, self.headers.get("Authorization", "")))
                self.close_connection = not status
            except _Refused as refused:
                headers = {"X-Error-Code": refused.code} if refused.code else {}
                self._send(refused.status, refused.values, headers)

        def _send(self, status: int, values: Any, headers: dict[str, str] | None = None) -> None:
            content = json.dumps(values).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _do(hub: Hub, command: str, path: str, body: bytes, authorization: str) -> Any:
    if path == "/api/validate-yaml":
        errors = find_card_errors(json.loads(body)["content"])
        if errors:
            raise _Refused(400, errors=errors)
        return {"errors": [], "warnings": []}
    if path.startswith("/storage/"):
        hub.stored[path.rpartition("/")[2]] = body
        return {}
    if authorization != f"Bearer {hub.token}":
        raise _Refused(401, message=f"Invalid credentials in Authorization header {authorization}")
    if path == "/api/repos/create":
        return _create(hub, json.loads(body))
    lfs = re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path)
    if lfs:
        _open(hub, lfs[1])
        return {"transfer": "basic", "objects": [_offer(hub, one) for one in json.loads(body)["objects"]]}
    found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(\w+)/([\w.-]+))?", path)
    assert found is not None, path
    name, what = found[1], found[2]
    repository = _open(hub, name, writes=command == "POST")
    if what is None:
        siblings = [{"rfilename": file} for file in repository.files]
        return {"id": name, "private": repository.private, "sha": repository.head, "siblings": siblings}
    if what == "tree":
        return [
            {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for file, content in repository.files.items()
        ]
    if what == "preupload":
        return {"files": [_choose_mode(repository, one) for one in json.loads(body)["files"]]}
    assert what == "commit", path
    return _commit(hub, name, repository, body)


def _create(hub: Hub, values: dict[str, Any]) -> dict[str, Any]:
    name = f"{values['organization']}/{values['name']}"
    if values["organization"] not in hub.may_write:
        raise _Refused(403, message=f"You don't have the rights to create a model under {values['organization']}")
    if name in hub.repositories:
        raise _Refused(409, message="You already created this model repo")
    # As on the hub, nothing said is public.
    hub.repositories[name] = Repository(private=values.get("visibility", "public") == "private")
    return {"url": f"{hub.address}/{name}", "name": name}


def _open(hub: Hub, name: str, *, writes: bool = False) -> Repository:
    if name not in hub.repositories:
        raise _Refused(404, "RepoNotFound", "Repository not found")
    if writes and name.partition("/")[0] not in hub.may_write:
        raise _Refused(403, message="no write access")
    return hub.repositories[name]


def _choose_mode(repository: Repository, file: dict[str, Any]) -> dict[str, Any]:
    mode = "lfs" if file["path"].endswith(".safetensors") else "regular"
    return {"path": file["path"], "uploadMode": mode, "shouldIgnore": file["path"] in repository.ignored}


def _offer(hub: Hub, item: dict[str, Any]) -> dict[str, Any]:
    actions = {"upload": {"href": f"{hub.address}/storage/{item['oid']}", "header": {}}}
    return {"oid": item["oid"], "size": item["size"], "actions": actions}


def _commit(hub: Hub, name: str, repository: Repository, body: bytes) -> dict[str, Any]:
    header, *operations = [json.loads(line) for line in body.splitlines()]
    if header["value"].get("parentCommit", repository.head) != repository.head:
        raise _Refused(409, message="the parent commit is another by now")
    for operation in operations:
        value = operation["value"]
        if operation["key"] == "file":
            repository.files[value["path"]] = base64.b64decode(value["content"])
        else:
            assert operation["key"] == "lfsFile", operation
            content = hub.stored[value["oid"]]
            assert hashlib.sha256(content).hexdigest() == value["oid"]
            repository.files[value["path"]] = content
    repository.commits.append(header["value"]["summary"])
    return {
        "success": True,
        "commitUrl": f"{hub.address}/{name}/commit/{repository.head}",
        "commitOid": repository.head,
    }

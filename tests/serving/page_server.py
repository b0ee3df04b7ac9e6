"""A server that speaks the page's contract and nothing else: real reading and evidence, summaries as the test says."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dialora.data.transcripts import Conversation, read_conversations, rename_speakers
from dialora.errors import DataError
from dialora.serving.pages import load_page
from dialora.systems.evidence import find_evidence, list_unsupported_places

SYSTEMS = {"zero_shot": "Original", "full": "instruct", "lora": "PEFT"}
TEXTS = {
    "zero_shot": "The van is small and the piano is big.",
    "full": "Ines and Tomasz rent a small van for 45 euros a day. The piano stays with Mrs. Okafor until the 29th.",
    "lora": "Tomasz will book the small van from nine to two on Saturday. As the piano does not fit in, Ines will ask "
    "Mrs. Okafor to keep it until her brother comes from Lisbon with his trailer on the 31st.",
}


class FakeServer:
    """What the page is told, and what it asked."""

    def __init__(self, systems: dict[str, str], texts: dict[str, str]) -> None:
        self.systems, self.texts = systems, texts
        self.address = ""
        self.token: str | None = None
        self.trouble: tuple[int, dict[str, str], bytes] | None = None
        """Answer posts so: status, headers, body."""
        self.remarks: dict[str, Any] = {}
        """Put over what is said of each summary."""
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.begun, self.release = threading.Event(), threading.Event()
        self.release.set()
        """Cleared, posts wait."""

    def answer(self, sent: dict[str, Any]) -> dict[str, Any]:
        name, data = sent.get("file") or ("text", sent.get("text", "").encode())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            read = list(read_conversations(path))
        chosen = sent.get("systems") or list(self.systems)
        explains = sent.get("explain") in (True, ["true"], "true")
        return {"conversations": [self.summarize(talk, chosen, sent.get("rename", {}), explains) for talk in read]}

    def summarize(
        self, talk: Conversation, systems: list[str], rename: dict[str, str], explains: bool
    ) -> dict[str, Any]:
        talk = rename_speakers(talk, rename) if rename else talk
        turns = [(turn.speaker, turn.text) for turn in talk.turns]
        dialogue = "\n".join(f"{speaker}: {text}" for speaker, text in turns)
        return {
            "id": talk.name,
            "format": talk.format,
            "turns": [{"speaker": speaker, "text": text} for speaker, text in turns],
            "notes": list(talk.notes),
            "summaries": [
                {
                    "system": system,
                    "text": self.texts[system],
                    "finish_reason": "stop",
                    "num_parts": 1,
                    "truncated": False,
                    "unsupported": [one.to_json() for one in list_unsupported_places(self.texts[system], dialogue)]
                    if explains
                    else None,
                    "sentences": [one.to_json() for one in find_evidence(self.texts[system], turns)]
                    if explains
                    else None,
                    "seconds": 0.41,
                    **self.remarks,
                }
                for system in systems
            ],
        }


@contextmanager
def serving(systems: dict[str, str] = SYSTEMS, texts: dict[str, str] = TEXTS) -> Iterator[FakeServer]:
    """Serve the page and summaries on a free port of this machine."""
    fake = FakeServer(systems, texts)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.paths.append(self.path)
            if self.path == "/":
                page = load_page()
                self.answer(200, page.html.encode(), "text/html", {"Content-Security-Policy": page.policy})
            elif self.path == "/v1/systems" and self.is_allowed():
                self.answer_json(200, {"systems": [
                    {"name": name, "label": label, "base": "flan-t5-base", "max_source_length": 512, "is_default": True}
                    for name, label in fake.systems.items()
                ]})  # fmt: skip
            elif self.path != "/v1/systems":
                self.answer_json(404, {"error": {"code": "not_found", "message": "There is nothing here."}})

        def do_POST(self) -> None:
            fake.paths.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not self.is_allowed():
                return
            sent = read_form(self.headers["Content-Type"], body)
            fake.requests.append(sent)
            fake.begun.set()
            fake.release.wait(20)
            if fake.trouble is not None:
                status, headers, text = fake.trouble
                return self.answer(status, text, headers=headers)
            try:
                return self.answer_json(200, fake.answer(sent))
            except DataError as error:
                return self.answer_json(400, {"error": {"code": "bad_request", "message": str(error)}})

        def is_allowed(self) -> bool:
            if fake.token is None or self.headers["Authorization"] == f"Bearer {fake.token}":
                return True
            self.answer_json(401, {"error": {"code": "unauthorized", "message": "This token is not the server's."}})
            return False

        def answer_json(self, status: int, values: Any) -> None:
            self.answer(status, json.dumps(values).encode())

        def answer(
            self, status: int, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
        ) -> None:
            try:
                self.send_response(status)
                for name, value in {"Content-Type": f"{kind}; charset=utf-8", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the page has hung up

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def read_form(kind: str, body: bytes) -> dict[str, Any]:
    """Return what a post holds: JSON, or a form with a file."""
    if kind.startswith("application/json"):
        return json.loads(body)
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
    sent: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if name == "file":
            sent["file"] = (part.get_filename(), content)
        elif name == "systems":
            sent.setdefault("systems", []).append(content.decode())
        elif name == "rename":
            old, _, new = content.decode().partition("=")
            sent.setdefault("rename", {})[old] = new
        else:
            sent[name] = content.decode()
    return sent

"""A server that speaks the page's contract and nothing else: a sheet, and events that change its state."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dialora.study.pages import build_page

NONCE = "bm9uY2U"


class FakeStudy:
    """One rater's sheet at /r/token, with the events that were acknowledged."""

    def __init__(self, sheet: dict[str, Any], port: int = 0) -> None:
        self.sheet = {"state": {}, "practised": False, **sheet}
        self.events: list[dict[str, Any]] = []
        self.posts: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.trouble: int | None = None
        """Answer posts with this status; 0 stores the event and breaks the connection before the answer."""
        self.lock = threading.Lock()
        self.address = ""
        self.expired: set[str] = set()
        """Tokens of links that have run out; any other opens the sheet."""

    @property
    def url(self) -> str:
        return f"{self.address}/r/token"

    def answers(self) -> dict[str, Any]:
        return {item: dict(answer) for item, answer in self.sheet["state"].items()}

    def store(self, event: dict[str, Any]) -> None:
        with self.lock:
            if event["id"] in [known["id"] for known in self.events]:
                return
            self.events.append(event)
            if event["kind"] == "answered":
                self.sheet["state"][event["item"]] = event["answer"]
            elif event["kind"] == "undone":
                self.sheet["state"].pop(event["item"], None)
            elif event["kind"] == "practised":
                self.sheet["practised"] = True


@contextmanager
def serving(sheet: dict[str, Any]) -> Iterator[FakeStudy]:
    """Serve a sheet on a free port of this machine."""
    study = FakeStudy(sheet)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            study.paths.append(self.path)
            _, _, token, *rest = (*self.path.split("/"), "", "")
            if not self.path.startswith("/r/") or token in study.expired:
                self.answer(404, b'{"error": "There is nothing here."}')
            elif rest[0] == "":
                title = study.sheet["settings"]["title"]
                self.answer(200, build_page(title, NONCE, memory="study:1").encode(), "text/html")
            elif rest[0] == "sheet":
                self.answer(200, json.dumps(study.sheet).encode())
            else:
                self.answer(404, b'{"error": "There is nothing here."}')

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            study.posts.append(event)
            if self.path.split("/")[2] in study.expired:
                return self.answer(403, b'{"error": "This invitation has run out."}')
            if study.trouble == 422:
                return self.answer(422, b'{"error": "This answer is not of this study."}')
            if study.trouble:
                return self.answer(study.trouble, b"busy", "text/plain")
            study.store(event)
            if study.trouble == 0:
                return self.connection.close()
            return self.answer(200, json.dumps({"stored": True, "state": study.sheet["state"]}).encode())

        def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    study.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield study
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Who may ask, what stands around every answer, and what is kept of a request: nothing."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tests.serving.support import TALK, Client, Engine, serving

TOKEN = "0123456789abcdef-token"


def test_a_token_opens_what_needs_one(tiny_model: Path, engine: Engine) -> None:
    with serving([str(tiny_model)], token=TOKEN, is_loopback=False) as client:
        for path in ("/health", "/ready", "/", "/openapi.json"):
            assert client.get(path).status == 200, path
        for given in ("", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"bearer{TOKEN}", TOKEN, "Bearer", "Basic é"):
            headers = {"authorization": given} if given else {}
            for answer in (client.get("/v1/systems", **headers), client.get("/metrics", **headers),
                           client.post({"text": TALK}, **headers), client.get("/v1/nothing", **headers)):  # fmt: skip
                assert (answer.status, answer.json()["error"]["code"]) == (401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
                assert TOKEN not in answer.body.decode()
        engine.forget()
        for scheme in ("Bearer", "bearer", "BEARER", "Bearer "):
            assert client.get("/v1/systems", authorization=f"{scheme} {TOKEN}").status == 200
        assert client.get("/metrics", authorization=f"Bearer {TOKEN}").status == 200
        assert client.post({"text": TALK}, authorization=f"Bearer {TOKEN}").status == 200
        assert len(engine.sources) == 1


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_names_of_this_machine_are_answered(client: Client, host: str) -> None:
    assert client.get("/v1/systems", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "", "10.0.0.1"],
)
def test_another_name_for_this_machine_is_refused(client: Client, host: str) -> None:
    """DNS rebinding: a page of evil.example, whose name now leads here."""
    for path in ("/", "/v1/systems", "/metrics", "/health"):
        answer = client.get(path, host=host)
        assert answer.status == 403
        assert "127.0.0.1" in answer.error


def test_another_sites_page_is_refused(client: Client, engine: Engine) -> None:
    for headers in (
        {"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": f"http://localhost:{client.port + 1}", "host": f"localhost:{client.port}"},
    ):  # fmt: skip
        assert client.post({"text": TALK}, **headers).status == 403, headers
        assert client.get("/metrics", **headers).status == 403, headers
        # A link on another site leads to the page.
        assert client.get("/", **headers).status == 200, headers
    assert not engine.sources
    own = f"127.0.0.1:{client.port}"
    assert client.post({"text": TALK}, origin=f"http://{own}", host=own, sec_fetch_site="same-origin").status == 200


def test_no_cors(client: Client) -> None:
    answer = client.ask("OPTIONS", "/v1/summaries", headers={"access-control-request-method": "POST"})
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_headers_stand_around_every_answer(client: Client) -> None:
    for answer in (client.get("/health"), client.get("/none"), client.post(b"{"), client.get("/", host="evil.example")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


def test_nothing_of_a_request_is_logged_or_counted(
    client: Client, engine: Engine, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("dialora.serving.service.build_summary", lambda *a, **k: 1 / 0)
    assert client.post({"text": "Anna: The secret word is Xyzzy."}).status == 500
    assert "500" in client.get("/openapi.json").json()["paths"]["/v1/summaries"]["post"]["responses"]
    monkeypatch.undo()
    client.post({"text": 5, "Xyzzy": 1})
    client.ask("POST", "/v1/summaries?word=Xyzzy", b"{", {"content-type": "application/json"})
    client.get("/Xyzzy?Xyzzy=1")
    client.ask("XYZZY", "/v1/systems")
    metrics = client.get("/metrics").body.decode()
    assert "xyzzy" not in (caplog.text + metrics + "".join(capfd.readouterr())).lower()
    assert "ZeroDivisionError" in caplog.text


def test_what_is_counted(client: Client) -> None:
    client.post({"inputs": [{"text": TALK}, {"text": "Tom: Hi.\nEva: Bye."}, {"text": ""}]})
    client.post({"text": 5})
    (name,) = [one["name"] for one in client.get("/v1/systems").json()["systems"]]
    metrics = client.get("/metrics").body.decode()
    for line in (
        'dialora_requests_total{path="/v1/summaries",status="200"} 1.0',
        'dialora_requests_total{path="/v1/summaries",status="400"} 1.0',
        'dialora_request_seconds_count{path="/v1/summaries"} 2.0',
        f'dialora_queue_tokens{{system="{name}"}} 0.0',
        f'dialora_batch_size_sum{{system="{name}"}} 2.0',
        f'dialora_tokens_written_total{{system="{name}"}} 8.0',
        f'dialora_summaries_total{{finish_reason="empty",system="{name}"}} 1.0',
        f'dialora_summaries_total{{finish_reason="stop",system="{name}"}} 2.0',
    ):
        assert line in metrics, line


def test_errors_have_their_status_and_a_line(client: Client) -> None:
    assert client.get("/v1/summaries").status == 405
    assert client.get("/v1/summaries").headers["allow"] == "POST"
    assert client.ask("PUT", "/v1/systems").headers["allow"] == "GET, HEAD"
    assert client.get("/docs").status == 404
    assert client.post({"text": TALK}, content_type="text/plain").status == 415
    for path in ("/v1/summaries", "/nothing"):
        assert client.get(path).error
    assert json.loads(client.get("/openapi.json").body)["openapi"].startswith("3.")


def test_head_asks_for_what_get_would_answer_but_for_its_body(client: Client) -> None:
    for path in ("/health", "/ready", "/", "/v1/systems", "/nothing"):
        got, head = client.get(path), client.ask("HEAD", path)
        assert (head.status, head.body) == (got.status, b"")
        assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.body))
    assert client.ask("HEAD", "/v1/summaries").status == 405


def test_a_form_that_is_none_is_refused_and_leaves_no_line_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post(
        b"--e\r\nContent[Disposition: x\r\n\r\na\r\n--e--", content_type="multipart/form-data; boundary=e"
    )
    assert (answer.status, answer.error.startswith("The form cannot be read")) == (400, True)
    assert not [record for record in caplog.records if record.name.startswith("python_multipart")]


def test_who_asks_for_a_web_socket_is_answered_and_nobody_is_told_to_install_one(
    client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "a"}
    assert client.ask("GET", "/health", headers=upgrade).status == 200
    assert "install" not in caplog.text + "".join(capfd.readouterr())

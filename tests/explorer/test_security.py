"""Plain HTTP: who is answered, who is not, and with which headers."""

import asyncio
import os
import socket
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs starlette")

from saddlescope.explorer.security import Guard, own_token


def status(guard, path="/setup.json", method="GET", query: Any = b"", **headers: Any):
    """The status that a guard gives to a request."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items() if value is not None]
    scope = {"type": "http", "path": path, "method": method, "query_string": query, "headers": raw}
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


async def welcome(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


TOKEN = {"cookie": "saddlescope-8765=own-token"}
OWN = {"host": "127.0.0.1:8765", **TOKEN}


def local():
    return Guard(welcome, None, 8765, "own-token")


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765"])
def test_own_addresses_are_answered(host):
    assert status(local(), host=host, **TOKEN)[0] == 200
    assert status(local(), host=host, query=b"token=own-token")[0] == 200
    assert status(local(), host=host)[0] == 403  # another user of this machine


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8765",
        "127.0.0.1.evil.example:8765",
        "127.0.0.1",
        "127.0.0.1:80",
        "",
        "8765",
        "10.0.0.1:8765",
        "evil@127.0.0.1:8765",
    ],
)
def test_names_that_point_here_are_not_answered(host):
    assert status(local(), host=host, **TOKEN)[0] == 403


def test_a_request_without_a_host_is_not_answered():
    assert status(local(), **TOKEN)[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://localhost:1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_pages_are_not_answered(origin, method):
    assert status(local(), "/run", method, **OWN, origin=origin)[0] == 403


def test_work_is_done_for_a_page_only():
    assert status(local(), "/run", "POST", **OWN)[0] == 403
    assert status(local(), "/run", "POST", **OWN, origin="http://127.0.0.1:8765")[0] == 200


def test_requests_that_another_page_sets_off_are_not_answered_but_links_are_followed():
    cross = {"sec_fetch_site": "cross-site"}
    assert status(local(), "/setup.json", **OWN, **cross, sec_fetch_mode="no-cors")[0] == 403
    assert status(local(), "/", **OWN, **cross, sec_fetch_mode="navigate")[0] == 200
    assert status(local(), "/setup.json", **OWN, **cross, sec_fetch_mode="navigate")[0] == 403


def test_scripts_of_others_cannot_run_on_the_page():
    for guard, host in ((local(), "127.0.0.1:8765"), (local(), "evil.example")):
        _, headers = status(guard, "/", host=host, **TOKEN)
        policy = headers[b"content-security-policy"].decode()
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers[b"x-content-type-options"] == b"nosniff"


def remote():
    return Guard(welcome, "0.0.0.0", 8765, "secret-token")


def test_other_machines_need_the_token_in_the_address_or_the_cookie():
    host = {"host": "192.168.1.5:8765"}
    assert status(remote(), "/", **host)[0] == 403
    assert status(remote(), "/", query=b"token=wrong", **host)[0] == 403
    code, headers = status(remote(), "/", query=b"token=secret-token", **host)
    assert code == 200
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert status(remote(), **host, cookie=cookie.split(";")[0])[0] == 200
    assert status(remote(), **host, cookie="saddlescope-8765=other")[0] == 403
    assert status(remote(), **host, cookie='saddlescope-8765="\\')[0] == 403


def test_names_are_checked_with_a_token_too():
    query = b"token=secret-token"
    assert status(remote(), "/", query=query, host="evil.example:8765")[0] == 403
    assert status(remote(), "/", query=query, host=f"{socket.gethostname()}:8765")[0] == 200
    named = Guard(welcome, "192.168.1.5", 8765, "secret-token")
    assert status(named, "/", query=query, host="10.0.0.1:8765")[0] == 403
    assert status(named, "/", query=query, host="192.168.1.5:8765")[0] == 200


# --- the whole server


def test_it_listens_on_this_machine_only(server):
    assert server.address.startswith("http://127.0.0.1:")
    code, _, headers = server.ask("/")
    assert code == 200
    assert "script-src 'self'" in headers["content-security-policy"]


def test_wrong_names_and_origins_are_refused(server, small):
    assert server.ask("/setup.json", Host="evil.example")[0] == 403
    assert server.ask("/run", {"spec": small}, Origin="http://evil.example")[0] == 403
    assert server.ask("/run", {"spec": small}, Origin=None)[0] == 403
    # what a form of another page could send without being asked
    assert server.ask("/run", {"spec": small}, Content_Type="text/plain")[0] == 400


@pytest.mark.parametrize(
    "path",
    ["/static/../server.py", "/static/%2e%2e/server.py", "/../../etc/passwd", "/static//etc/passwd", "/server.py"],
)
def test_no_path_leads_out_of_the_folder_of_the_page(server, path):
    code, text, _ = server.ask(path)
    assert code == 404
    assert "import" not in text


@pytest.mark.parametrize("number", [7, -1, "../log.csv", "0x0", None, 1e9, "00000000000"])
def test_results_and_logs_are_had_by_number_only(server, number):
    code, text, _ = server.ask("/open", {"number": number})
    assert code == 400
    assert "named" in text


def test_long_and_broken_requests_are_refused_with_a_sentence(server):
    for body, said in ((b"x" * 70_000, "64 kB"), (b"{", "no JSON"), (b"[" * 9000, "JSON"), (b"[]", "no table")):
        code, text, _ = server.ask("/run", body)
        assert code == 400
        assert said in text


def test_limits_hold_on_the_way_to_a_run(server, small):
    large = {**small, "dynamics": {**small["dynamics"], "particles": 10**8}}
    code, text, _ = server.ask("/run", {"spec": large})
    assert code == 400
    assert "at most 4096" in text


@pytest.mark.parametrize("words", [(), ("--host", "127.0.0.1")])
def test_the_address_holds_a_token_without_which_nobody_is_answered(serve, words):
    one = serve(*words)
    assert one.ask("/", Cookie=None)[0] == 403
    assert one.ask(f"/?token={one.token}", Cookie=None)[0] == 200
    assert one.ask(f"/setup.json?token={one.token[:-1]}{'x' if one.token[-1] != 'x' else 'y'}", Cookie=None)[0] == 403
    one.stop()
    assert one.process.returncode == 0


def test_the_token_of_this_machine_is_kept_where_nobody_else_reads_it(tmp_path, monkeypatch):
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)
    first = own_token()
    assert own_token() == first
    path = tmp_path / "saddlescope" / "page-token"
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
        path.chmod(0o644)  # others may have read it
        assert own_token() != first
        path.chmod(0o600)
    path.write_text("short")
    assert own_token() not in (first, "short")
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("no folder")
    assert own_token() != own_token()

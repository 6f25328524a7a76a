"""Who computes what: slots of workers, pages that leave, requests that come at once; no browser and no solver."""

import asyncio
import io
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs starlette")

from saddlescope.explorer import session as rooms
from saddlescope.explorer.session import WORKERS, Session


async def events(session, page="page", **more: Any):
    return [name async for name, _ in session.events(page, {"do": "run", "key": "k", **more})]


def test_who_leaves_while_a_worker_starts_leaves_its_place_to_others(monkeypatch):
    async def start(self):
        await asyncio.sleep(60)

    monkeypatch.setattr(rooms._Worker, "start", start)

    async def story():
        session = Session()
        for number in range(WORKERS + 1):
            asked = asyncio.create_task(events(session, f"page {number}"))
            await asyncio.sleep(0.05)
            assert session.running == 1
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            await asyncio.gather(*session._ending)
            assert session.running == 0
        assert session._last == {}

    asyncio.run(story())


def test_nothing_is_kept_of_pages_that_got_no_worker():
    async def story():
        session = Session()
        for worker in session._workers:
            worker.number = 0  # at work for others
        asked = asyncio.create_task(events(session))
        await asyncio.sleep(0.05)
        next(iter(session._last.values())).give_up()
        assert await asked == ["cancelled", "end"]
        assert session._last == {}
        session._waiting = 100
        assert await events(session) == ["refused", "end"]
        assert session._last == {}
        session._waiting = 0
        asked = asyncio.create_task(events(session))
        await asyncio.sleep(0.05)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert session._last == {}

    asyncio.run(story())


def test_the_same_log_from_two_pages_is_two_files():
    from starlette.requests import Request

    from saddlescope.explorer.given import Given
    from saddlescope.explorer.server import Server

    async def story():
        server = Server(Given())

        async def receive():
            return {"type": "http.request", "body": b"step,loss\n1,2\n", "more_body": False}

        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/curve", "query_string": b"", "headers": []}
        for _ in range(2):
            await server._curve(Request(scope, receive))
        from pathlib import Path

        assert len(list(Path(server._folder.name).iterdir())) == 2
        await server.close()

    asyncio.run(story())


def test_an_export_stands_without_a_prediction(monkeypatch):
    from saddlescope.explorer import worker as process

    class Study:
        def solve(self):
            return "run"

        def predict(self):
            raise ZeroDivisionError

    monkeypatch.setattr(process, "_study", lambda spec: Study())
    done = process.Worker(io.BytesIO())._done({"key": "k", "spec": {}})  # pyright: ignore[reportArgumentType]
    assert (done.solved, done.theory) == ("run", None)

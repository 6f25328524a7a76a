"""Who computes what: slots of workers, pages that leave, requests that come at once; no browser."""

import asyncio
import io
import json
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


def test_who_asks_while_a_worker_is_being_started_gets_that_process(monkeypatch):
    started = []

    async def start(self):
        started.append(self)
        await asyncio.sleep(0.05)
        self.process = Process(self)

    monkeypatch.setattr(rooms._Worker, "start", start)

    async def story():
        session = Session()
        warm = asyncio.create_task(session.warm_up())
        await asyncio.sleep(0.01)
        assert await events(session) == ["starting", "table", "end"]
        await warm
        assert started == [session._workers[0]]

    asyncio.run(story())


def test_the_other_worker_is_warmed_up_once_for_what_was_run(monkeypatch):
    async def start(self):
        self.process = Process(self)

    monkeypatch.setattr(rooms._Worker, "start", start)
    monkeypatch.setattr(rooms, "_CALM", 0.0)

    async def story():
        session: Any = Session()
        first, second = session._workers
        for epsilon in (0.1, 0.2):
            assert "table" in await events(session, spec={"epsilon": epsilon})
            await session._warming
        assert [job["do"] for job in first.process.jobs] == ["run", "run"]
        assert [(job["do"], job["spec"]) for job in second.process.jobs] == [("warm", {"epsilon": 0.1})]
        assert session.running == 0
        # of another shape, whoever is free; and what waits for a worker ends a warm-up
        assert "table" in await events(session, spec={"epsilon": 0.1, "particles": 8})
        second.process.deaf = True
        await until(lambda: len(second.process.jobs) == 2 and second.process.jobs[-1]["do"] == "warm")
        assert session.running == 1
        first.number = 0  # at work for others
        waiting = asyncio.create_task(events(session, "another page"))
        await until(lambda: {"cancel": second.number} in second.process.cancelled)
        second.events.put_nowait(("end", "{}"))
        second.process.deaf = False
        assert await waiting == ["table", "end"]

    asyncio.run(story())


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


class Process:
    """A worker's process that is done at once."""

    returncode = None

    def __init__(self, worker):
        self.worker, self.jobs, self.cancelled, self.deaf = worker, [], [], False
        self.stdin = self

    def write(self, line):
        told = json.loads(line)
        if "cancel" in told:
            self.cancelled.append(told)
            return
        self.jobs.append(told)
        for name in ("table", "end") if told["do"] == "run" else ("end",):
            asyncio.get_running_loop().call_later(0.02, self._tell, name)

    def _tell(self, name):
        if not self.deaf:
            self.worker.events.put_nowait((name, "{}"))


def test_after_a_warm_up_a_run_compiles_nothing(small):
    from saddlescope.explorer.worker import Worker
    from saddlescope.solve import loop

    compiled: Any = loop._advance_small._jitted
    process = Worker(io.BytesIO())  # pyright: ignore[reportArgumentType]
    process.do({"do": "warm", "number": 1, "key": "a", "spec": small})
    told = process._out.getvalue().decode()  # pyright: ignore[reportAttributeAccessIssue]
    assert [line.split(" ")[1] for line in told.splitlines()] == ["end"]
    programs = compiled._cache_size()
    assert programs > 0
    moved = small | {"dynamics": small["dynamics"] | {"epsilon": 2e-4}}
    process.do({"do": "run", "number": 2, "key": "b", "spec": moved})
    assert compiled._cache_size() == programs


def test_the_picture_of_a_run_comes_before_its_error_is_known(small, monkeypatch):
    from saddlescope.explorer.worker import Worker
    from saddlescope.solve import run

    seen = []
    process = Worker(io.BytesIO())  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(process, "_tell", lambda event, content: seen.append(event))
    known = run.estimate
    monkeypatch.setattr(run, "estimate", lambda *words, **named: seen.append("estimate") or known(*words, **named))
    process.do({"do": "run", "number": 1, "key": "a", "spec": small})
    assert [name for name in seen if name != "points"] == (
        ["begin", "picture", "estimate", "functions", "states", "predicted", "table", "end"]
    )


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

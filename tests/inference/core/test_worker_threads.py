"""Channels between threads, and threads that end together."""

from __future__ import annotations

import _thread
import threading
import time
import traceback

import pytest

from rs_da_mm.inference.core.worker_threads import Channel, Ended, Workers

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


def put_all(channel, items, put=None):
    for item in items:
        channel.put(item)
        if put is not None:
            put.append(item)
    channel.close()


def taken(channel):
    items = []
    try:
        while True:
            items.append(channel.get())
    except Ended:
        return items


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_items_arrive_in_order_and_the_end_after_them(size):
    channel = Channel(size)
    with Workers(channel) as workers:
        workers.start("putting", lambda: put_all(channel, range(500)))
        assert taken(channel) == list(range(500))


def test_it_holds_so_many_items_and_no_more():
    channel, put = Channel(3), []
    with Workers(channel) as workers:
        workers.start("putting", lambda: put_all(channel, range(9), put))
        deadline = time.monotonic() + 10
        while len(put) < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05)
        assert put == [0, 1, 2]
        assert channel.get() == 0
        assert taken(channel) == list(range(1, 9))


def test_a_closed_channel_takes_nothing_and_gives_what_it_has():
    channel = Channel(2)
    channel.put("first")
    channel.close()
    with pytest.raises(Ended):
        channel.put("second")
    assert taken(channel) == ["first"]


def test_what_is_dropped_is_not_given():
    channel = Channel(2)
    channel.put("first")
    channel.close(drop=True)
    assert taken(channel) == []


@pytest.mark.parametrize("wait", ["put", "get"])
def test_closing_wakes_who_waits(wait):
    channel, waiting = Channel(1), threading.Event()
    if wait == "put":
        channel.put(0)

    def work():
        waiting.set()
        channel.put(1) if wait == "put" else channel.get()

    with Workers(channel) as workers:
        workers.start("waiting", work)
        assert waiting.wait(10)
        time.sleep(0.02)
        channel.close(drop=True)
        workers.join()


def fail_in_the_thread():
    raise OSError("the disk is gone")


def test_the_failure_of_a_thread_ends_the_others_and_is_raised_where_it_was():
    numbers, words = Channel(1), Channel(1)

    def work():
        with Workers(numbers, words) as workers:
            workers.start("putting", lambda: put_all(numbers, range(100)))
            workers.start("waiting", words.get)
            workers.start("failing", fail_in_the_thread)
            workers.join()

    with pytest.raises(OSError, match="the disk is gone") as caught:
        work()
    assert "fail_in_the_thread" in [frame.name for frame in traceback.extract_tb(caught.tb)]


def test_what_caused_a_failure_is_kept():
    def work():
        try:
            fail_in_the_thread()
        except OSError as error:
            raise ValueError("rows 0..3 cannot be read") from error

    with pytest.raises(ValueError, match=r"rows 0") as caught, Workers() as workers:
        workers.start("failing", work)
    assert isinstance(caught.value.__cause__, OSError)


def test_the_failure_of_the_caller_ends_the_threads_and_goes_first():
    channel, failed = Channel(1), threading.Event()

    def fail_when_ended():
        try:
            channel.get()
        finally:
            failed.set()
            fail_in_the_thread()

    def work():
        with Workers(channel) as workers:
            workers.start("failing", fail_when_ended)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        work()
    assert failed.is_set()


@pytest.mark.parametrize("where", ["starting", "waiting for an item", "leaving"])
def test_an_interrupt_while_waiting_ends_all(where):
    numbers, never = Channel(1), Channel(1)

    def interrupt():
        time.sleep(0 if where == "starting" else 0.05)
        _thread.interrupt_main()
        time.sleep(0.3)  # longer than the caller waits in one go

    def work():
        with Workers(numbers, never) as workers:
            workers.start("waiting", numbers.get)
            workers.start("interrupting", interrupt)
            if where == "waiting for an item":
                never.get()

    with pytest.raises(KeyboardInterrupt):
        work()


def test_a_thread_that_cannot_be_started_is_not_waited_for(monkeypatch):
    channel = Channel(1)

    def refuse(self):
        raise RuntimeError("can't start new thread")

    def work():
        with Workers(channel) as workers:
            workers.start("waiting", channel.get)
            monkeypatch.setattr(threading.Thread, "start", refuse)
            workers.start("refused", channel.get)

    with pytest.raises(RuntimeError, match="can't start new thread"):
        work()

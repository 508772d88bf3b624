"""
Identifiers sort by the time they were made, also when many threads make them.
"""

import threading
import time
from uuid import UUID

import pytest

from sendyard.storage.identifiers import new_id, new_ids, now_ms


def test_ids_climb_and_are_version_7() -> None:
    made = [new_id() for _ in range(5000)]
    assert made == sorted(set(made))
    assert {UUID(one).version for one in made} == {7}


def test_ids_climb_within_one_millisecond_and_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    later = time.time_ns() + 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    same = [new_id() for _ in range(1000)]
    monkeypatch.setattr(time, "time_ns", lambda: later - 10**12)
    back = [new_id() for _ in range(1000)]
    assert [before, *same, *back] == sorted({before, *same, *back})


def test_threads_never_make_the_same() -> None:
    made: list[list[str]] = []
    threads = [threading.Thread(target=lambda: made.append([new_id() for _ in range(2000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for batch in made for one in batch}) == 8000
    assert all(batch == sorted(batch) for batch in made)


def test_an_id_begins_with_its_time() -> None:
    before = now_ms()
    millisecond = UUID(new_id()).int >> 80
    assert before - 2000 <= millisecond <= now_ms() + 2000


def test_many_at_once_climb_like_those_made_one_by_one() -> None:
    before = new_id()
    many = new_ids(5000)
    assert many == sorted(set(many))
    assert before < many[0]
    assert many[-1] < new_id()
    assert {UUID(one).version for one in many} == {7}
    assert new_ids(0) == []

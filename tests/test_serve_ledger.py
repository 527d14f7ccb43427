"""The ledger: one series once, in whatever order things happen and wherever they are cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_anogan.service.database import Database
from monai_anogan.service.deliveries import Deliveries
from monai_anogan.service.ledger import Job, Ledger
from monai_anogan.service.standing import standing, standing_in_words

NOW = 1000.0


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "ledger")


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def arrive(ledger: Ledger, *slices: str, now: float = NOW, series: str = "1.2") -> int:
    number = ledger.open("1", series, now)
    for one in slices:
        ledger.add(number, one, now)
    return number


def work(ledger: Ledger, now: float = NOW) -> Job:
    ledger.settle(now, now)
    job = ledger.take(now)
    assert job is not None
    return job


def state(database: Database, series: int = 1) -> str:
    return database.rows("SELECT state FROM series WHERE id = ?", series)[0]["state"]


def test_a_series_is_taken_once_and_only_after_the_quiet_period(ledger):
    arrive(ledger, "a", now=NOW)
    arrive(ledger, "b", now=NOW + 5)
    assert ledger.settle(NOW + 4, NOW + 14) == 0
    assert ledger.take(NOW + 14) is None
    assert ledger.settle(NOW + 5, NOW + 15) == 1
    assert ledger.take(NOW + 15) == Job(1, 1, "1.2", 1)
    assert ledger.take(NOW + 15) is None


def test_series_are_numbered_one_after_another_however_many_slices_they_have(ledger):
    assert arrive(ledger, "a", "b", "c", series="1.1") == 1
    assert arrive(ledger, "a", "b", series="1.1") == 1
    assert arrive(ledger, "d", series="1.2") == 2


def test_series_wait_in_the_order_of_their_coming(ledger):
    for number in (1, 2, 3):
        arrive(ledger, "a", series=f"1.{number}")
        ledger.settle(NOW, NOW + number)
    assert [work(ledger, NOW + 9).series for _ in range(3)] == [1, 2, 3]


def test_a_known_slice_changes_nothing_whenever_it_comes(ledger, database):
    arrive(ledger, "a")
    job = work(ledger)
    assert ledger.knows("1", "1.2", "a")
    assert not ledger.add(1, "a", NOW)
    assert ledger.finish(job, ["pacs"], NOW)
    assert not ledger.add(1, "a", NOW)
    assert state(database) == "delivering"
    assert not ledger.knows("1", "1.3", "a")


def test_a_slice_before_the_work_makes_the_series_wait_longer(ledger):
    arrive(ledger, "a", now=NOW)
    ledger.settle(NOW, NOW)
    arrive(ledger, "b", now=NOW + 1)
    assert ledger.take(NOW + 1) is None
    assert work(ledger, NOW + 1) == Job(1, 1, "1.2", 1)


def test_results_that_a_late_slice_has_overtaken_never_go_out(ledger, database):
    arrive(ledger, "a")
    overtaken = work(ledger)
    assert ledger.add(1, "b", NOW)
    assert not ledger.finish(overtaken, ["pacs"], NOW)
    assert Deliveries(database).next("pacs", NOW) is None
    again = work(ledger)
    assert again == Job(1, 2, "1.2", 1)
    ledger.fail(overtaken, "too late to matter", None, NOW)
    assert state(database) == "working"
    assert ledger.finish(again, ["pacs"], NOW)


def test_a_late_slice_after_the_work_opens_a_revision_of_its_own(ledger, database):
    deliveries = Deliveries(database)
    arrive(ledger, "a")
    ledger.finish(work(ledger), ["pacs"], NOW)
    assert ledger.add(1, "b", NOW)
    first = deliveries.next("pacs", NOW)
    assert first is not None
    deliveries.sent(first, NOW)
    assert state(database) == "arriving"
    ledger.finish(work(ledger), ["pacs"], NOW)
    second = deliveries.next("pacs", NOW)
    assert second is not None
    assert (first.revision, second.revision) == (1, 2)
    deliveries.sent(second, NOW)
    assert state(database) == "done"


def test_failures_wait_and_are_set_aside_in_the_end(ledger, database):
    arrive(ledger, "a")
    ledger.fail(work(ledger), "no memory", NOW + 30, NOW)
    assert ledger.take(NOW + 29) is None
    job = ledger.take(NOW + 30)
    assert job == Job(1, 1, "1.2", 2)
    ledger.fail(job, "no memory", None, NOW)
    told = standing(database)
    assert told["set_aside"] == [{"series": 1, "reason": "no memory"}]
    assert standing_in_words(told)[-1] == "set aside: series 1: no memory"
    assert ledger.retry(1, NOW)
    assert not ledger.retry(1, NOW)
    assert work(ledger) == Job(1, 1, "1.2", 1)


def test_after_a_crash_work_begins_again_and_the_quiet_period_anew(tmp_path):
    ledger = Ledger(Database(tmp_path / "ledger"))
    arrive(ledger, "a", series="1.1")
    work(ledger)
    arrive(ledger, "b", "c", series="1.2")
    ledger = Ledger(Database(tmp_path / "ledger"))  # the old one never closed
    assert ledger.recover(NOW + 100) == {2: {"b", "c"}}
    assert ledger.settle(NOW + 99, NOW + 100) == 0
    assert ledger.take(NOW + 100) == Job(1, 1, "1.1", 2)


def test_work_given_back_counts_no_attempt(ledger):
    arrive(ledger, "a")
    ledger.give_back(work(ledger))
    assert work(ledger).attempts == 1


def test_every_destination_gets_a_result_until_it_has_it(ledger, database):
    deliveries = Deliveries(database)
    arrive(ledger, "a")
    ledger.finish(work(ledger), ["pacs", "share"], NOW)
    to_share = deliveries.next("share", NOW)
    assert to_share is not None
    deliveries.sent(to_share, NOW)
    assert deliveries.next("share", NOW) is None
    assert state(database) == "delivering"
    to_pacs = deliveries.next("pacs", NOW)
    assert to_pacs is not None
    deliveries.failed(to_pacs, "no answer", NOW + 30, NOW)
    assert deliveries.next("pacs", NOW + 29) is None
    again = deliveries.next("pacs", NOW + 30)
    assert again is not None
    assert again.attempts == 1
    deliveries.failed(again, "no answer", None, NOW)
    assert state(database) == "done"
    aside = standing(database)["set_aside"]
    assert aside == [{"series": 1, "destination": "pacs", "reason": "no answer"}]


def test_what_was_for_a_destination_that_is_gone_is_set_aside(ledger, database):
    deliveries = Deliveries(database)
    arrive(ledger, "a")
    ledger.finish(work(ledger), ["old", "new"], NOW)
    deliveries.drop(["new"], NOW)
    assert deliveries.next("old", NOW) is None
    assert deliveries.next("new", NOW) is not None


def test_only_what_has_ended_is_swept_and_a_swept_series_is_still_known(ledger, database):
    deliveries = Deliveries(database)
    arrive(ledger, "a", "b")
    ledger.finish(work(ledger), ["pacs"], NOW)
    ledger.sweep(NOW)
    assert ledger.swept([1]) == []
    delivery = deliveries.next("pacs", NOW)
    assert delivery is not None
    deliveries.sent(delivery, NOW)
    ledger.sweep(NOW - 1)
    assert ledger.swept([1]) == []
    ledger.sweep(NOW)
    assert ledger.swept([1, 2]) == [1]
    assert ledger.knows("1", "1.2", "a")
    assert ledger.add(1, "c", NOW)  # a late slice, whose companions are gone
    assert not ledger.knows("1", "1.2", "a")
    assert ledger.swept([1]) == []

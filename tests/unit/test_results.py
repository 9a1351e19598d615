from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from llm_devops_mongodb.errors import SimulationTypeMismatchError
from llm_devops_mongodb.replies import CountReply, DoneReply
from llm_devops_mongodb.results import (
    BulkWriteResult,
    DeleteResult,
    HealthStatus,
    InsertManyResult,
    InsertOneResult,
    PaginatedResult,
    PoolStatus,
    UpdateResult,
)
from llm_devops_mongodb.transport import expect

RESULTS = [
    InsertOneResult(1),
    InsertManyResult({0: 1, 1: "b"}),
    UpdateResult(2, 1, "x"),
    DeleteResult(3),
    BulkWriteResult(1, 2, 3, 4, 5, {0: "x"}),
    HealthStatus(healthy=True, latency=timedelta(milliseconds=1), members=("h:1",)),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_a_result_is_a_frozen_value(result):
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises((FrozenInstanceError, TypeError)):
        result.anything = 1


@pytest.mark.parametrize("result", [result for result in RESULTS if not isinstance(result, HealthStatus)])
def test_a_write_is_acknowledged_unless_told_otherwise(result):
    assert result.acknowledged


def test_inserted_documents_are_counted():
    assert InsertManyResult({0: "a", 4: "b"}).count == 2


def test_an_empty_insert_inserted_nothing():
    assert InsertManyResult.empty() == InsertManyResult({})
    assert InsertManyResult.empty().count == 0


def test_a_batch_affects_what_it_inserted_modified_deleted_and_upserted():
    result = BulkWriteResult(inserted_count=1, matched_count=100, modified_count=2, deleted_count=4, upserted_count=8)
    assert result.total_affected == 15


def test_an_empty_batch_affects_nothing():
    assert BulkWriteResult.empty() == BulkWriteResult()
    assert BulkWriteResult.empty().total_affected == 0
    assert BulkWriteResult.empty().upserted_ids == {}


def test_an_update_without_an_upsert_has_no_id():
    assert UpdateResult(1, 1).upserted_id is None


def test_a_status_tells_only_what_is_known():
    status = HealthStatus(healthy=False, error="no answer")
    assert (status.latency, status.topology, status.primary, status.members, status.pool) == (
        None,
        None,
        None,
        (),
        None,
    )


def test_a_pool_tells_its_use_and_limits():
    pool = PoolStatus(in_use=1, min_size=0, max_size=5)
    assert (pool.in_use, pool.min_size, pool.max_size) == (1, 0, 5)


def test_a_reply_of_the_kind_asked_for_is_narrowed():
    reply = CountReply(3)
    assert expect(reply, CountReply) is reply


def test_a_reply_of_another_kind_is_refused():
    with pytest.raises(SimulationTypeMismatchError) as raised:
        expect(DoneReply(), CountReply)
    assert (raised.value.expected, raised.value.actual) == ("CountReply", "DoneReply")


@pytest.mark.parametrize(("total", "size", "pages"), [(0, 10, 0), (1, 10, 1), (10, 10, 1), (11, 10, 2)])
def test_a_paginated_result_counts_its_pages(total: int, size: int, pages: int) -> None:
    page: PaginatedResult[int] = PaginatedResult(items=[], total=total, page=0, page_size=size, has_next=False)

    assert page.total_pages == pages
    assert not page.has_prev


@pytest.mark.parametrize(("total", "is_capped"), [(None, False), (10, True)])
def test_a_total_that_is_not_known_gives_no_number_of_pages(total: int | None, is_capped: bool) -> None:
    page = PaginatedResult([1], total, page=0, page_size=5, has_next=True, total_is_capped=is_capped)

    assert page.total_pages is None


def test_a_later_page_has_one_before_it() -> None:
    assert PaginatedResult(items=[1], total=11, page=1, page_size=10, has_next=False).has_prev

"""Operations on a session."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from llm_devops_mongodb import TransactionOptions
from tests.conformance.entities import SessionEntity
from tests.conformance.operations.arguments import Arguments

Result = Awaitable[Any]


def start_transaction(target: SessionEntity, given: Arguments) -> Result:
    return target.session.start_transaction(given.options(TransactionOptions))


def commit_transaction(target: SessionEntity, given: Arguments) -> Result:
    return target.session.commit(**given.limit())


def abort_transaction(target: SessionEntity, given: Arguments) -> Result:
    return target.session.abort(**given.limit())


def with_transaction(target: SessionEntity, given: Arguments) -> Result:
    return target.session.with_transaction(given.callback(), given.options(TransactionOptions), **given.limit())


def end_session(target: SessionEntity, given: Arguments) -> Result:
    return target.session.end()


OPERATIONS: Mapping[str, Any] = {
    "startTransaction": start_transaction,
    "commitTransaction": commit_transaction,
    "abortTransaction": abort_transaction,
    "withTransaction": with_transaction,
    "endSession": end_session,
}

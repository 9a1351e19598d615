"""New sessions of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import TransactionError
from llm_devops_mongodb.session.retry_policy import RetryPolicy
from llm_devops_mongodb.session.session import Session

if TYPE_CHECKING:
    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.options import TransactionOptions


def new_session(
    access: Access,
    *,
    causal_consistency: bool | None = None,
    snapshot: bool = False,
    default_transaction_options: TransactionOptions | None = None,
) -> Session:
    """Make a session of the client that `access` is of; nothing is sent. The arguments are those of `start_session`.

    Raises:
        TransactionError: It is to be causally consistent and a snapshot.
    """
    if causal_consistency and snapshot:
        raise TransactionError("a snapshot session cannot be causally consistent; ask for one of the two")
    return Session(
        access.transport,
        op.SessionRef(next(access.session_numbers), causal_consistency, snapshot),
        retry=access.retry or RetryPolicy(limit=access.config.transaction_retry_limit),
        timeout=access.config.timeout,
        default_transaction_options=default_transaction_options,
    )

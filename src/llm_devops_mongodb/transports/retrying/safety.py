"""What may be asked again after it failed: what changes nothing, and what is known not to have happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import MongoError

if TYPE_CHECKING:
    from llm_devops_mongodb.operations import Operation

_RETRYABLE = "RetryableWriteError"
_NEVER = (
    # Nobody knows what a command does.
    op.RunCommand,
    # A transaction is run again as a whole, by `with_transaction`.
    op.StartTransaction,
    op.CommitTransaction,
    op.AbortTransaction,
    op.EndSession,
    op.IdentifySession,
    # It tells how the deployment answers now.
    op.CheckHealth,
)


def may_be_asked_again(operation: Operation) -> bool:
    """Tell whether there are failures of `operation` after which it is safe to ask again."""
    return not isinstance(operation, _NEVER)


def is_safe_after(operation: Operation, error: BaseException) -> bool:
    """Tell whether `operation` may be asked again after `error`.

    A read may where the error is retryable. A write may where it is known too that nothing was applied, and a
    numbered one whatever became of it, for the server does it once; any other could be done twice. A time limit is
    the caller's word and is not stretched.
    """
    if not isinstance(error, MongoError) or error.is_timeout or not error.is_retryable:
        return False
    return not op.may_write(operation) or error.outcome == "not_applied" or _is_numbered(operation, error)


def is_repeatable(operation: Operation) -> bool:
    """Tell whether `operation` is a write that can be sent again under its number: one command, outside a session."""
    return isinstance(operation, op.SINGLE_WRITES) and operation.session is None


def _is_numbered(operation: Operation, error: MongoError) -> bool:
    """Tell whether the write that met `error` had a number. The driver gives none where its own retries are off."""
    return is_repeatable(operation) and _RETRYABLE in error.labels

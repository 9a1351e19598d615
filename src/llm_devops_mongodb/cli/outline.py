"""What a table says of an interaction: how many, how long, how it ended; never a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.cli.plain_text import as_utc, counted, plain
from llm_devops_mongodb.validation.values import is_array

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Self

    from llm_devops_mongodb.cli.loading import Details
    from llm_devops_mongodb.simulation.cassette import Interaction, Recording

_SESSION_OPERATIONS = frozenset(
    {"start_transaction", "commit_transaction", "abort_transaction", "end_session", "identify_session"}
)
_WRITING = ("insert", "update", "replace", "delete", "bulk_write", "client_bulk_write", "drop")


@dataclass(frozen=True, slots=True)
class Outline:
    """An interaction in a row.

    Attributes:
        number: Its number in the recording.
        since_start: Seconds from the first interaction's beginning to its own.
        took: Seconds until it was answered.
        operation: Its operation.
        kind: `read`, `write`, `stream`, `session` or `command`.
        namespace: What it was asked of; empty for nothing.
        client: Which client asked.
        session: Which of its sessions; None is none.
        transaction: Which transaction of the session; None is none.
        result: What came back, as counts.
        error: Class and code of the error that ended it; empty where none did.
    """

    number: int
    since_start: float
    took: float
    operation: str
    kind: str
    namespace: str
    client: int
    session: int | None
    transaction: int | None
    result: str
    error: str

    @classmethod
    def of(cls, interaction: Interaction, details: Details, start: datetime) -> Self:
        """Outline an interaction of a recording that began at `start`."""
        return cls(
            number=interaction.number,
            since_start=(as_utc(interaction.at) - start).total_seconds(),
            took=interaction.took.total_seconds(),
            operation=plain(interaction.operation),
            kind=kind_of(interaction.operation),
            namespace=plain(interaction.namespace or ""),
            client=interaction.client,
            session=interaction.session,
            transaction=interaction.transaction,
            result=_result(details),
            error="cancelled" if interaction.is_cancelled else _error(details),
        )

    @property
    def place(self) -> str:
        """Which client, session and transaction, in short."""
        session = f" s{self.session}" if self.session is not None else ""
        transaction = f" t{self.transaction}" if self.transaction is not None else ""
        return f"c{self.client}{session}{transaction}"


def start_of(recording: Recording) -> datetime:
    """Return when the first interaction began; where there is none, when the recording did."""
    moments = (as_utc(interaction.at) for interaction in recording.interactions)
    return min(moments, default=as_utc(recording.header.recorded_at))


def kind_of(operation: str) -> str:
    """Return what kind of operation it is: `read`, `write`, `stream`, `session` or `command`."""
    if operation in _SESSION_OPERATIONS:
        return "session"
    if operation == "watch":
        return "stream"
    if operation.startswith(_WRITING) or operation.startswith("find_one_and_"):
        return "write"
    is_read = operation.startswith(("find", "count", "estimated", "distinct", "aggregate"))
    return "read" if is_read else "command"


def _error(details: Details) -> str:
    errors = [details.error, *(part.error for part in details.parts)]
    return next((error_text(error) for error in errors if error is not None), "")


def error_text(error: dict[str, Any]) -> str:
    """Return an error's class and code."""
    code = error.get("code")
    return plain(f"{error.get('kind', 'error')}{f' {code}' if isinstance(code, int) else ''}")


def _result(details: Details) -> str:
    if details.parts:
        number = sum(len(part.documents or ()) for part in details.parts)
        ends = [part.part.end for part in details.parts if part.part.end]
        return counted(number, "document") + "".join(f", {end}" for end in ends if end == "abandoned")
    if details.reply is None:
        return ""
    return plain(", ".join(filter(None, (_counted(*member) for member in details.reply.items()))) or "done")


def _counted(name: str, value: Any) -> str:
    """Return a member of a reply as a count; nothing where it is a value."""
    if name == "document":
        return "no document" if value is None else "1 document"
    if isinstance(value, bool):
        return "" if value else f"not {name}"
    if isinstance(value, int):
        return f"{name.removesuffix('_count')} {int(value):,}"
    return f"{len(value):,} {name}" if is_array(value) and value else ""

"""How far a consumer is."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from llm_devops_mongodb.consumers.errors import CheckpointError
from llm_devops_mongodb.resume_token import ResumeToken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bson import Timestamp

FORMAT: Final = 1
_VERSION: Final = version("llm-devops-mongodb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a consumer goes on, and what it was made for.

    Attributes:
        name: The consumer's name; with partitions `name/number-of-count`.
        fingerprint: Of everything that says which events there are.
        options: The same, readable, to tell a difference by; no values are in it.
        token: Every event up to this place was handled; None while there was none and the server told no place.
        operation_time: Where to begin while there is no token.
        wall_time: When the latest event was made that was handled.
        rejected: Why the server did not take the token; it is not sent again.
        owner: The process that stored it.
        fence: Grows with every process that takes over; what is stored with a smaller one is refused.
        updated_at: When it was stored, by the store's clock.
        version: The library's version.
        format: The version of this description.
    """

    name: str
    fingerprint: str
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    token: ResumeToken | None = None
    operation_time: Timestamp | None = None
    wall_time: datetime | None = None
    rejected: str | None = None
    owner: str = ""
    fence: int = 0
    updated_at: datetime | None = None
    version: str = _VERSION
    format: int = FORMAT

    @property
    def cluster_time(self) -> Timestamp | None:
        """The deployment's logical time of the place, as far as it can be told."""
        return self.operation_time if self.token is None else self.token.cluster_time

    def to_document(self) -> dict[str, Any]:
        """Return it as a document, without what only a store knows: the `_id` and when it was stored."""
        return {
            "format": self.format,
            "version": self.version,
            "fingerprint": self.fingerprint,
            "options": dict(self.options),
            "token": None if self.token is None else self.token.as_document(),
            "operation_time": self.operation_time,
            "wall_time": self.wall_time,
            "rejected": self.rejected,
            "owner": self.owner,
            "fence": self.fence,
        }

    @classmethod
    def from_document(cls, name: str, document: Mapping[str, Any]) -> Checkpoint:
        """Return the checkpoint that `to_document` wrote.

        Raises:
            CheckpointError: It is damaged, or of a newer version of this library.
        """
        found = document.get("format")
        if found != FORMAT:
            raise CheckpointError(
                f"the checkpoint of {name!r} has format {found!r}, and this version of the library reads {FORMAT}; "
                "use the version that wrote it"
            )
        try:
            token = document["token"]
            return cls(
                name=name,
                fingerprint=document["fingerprint"],
                options=document["options"],
                token=None if token is None else ResumeToken(token),
                operation_time=document["operation_time"],
                wall_time=document["wall_time"],
                rejected=document["rejected"],
                owner=document["owner"],
                fence=int(document["fence"]),
                updated_at=document.get("updated_at"),
                version=document["version"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the checkpoint of {name!r} is damaged: {type(error).__name__}") from error

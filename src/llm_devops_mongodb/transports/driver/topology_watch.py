"""Tells at once when waiting for a deployment is pointless.

The driver keeps trying until its server selection limit, thirty seconds by default, also where every server has
refused the credentials or failed the TLS handshake: faults that no waiting mends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pymongo.errors import OperationFailure
from pymongo.monitoring import TopologyListener

if TYPE_CHECKING:
    from pymongo.monitoring import TopologyClosedEvent, TopologyDescriptionChangedEvent, TopologyOpenedEvent

_AUTHENTICATION_FAILED = 18


class TopologyWatch(TopologyListener):
    """Holds the first fault that all servers of the deployment share and that waiting will not mend.

    Attributes:
        fault: Done, with the driver's error as its result, once there is such a fault.
    """

    def __init__(self) -> None:
        self.fault: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def opened(self, event: TopologyOpenedEvent) -> None:
        """Nothing is known yet."""

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        """Look at the errors of all servers."""
        errors = [server.error for server in event.new_description.server_descriptions().values()]
        if errors and not self.fault.done() and all(is_lasting(error) for error in errors):
            self.fault.set_result(next(error for error in errors if error is not None))

    def closed(self, event: TopologyClosedEvent) -> None:
        """Nothing more to know."""


def is_lasting(error: Exception | None) -> bool:
    """Tell whether trying again will meet the same error: refused credentials, a failed TLS handshake."""
    if isinstance(error, OperationFailure):
        return error.code == _AUTHENTICATION_FAILED
    return error is not None and is_tls_failure(str(error))


def is_tls_failure(text: str) -> bool:
    """Tell whether the driver's text is about TLS: it keeps no cause that would say so."""
    return "SSL handshake failed" in text or "CERTIFICATE_VERIFY_FAILED" in text or "[SSL" in text

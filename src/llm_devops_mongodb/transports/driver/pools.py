"""Pools that close a connection which nobody waits for any more.

The driver makes a connection in the task of the operation that needs it. One that is cancelled at the wrong moment
takes the socket with it: it stays open, known to nobody, until the process ends. So here connections are made in tasks
of their own, which go on to their end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pymongo.asynchronous.pool import AsyncConnection, Pool
from pymongo.monitoring import ConnectionClosedReason

if TYPE_CHECKING:
    from llm_devops_mongodb.transports.driver.cursors import Reaper


def careful_pool(reaper: Reaper) -> type[Pool]:
    """Return the kind of pool for one client, whose left connections `reaper` closes.

    The driver takes it by an argument that it keeps for such purposes, `_pool_class`.
    """

    class CarefulPool(Pool):
        async def connect(self, handler: Any = None) -> AsyncConnection:
            if self.is_sdam:
                # A monitor's own connection, which ends with it.
                return await super().connect(handler)
            making = asyncio.ensure_future(super().connect(handler))
            try:
                await asyncio.wait((making,))
            except asyncio.CancelledError:
                reaper.adopt(_close_when_made(making, self))
                raise
            return making.result()

    return CarefulPool


async def _close_when_made(making: asyncio.Future[AsyncConnection], pool: Pool) -> None:
    for made in await asyncio.gather(making, return_exceptions=True):
        if isinstance(made, AsyncConnection):
            async with pool.lock:
                pool.active_contexts.discard(made.cancel_context)
            await made.close_conn(ConnectionClosedReason.ERROR)

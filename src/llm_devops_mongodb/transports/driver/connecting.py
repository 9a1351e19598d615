"""Opening the driver's client, and proving that it works before anyone relies on it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient
from pymongo.driver_info import DriverInfo

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import ConfigError, ServerSelectionError, TlsError
from llm_devops_mongodb.transports.driver.certificates import joined_certificate
from llm_devops_mongodb.transports.driver.client_options import client_options
from llm_devops_mongodb.transports.driver.cursors import Reaper
from llm_devops_mongodb.transports.driver.errors import DRIVER_ERRORS
from llm_devops_mongodb.transports.driver.pools import careful_pool
from llm_devops_mongodb.transports.driver.replaced_primaries import ReplacedPrimaries
from llm_devops_mongodb.transports.driver.topology_watch import TopologyWatch
from llm_devops_mongodb.transports.driver.transport import DriverTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_devops_mongodb.config import MongoConfig
    from llm_devops_mongodb.errors import MongoError
    from llm_devops_mongodb.security.credentials import MongoCredentials

_HUNG_UP = "closed"
_SLACK = 0.5
"""Seconds by which the driver's own limit comes before ours: its error names the cause."""


async def connected(
    config: MongoConfig,
    *,
    credentials: MongoCredentials | None,
    event_listeners: Sequence[Any],
    uuid_representation: int,
) -> DriverTransport:
    """Open a client for `config` and return its transport once the deployment has answered.

    Raises:
        ConfigError: The driver refuses an option.
        AuthenticationError: The credentials are refused, or the deployment asks for some and there are none.
        TlsError: The handshake fails.
        ServerSelectionError: No suitable server within `config.server_selection_timeout`; the text names the cause.
    """
    watch = TopologyWatch()
    primaries = ReplacedPrimaries()
    with contextlib.ExitStack() as files:
        certificate = files.enter_context(joined_certificate(config.tls))
        options = client_options(config, credentials=credentials, certificate_key_file=certificate)
        reaper = Reaper()
        options["_pool_class"] = careful_pool(reaper)
        transport = DriverTransport(
            _client(config, options, [*event_listeners, watch, primaries]),
            config,
            uuid_representation=uuid_representation,
            reaper=reaper,
            release=files.pop_all().close,
        )
    primaries.watch(transport.client)
    try:
        await _verify(transport, config, watch)
    except BaseException:
        await transport.aclose()
        raise
    return transport


def _client(config: MongoConfig, options: dict[str, Any], event_listeners: Sequence[Any]) -> AsyncMongoClient[Any]:
    try:
        return AsyncMongoClient(
            config.driver_uri, **options, event_listeners=event_listeners, driver=DriverInfo("llm-devops-mongodb")
        )
    except (*DRIVER_ERRORS, OSError) as error:
        # The text may hold a piece of the URI.
        raise ConfigError("uri", f"the driver refuses the options ({type(error).__name__})") from error


async def _verify(transport: DriverTransport, config: MongoConfig, watch: TopologyWatch) -> None:
    limit = config.server_selection_timeout
    proof = asyncio.create_task(_prove(transport.client))
    try:
        async with asyncio.timeout(limit.total_seconds() + _SLACK):
            waited_for: set[asyncio.Future[Any]] = {proof, watch.fault}
            await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
            if not proof.done():
                raise watch.fault.result()
            await proof
    except TimeoutError as error:
        raise ServerSelectionError(
            f"a server took the connection but did not answer within {limit.total_seconds():g} s", timeout=limit
        ) from error
    except DRIVER_ERRORS as error:
        raise _explained(transport.translate(error, op.CheckHealth()), tls=config.tls.enabled) from error
    finally:
        watch.fault.cancel()
        proof.cancel()
        await asyncio.gather(proof, return_exceptions=True)


def _explained(error: MongoError, *, tls: bool) -> MongoError:
    """Return `error`, with what a server means that takes connections and closes them: it gives no reason itself."""
    if not isinstance(error, ServerSelectionError) or _HUNG_UP not in error.message:
        return error
    if tls:
        return TlsError(
            "the server closes every connection after the handshake: it asks "
            "for a client certificate that it trusts and that is valid: tls.cert_file",
            labels=error.labels,
            is_timeout=True,
        )
    return ServerSelectionError(
        f"{error.message}; a server that demands TLS does so: tls=True", timeout=error.timeout, labels=error.labels
    )


async def _prove(client: AsyncMongoClient[Any]) -> None:
    """Make the deployment do something that needs a login, where it asks for one.

    An unauthenticated `ping` succeeds everywhere. A direct connection is for administration, such as making a
    deployment's first user, and is not asked to prove more than that it answers.
    """
    anywhere = client.read_preference
    status = await client.admin.command("connectionStatus", read_preference=anywhere)
    if status["authInfo"]["authenticatedUsers"] or client.options.direct_connection:
        return
    await client.admin.command("listDatabases", nameOnly=True, authorizedDatabases=True, read_preference=anywhere)

"""The client: a connection to a deployment, and the way to its databases."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, assert_never, overload

from bson import ObjectId

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import replies
from llm_devops_mongodb.access import Access, new_cursor_key
from llm_devops_mongodb.bulk import ClientBulkWriteBuilder
from llm_devops_mongodb.change_streams import watching
from llm_devops_mongodb.codecs import BsonSettings, codec_for
from llm_devops_mongodb.config import MongoConfig, SimulationMode
from llm_devops_mongodb.database import Database
from llm_devops_mongodb.errors import ConfigError, MongoError, SimulationError, SimulationMismatchError
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.results import HealthStatus
from llm_devops_mongodb.session import new_session
from llm_devops_mongodb.simulation import SimulationRecorder, SimulationReplayer
from llm_devops_mongodb.simulation.overriding import Unchanged, override
from llm_devops_mongodb.transport import expect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence
    from datetime import timedelta
    from types import TracebackType

    from llm_devops_mongodb.change_streams import ChangeStream, OnEventError
    from llm_devops_mongodb.collection import Collection
    from llm_devops_mongodb.concerns import WriteConcern
    from llm_devops_mongodb.config import ConfigSettings
    from llm_devops_mongodb.options import ChangeStreamOptions, Filter, Pipeline, TransactionOptions
    from llm_devops_mongodb.security.credentials import CredentialProvider
    from llm_devops_mongodb.session import RetryPolicy, Session
    from llm_devops_mongodb.transport import Transport
    from llm_devops_mongodb.transports.driver import Driver

R = TypeVar("R")


class MongoClient:
    """Typed, asynchronous access to a MongoDB deployment.

    It belongs to the event loop and the process that connected it. Make one for each deployment and keep it: it holds
    the pool of connections.

    Example:
        ```python
        async with MongoClient.connect("mongodb://localhost:27017/app") as client:
            users = client.collection("app", "users", User)
            await users.insert_one(User(name="Ada"))
        ```
    """

    def __init__(
        self,
        config: MongoConfig,
        transport: Transport,
        *,
        driver: Driver | None = None,
        simulation: SimulationRecorder | SimulationReplayer | None = None,
        new_id: Callable[[], ObjectId] = ObjectId,
        retry: RetryPolicy | None = None,
    ) -> None:
        """Make a client over any transport; `connect` makes one over a deployment."""
        self._access = Access(transport, config, _bson(config), new_id, _cursor_key(config), retry=retry)
        self._access.warn_of(config.write_concern)
        self._driver = driver
        self._simulation = simulation

    @classmethod
    def connect(
        cls,
        config: MongoConfig | str,
        *,
        credentials: CredentialProvider | None = None,
        event_listeners: Sequence[Any] = (),
        **overrides: Unpack[ConfigSettings],
    ) -> Connecting:
        """Connect to a deployment: `async with MongoClient.connect(…)`, or `await MongoClient.connect(…)` and `close`.

        It returns once the deployment has answered, so a wrong host, password, certificate or set name is told here.

        Args:
            config: The configuration, or a URI.
            credentials: Gives credentials that take the place of the URI's.
            event_listeners: Listeners for the driver's own events.
            **overrides: Fields of the configuration to set otherwise.

        Raises:
            ConfigError: The configuration cannot exist; it lists every fault.
            AuthenticationError: The credentials are refused, or the deployment asks for some.
            TlsError: The handshake failed.
            ServerSelectionError: Nothing suitable answered within the limit; the text names the cause.
        """
        made = config.replace(**overrides) if isinstance(config, MongoConfig) else MongoConfig(uri=config, **overrides)
        return Connecting(cls, made, credentials=credentials, event_listeners=event_listeners)

    @classmethod
    def from_env(cls, prefix: str = "MONGODB_") -> Connecting:
        """Connect by the environment's variables: `connect` on `MongoConfig.from_env(prefix)`."""
        return cls.connect(MongoConfig.from_env(prefix))

    @classmethod
    def with_simulation(cls, config: MongoConfig, replayer: SimulationReplayer) -> Self:
        """Return a client that answers from a recording: there is no driver and no socket, and nothing to wait for.

        Args:
            config: The configuration; where it points to is not looked at.
            replayer: What answers.
        """
        return cls(config, _replaying(config, replayer), simulation=replayer)

    @property
    def config(self) -> MongoConfig:
        """The configuration."""
        return self._access.config

    @property
    def driver(self) -> Driver:
        """The driver's client: the way out for what this library lacks. What is done there is not observed.

        Raises:
            SimulationError: There is none: the client does not speak to a deployment.
        """
        if self._driver is None:
            raise SimulationError("this client has no driver: it does not speak to a deployment")
        return self._driver

    @property
    def simulation(self) -> SimulationRecorder | SimulationReplayer:
        """What records this client's operations, or answers them from a recording.

        Raises:
            SimulationError: The client does neither.
        """
        if self._simulation is None:
            raise SimulationError("this client neither records nor replays; connect it with simulation_mode='record'")
        return self._simulation

    def database(self, name: str) -> Database:
        r"""Return a handle for a database.

        Raises:
            InvalidDocumentError: The name is refused: 1 to 63 bytes, none of `/\. "$` or NUL.
        """
        return Database(self._access, name)

    def default_database(self) -> Database:
        """Return a handle for the database that the configuration or its URI names.

        Raises:
            ConfigError: Neither names one.
        """
        name = self.config.default_database
        if name is None:
            raise ConfigError("default_database", "not set; give it, or name the database in the URI's path")
        return self.database(name)

    @overload
    def collection(
        self, database: str, collection: str, T: type[dict[str, Any]] = ...
    ) -> Collection[dict[str, Any]]: ...
    @overload
    def collection(self, database: str, collection: str, T: type[R]) -> Collection[R]: ...
    def collection(self, database: str, collection: str, T: Any = dict) -> Collection[Any]:
        """Return a handle for a collection whose documents are of type `T`; see `Database.collection`."""
        return self.database(database).collection(collection, T)

    async def list_databases(
        self, filter: Filter | None = None, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> list[dict[str, Any]]:
        """Return the databases that match and that the user may see, as the server describes them: `name`, `empty`.

        Args:
            filter: What must match, such as `{"name": {"$regex": "^app_"}}`; None matches every database.
            session: The session to ask in.
            timeout: How long it may take in all; None takes the configuration's.
        """
        command: dict[str, Any] = {"listDatabases": 1}
        if filter is not None:
            command["filter"] = dict(filter)
        reply = await self.database("admin").run_command(command, session=session, timeout=timeout)
        databases: list[dict[str, Any]] = reply["databases"]
        return databases

    @overload
    def watch(
        self,
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        T: type[dict[str, Any]] = ...,
        *,
        on_error: OnEventError = "event",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> ChangeStream[dict[str, Any]]: ...
    @overload
    def watch(
        self,
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        T: type[R] = ...,  # pyright: ignore[reportInvalidTypeVarUse]  # left out it is the overload above
        *,
        on_error: OnEventError = "event",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> ChangeStream[R]: ...
    def watch(
        self,
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        T: Any = dict,
        *,
        on_error: OnEventError = "event",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> ChangeStream[Any]:
        """Watch the changes of every database but the server's own; the arguments are those of `Collection.watch`.

        `T` is the type of the documents in the events, which are those of all collections.
        """
        reference = None if session is None else session.ref_for(self._access.transport)
        return watching(
            self._access,
            (Namespace("admin", ""), Settings(timeout=timeout), reference),
            codec_for(T, self._access.bson),
            pipeline=pipeline,
            options=options,
            on_error=on_error,
            whole_deployment=True,
        )

    def bulk_write(self, *, write_concern: WriteConcern | None = None) -> ClientBulkWriteBuilder:
        """Begin a bulk write of several collections; servers from 8.0. Below, use `Collection.bulk_write`.

        Args:
            write_concern: How durable its writes must be before they are acknowledged; None takes the client's.
        """
        self._access.warn_of(write_concern)
        return ClientBulkWriteBuilder(self._access, settings=Settings(write_concern=write_concern))

    def start_session(
        self,
        *,
        causal_consistency: bool | None = None,
        snapshot: bool = False,
        default_transaction_options: TransactionOptions | None = None,
    ) -> Session:
        """Return a session, to be used as an async context manager. Nothing is sent before its first operation.

        Args:
            causal_consistency: Reads see the session's earlier writes; on by default, unless `snapshot`.
            snapshot: All reads see one point in time; then no writes and no transactions.
            default_transaction_options: Options of transactions that do not give their own.

        Raises:
            TransactionError: Both are asked for.
        """
        return new_session(
            self._access,
            causal_consistency=causal_consistency,
            snapshot=snapshot,
            default_transaction_options=default_transaction_options,
        )

    async def with_transaction(
        self,
        callback: Callable[[Session], Awaitable[R]],
        options: TransactionOptions | None = None,
        *,
        timeout: timedelta | None = None,
    ) -> R:
        """Run `callback` in a transaction of a new session; see `Session.with_transaction`."""
        async with self.start_session() as session:
            return await session.with_transaction(callback, options, timeout=timeout)

    async def health_check(self) -> HealthStatus:
        """Tell how the deployment answers now. It never raises for a sick one, and answers within five seconds."""
        try:
            return expect(await self._access.transport.handle(op.CheckHealth()), replies.HealthReply).status
        except MongoError as error:
            return HealthStatus(healthy=False, error=error.message)

    async def close(self) -> None:
        """Close every connection, after what is under way in the background is done. May be called again."""
        await self._access.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.close()
        except SimulationMismatchError:
            # What a strict replay finds missing is no news where the block did not come to its end.
            if kind is None:
                raise


class Connecting:
    """A client about to connect: await it, or use it as an async context manager that closes the client."""

    def __init__(
        self,
        kind: type[MongoClient],
        config: MongoConfig,
        *,
        credentials: CredentialProvider | None,
        event_listeners: Sequence[Any],
    ) -> None:
        self._kind = kind
        self._config = config
        self._credentials = credentials
        self._event_listeners = event_listeners
        self._client: MongoClient | None = None

    def __await__(self) -> Generator[Any, None, MongoClient]:
        return self._connect().__await__()

    async def __aenter__(self) -> MongoClient:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.__aexit__(kind, error, traceback)

    async def _connect(self) -> MongoClient:
        simulation, is_own = _simulation_of(self._config)
        if isinstance(simulation, SimulationReplayer):
            transport = _replaying(self._config, simulation, finishes=is_own)
            return self._kind(self._config, transport, simulation=simulation)
        transport, driver = await _compose(
            self._config, self._credentials, self._event_listeners, recorder=simulation, finishes=is_own
        )
        return self._kind(self._config, transport, driver=driver, simulation=simulation)


def _cursor_key(config: MongoConfig) -> bytes:
    secret = config.cursor_secret
    return new_cursor_key() if secret is None else secret.expose_secret().encode("utf-8", "surrogatepass")


def _simulation_of(config: MongoConfig) -> tuple[SimulationRecorder | SimulationReplayer | None, bool]:
    """What `config` asks for, or what a test put in its place; and whether the client has it alone."""
    overriding = override()
    if not isinstance(overriding, Unchanged):
        return overriding, False
    match config.simulation_mode:
        case SimulationMode.DISABLED:
            return None, True
        case SimulationMode.RECORD:
            return SimulationRecorder(config.simulation_path), True
        case SimulationMode.REPLAY:
            if config.simulation_path is None:
                raise ConfigError("simulation_path", "not set; to replay, name the recording")
            return SimulationReplayer.load(config.simulation_path), True
        case _:
            assert_never(config.simulation_mode)


async def _compose(
    config: MongoConfig,
    credentials: CredentialProvider | None,
    event_listeners: Sequence[Any],
    *,
    recorder: SimulationRecorder | None,
    finishes: bool,
) -> tuple[Transport, Driver]:
    """The chain of transports, outermost first, that `config` asks for. What is off is not in it."""
    _refuse_missing(config)
    retrying = _retrying(config)
    # The driver is heavy to import, and a client that replays has none.
    from llm_devops_mongodb.transports.driver import connected

    bson = _bson(config)
    driver = await connected(
        config,
        credentials=None if credentials is None else await credentials.get_credentials(),
        event_listeners=event_listeners,
        uuid_representation=bson.codec_options.uuid_representation,
    )
    transport: Transport = driver
    if recorder is not None:
        transport = await _recording(driver, recorder, bson, finishes=finishes)
    return _guarded(retrying(transport), config, bson), driver.client


async def _recording(
    transport: Transport, recorder: SimulationRecorder, bson: BsonSettings, *, finishes: bool
) -> Transport:
    from llm_devops_mongodb.transports.recording import RecordingTransport

    try:
        health = expect(await transport.handle(op.CheckHealth()), replies.HealthReply).status
        return RecordingTransport(
            transport,
            recorder,
            options=bson.codec_options,
            server_version=health.server_version,
            finishes=finishes,
        )
    except BaseException:
        await transport.aclose()
        raise


def _replaying(config: MongoConfig, replayer: SimulationReplayer, *, finishes: bool = True) -> Transport:
    _refuse_missing(config)
    retrying = _retrying(config)
    from llm_devops_mongodb.transports.replay import ReplayTransport

    bson = _bson(config)
    return _guarded(retrying(ReplayTransport(replayer, options=bson.codec_options, finishes=finishes)), config, bson)


def _bson(config: MongoConfig) -> BsonSettings:
    return BsonSettings(tz_aware=config.tz_aware, uuid_representation=config.uuid_representation)


def _refuse_missing(config: MongoConfig) -> None:
    for name in ("audit", "tracing"):
        if getattr(config, name).enabled:
            raise ConfigError(name, "is not in this version; leave it off")


def _retrying(config: MongoConfig) -> Callable[[Transport], Transport]:
    """What puts the policy around a transport; it is looked for before anything is opened."""
    if not config.retry.enabled:
        return lambda transport: transport
    try:
        from llm_devops_mongodb.transports.retrying import RetryingTransport
    except ModuleNotFoundError as error:
        raise ConfigError("retry", "needs tenacity: install llm-devops-mongodb[retry]") from error
    return partial(RetryingTransport, config=config.retry, timeout=config.timeout)


def _guarded(transport: Transport, config: MongoConfig, bson: BsonSettings) -> Transport:
    if not config.query_guard.enabled:
        return transport
    from llm_devops_mongodb.transports.guarded import GuardedTransport

    return GuardedTransport(transport, config.query_guard, bson=bson)

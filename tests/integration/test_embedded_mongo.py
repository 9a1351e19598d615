from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from llm_devops_mongodb.errors import AuthenticationError, ConfigError, MongoError
from llm_devops_mongodb.testing import EmbeddedMongo, MongodStartError, ServerSettings, ServerTls, find_mongod
from llm_devops_mongodb.testing.access import Access
from llm_devops_mongodb.testing.administration import run_command
from llm_devops_mongodb.testing.certificates import CertificateAuthority, Validity
from llm_devops_mongodb.testing.hello import hello
from llm_devops_mongodb.testing.keeper import Keeper
from llm_devops_mongodb.testing.member import Member
from llm_devops_mongodb.testing.ports import ReservedPort
from llm_devops_mongodb.testing.replica_set import ReplicaSet
from llm_devops_mongodb.testing.server_log import ServerLog

LIMIT = timedelta(seconds=5)


def folder_of(server):
    return server.members[0].log.path.parent.parent


def processes_in(folder):
    """The ids of the processes whose command line names `folder`."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in command.read_bytes():
                found.append(int(command.parent.name))
        except OSError:
            continue
    return found


def embedded_folders():
    return set(Path(tempfile.gettempdir()).glob("embedded-mongo-*"))


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        probe.listen()
    return True


async def answers(server, tls=None, *, within=LIMIT):
    """Whether the first member answers over a bare connection."""
    member = server.members[0]
    return bool(await hello(member.host, member.port, tls=tls, within=within))


def trusting(server, *, certificate=None):
    context = ssl.create_default_context(cafile=str(server.ca_file))
    if certificate is not None:
        context.load_cert_chain(str(certificate))
    return context


class TakenPort:
    """A port that looks free and is not."""

    def __init__(self, listener):
        self.number = listener.getsockname()[1]

    def close(self):
        pass


def member_of(keeper, **options):
    async def joined(member):
        pass

    folder = keeper.folder / "member"
    command = partial(ServerSettings().command_line, find_mongod(), folder=folder)
    return Member(keeper, folder=folder, command=command, joined=joined, **options)


async def insert(server, document, *, w="majority"):
    command = {"insert": "things", "documents": [document], "writeConcern": {"w": w, "wtimeout": 10_000}}
    return await server.run_command(command, database="embedded")


async def count(server):
    return (await server.run_command({"count": "things"}, database="embedded"))["n"]


@pytest.fixture(scope="module")
async def guarded():
    async with EmbeddedMongo(auth=("r:o/o", "p@ss %word"), tls=True) as server:
        yield server


async def test_a_started_server_takes_writes_and_a_stopped_one_leaves_nothing():
    server = EmbeddedMongo()

    await server.start()
    await insert(server, {"_id": 1})
    folder, port = folder_of(server), server.members[0].port
    assert folder.stat().st_mode & 0o777 == 0o700
    assert processes_in(folder)
    await server.stop()

    assert not processes_in(folder)
    assert not folder.exists()
    assert port_is_free(port)


async def test_it_can_be_stopped_twice_and_started_again_afresh():
    server = EmbeddedMongo()
    async with server:
        await insert(server, {"_id": 1})
        with pytest.raises(MongoError, match="already"):
            await server.start()
    await server.stop()
    assert server.members == ()
    with pytest.raises(MongoError, match="not running"):
        _ = server.uri

    async with server:
        assert await count(server) == 0


async def test_two_servers_know_nothing_of_each_other():
    async with EmbeddedMongo() as one, EmbeddedMongo() as other:
        await insert(one, {"_id": 1})

        assert one.uri != other.uri
        assert (await count(one), await count(other)) == (1, 0)


async def test_settings_reach_the_server():
    settings = {"cursorTimeoutMillis": 1234, "ttlMonitorSleepSecs": None}
    options = {"oplog_size": 1, "set_parameters": settings, "arguments": ("--syncdelay", "1"), "replica_set": "named"}
    async with EmbeddedMongo(**options) as server:
        parameters = await server.run_command({"getParameter": "*"})
        oplog = await server.run_command({"collStats": "oplog.rs"}, database="local")
        answer = await server.run_command({"hello": 1})

    assert parameters["cursorTimeoutMillis"] == 1234
    assert parameters["enableTestCommands"]
    assert parameters["ttlMonitorSleepSecs"] == 60
    assert parameters["syncdelay"] == 1
    assert oplog["maxSize"] == 1024 * 1024
    assert answer["setName"] == "named"


@pytest.mark.parametrize("size", [0, 8])
def test_a_number_of_members_that_cannot_be_is_refused(size):
    with pytest.raises(ConfigError, match="members: must be 1 to 7"):
        EmbeddedMongo(size)


def test_the_event_loop_and_thread_that_started_it_may_end():
    server = EmbeddedMongo()
    thread = threading.Thread(target=lambda: asyncio.run(server.start()))
    thread.start()
    thread.join()

    asyncio.run(insert(server, {"_id": 1}))
    asyncio.run(server.stop())

    assert server.members == ()


def test_a_killed_parent_leaves_nothing():
    program = (
        "import asyncio, signal\n"
        "from llm_devops_mongodb.testing import EmbeddedMongo\n"
        "async def main():\n"
        "    server = await EmbeddedMongo().start()\n"
        "    print(server.members[0].pid, server.members[0].log.path.parent.parent, flush=True)\n"
        "    signal.pause()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        pid, folder = parent.stdout.readline().split()
        keeper_pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        pidfds = [os.pidfd_open(int(pid)), os.pidfd_open(keeper_pid)]

        parent.kill()

        for pidfd in pidfds:
            assert select.select([pidfd], [], [], 10)[0], "still there"
            os.close(pidfd)
    assert not Path(folder).exists()


async def test_a_start_that_fails_tells_the_log_at_once_and_leaves_nothing():
    before = embedded_folders()
    loop = asyncio.get_running_loop()
    began = loop.time()

    with pytest.raises(MongodStartError, match=r"Unknown --setParameter 'bogus'") as caught:
        await EmbeddedMongo(set_parameters={"bogus": 1}).start()

    assert caught.value.exit_status == 1
    assert loop.time() - began < 5
    assert embedded_folders() <= before


async def test_an_expired_server_certificate_is_told_by_the_start():
    authority = CertificateAuthority()
    tls = ServerTls(authority, authority.issue_server(validity=Validity.expired()))

    with pytest.raises(MongodStartError, match=r"(?i)expired"):
        await EmbeddedMongo(tls=tls).start()


async def test_a_start_that_takes_too_long_is_told():
    with pytest.raises(MongodStartError, match=r"not ready within 0\.05 s"):
        await EmbeddedMongo(start_timeout=timedelta(milliseconds=50)).start()


@pytest.mark.parametrize("moment", ["Waiting for connections", "replSetInitiate"])
async def test_a_start_that_is_cancelled_leaves_nothing(moment):
    server = EmbeddedMongo()
    start = asyncio.create_task(server.start())
    while not (server.members and moment in server.members[0].log.text()):
        await asyncio.wait([start], timeout=0.001)
        assert not start.done()
    folder = folder_of(server)

    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start

    assert not processes_in(folder)
    assert not folder.exists()
    assert server.members == ()
    # The driver leaves the socket of a connection that is cancelled while it is made to the garbage collector.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


async def test_a_taken_port_is_changed_for_another():
    with socket.create_server(("127.0.0.1", 0)) as taken, Keeper() as keeper:
        ports = iter([TakenPort(taken), ReservedPort()])
        member = member_of(keeper, reserve_port=lambda: next(ports))

        member.launch()
        await member.listening(may_change_port=True)

        assert member.port != taken.getsockname()[1]
        assert member.is_running
        member.release()


async def test_a_port_that_may_not_change_fails_the_start():
    with socket.create_server(("127.0.0.1", 0)) as taken, Keeper() as keeper:
        member = member_of(keeper, reserve_port=lambda: TakenPort(taken))

        member.launch()
        with pytest.raises(MongodStartError, match="in use") as caught:
            await member.listening()

        assert caught.value.exit_status == 48


async def test_a_killed_member_comes_back_with_its_data():
    async with EmbeddedMongo() as server:
        await insert(server, {"_id": 1})
        [member] = server.members
        pid, port = member.pid, member.port

        member.kill()
        assert not member.is_running
        assert await member.wait() == -signal.SIGKILL
        await member.restart()

        assert (member.port, member.pid != pid) == (port, True)
        assert await count(server) == 1


async def test_a_member_can_be_restarted_while_it_runs_and_after_it_shut_down():
    async with EmbeddedMongo() as server:
        [member] = server.members

        await member.restart()
        member.terminate()
        assert await member.wait() == 0
        await member.restart()

        await insert(server, {"_id": 1})


async def test_a_restart_that_fails_is_told():
    async with EmbeddedMongo() as server:
        [member] = server.members
        member.kill()
        for file in member.log.path.parent.glob("WiredTiger*"):
            file.write_bytes(b"damaged")

        with pytest.raises(MongodStartError):
            await member.restart()


async def test_a_paused_member_does_not_answer_until_it_is_resumed():
    async with EmbeddedMongo() as server:
        [member] = server.members

        assert await answers(server)
        member.pause()
        assert member.is_paused
        assert not await answers(server, within=timedelta(milliseconds=200))
        with pytest.raises(MongoError, match=r"no primary within 0\.01 s") as caught:
            await server.primary(within=timedelta(milliseconds=10))
        member.resume()

        assert caught.value.is_timeout
        assert await answers(server)
        assert await server.primary() is member


async def test_three_members_elect_a_primary_and_survive_its_death():
    async with EmbeddedMongo(3) as server:
        first = await server.primary()
        await insert(server, {"_id": 1}, w=3)

        first.kill()
        second = await server.primary()
        await insert(server, {"_id": 2})
        await first.restart()
        await insert(server, {"_id": 3}, w=3)
        answer = await run_command(server.uri_of(first), {"hello": 1}, within=LIMIT)

        assert second is not first
        assert (answer["me"], answer["isWritablePrimary"] or answer["secondary"]) == (first.address, True)
        assert await count(server) == 3


async def test_a_member_that_ends_while_it_is_waited_for_is_told(tmp_path):
    reserved = ReservedPort()
    lives = iter([True, False])

    class Dying:
        host = "127.0.0.1"
        port = reserved.number
        log = ServerLog(tmp_path / "log")
        is_running = property(lambda self: next(lives))

    with pytest.raises(MongodStartError, match="ended before it was ready"):
        await ReplicaSet([Dying()], Access()).joined(Dying())

    reserved.close()


async def test_the_first_user_may_do_everything(guarded):
    status = await guarded.run_command({"connectionStatus": 1})

    assert status["authInfo"]["authenticatedUsers"] == [{"user": guarded.username, "db": "admin"}]
    await insert(guarded, {"_id": 1})


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
async def test_the_first_user_has_both_mechanisms(guarded, mechanism):
    reply = await run_command(f"{guarded.uri}&authMechanism={mechanism}", {"usersInfo": guarded.username}, within=LIMIT)

    assert reply["users"][0]["roles"] == [{"role": "root", "db": "admin"}]


async def test_a_wrong_password_is_refused(guarded):
    uri = guarded.uri.replace("p%40ss", "pass")

    with pytest.raises(AuthenticationError):
        await run_command(uri, {"usersInfo": 1}, within=LIMIT)


async def test_a_client_without_credentials_is_refused():
    async with EmbeddedMongo(auth=True) as server:
        open_uri = f"mongodb://{server.members[0].address}/?directConnection=true"

        with pytest.raises(MongoError, match=r"(?i)auth"):
            await run_command(open_uri, {"usersInfo": 1}, within=LIMIT)

        assert server.username == "root"
        assert server.password not in repr(vars(server))


async def test_a_server_with_tls_answers_a_client_with_a_certificate_and_no_plain_one(guarded):
    assert await answers(guarded, trusting(guarded, certificate=guarded.client_certificate_file))
    assert not await answers(guarded)


async def test_a_server_with_tls_refuses_a_client_without_a_certificate(guarded):
    assert not await answers(guarded, trusting(guarded))


async def test_the_server_takes_other_certificates_of_its_authority_and_no_strangers(guarded, tmp_path):
    fellow = guarded.authority.issue_client("fellow").write(tmp_path / "fellow.pem")
    stranger = CertificateAuthority("stranger").issue_client("stranger").write(tmp_path / "stranger.pem")
    expired = guarded.authority.issue_client("late", validity=Validity.expired()).write(tmp_path / "late.pem")

    assert await answers(guarded, trusting(guarded, certificate=fellow))
    assert not await answers(guarded, trusting(guarded, certificate=stranger))
    assert not await answers(guarded, trusting(guarded, certificate=expired))


async def test_a_certificate_is_a_users_name(guarded, tmp_path):
    certificate = guarded.authority.issue_client("reader")
    file = certificate.write(tmp_path / "reader.pem")
    user = {"createUser": certificate.subject, "roles": [{"role": "read", "db": "embedded"}]}
    await guarded.run_command(user, database="$external")
    [member] = guarded.members

    uri = Access(ca_file=guarded.ca_file, client_certificate_file=file).uri(
        [member.address], replicaSet=guarded.replica_set, authMechanism="MONGODB-X509"
    )
    status = await run_command(uri, {"connectionStatus": 1}, within=LIMIT)

    assert status["authInfo"]["authenticatedUsers"] == [{"user": certificate.subject, "db": "$external"}]


async def test_a_server_with_tls_may_admit_clients_without_a_certificate():
    authority = CertificateAuthority()
    async with EmbeddedMongo(tls=ServerTls(authority, require_client_certificate=False)) as server:
        assert await answers(server, trusting(server))
        assert await server.run_command({"ping": 1})
        assert server.authority is authority

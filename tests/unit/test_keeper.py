from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from llm_devops_mongodb.testing import MongodStartError, keeper_main
from llm_devops_mongodb.testing.keeper import Keeper

SLEEPER = ["sleep", "60"]
NOBODY = 0  # no process has it as its parent's id here


def has_ended(pidfd, *, within=10.0):
    return bool(select.select([pidfd], [], [], within)[0])


@pytest.fixture
def keeper():
    with Keeper() as opened:
        yield opened


@pytest.fixture
def kept():
    opened = keeper_main.Kept(tempfile.mkdtemp())
    yield opened
    opened.end()


def conversation(kept, requests, *, parent=None):
    """Serve `requests`, then the end of the input; return the replies."""
    source, requesting = os.pipe()
    replying, target = os.pipe()
    os.write(requesting, b"".join(json.dumps(request).encode() + b"\n" for request in requests))
    os.close(requesting)
    keeper_main.serve(kept, source=source, target=target, parent=os.getppid() if parent is None else parent)
    os.close(source)
    os.close(target)
    with os.fdopen(replying, "rb") as replies:
        return [json.loads(line) for line in replies]


def test_closing_ends_the_processes_and_removes_the_folder():
    keeper = Keeper()
    pidfd = os.pidfd_open(keeper.start(SLEEPER, log_file=keeper.folder / "log"))
    assert keeper.folder.stat().st_mode & 0o777 == 0o700

    keeper.close()
    keeper.close()

    assert has_ended(pidfd, within=0)
    assert not Path(f"/proc/{keeper.pid}").exists()
    assert not keeper.folder.exists()
    os.close(pidfd)


def test_a_closed_keeper_says_so():
    keeper = Keeper()
    keeper.close()

    with pytest.raises(MongodStartError, match="stopped"):
        keeper.exit_status(1)


def test_a_killed_keeper_takes_its_processes_along_and_says_so():
    keeper = Keeper()
    pid = keeper.start(SLEEPER, log_file=keeper.folder / "log")
    pidfd = os.pidfd_open(pid)

    os.kill(keeper.pid, signal.SIGKILL)

    assert has_ended(pidfd)
    with pytest.raises(MongodStartError, match="gone"):
        keeper.exit_status(pid)
    keeper.close()
    assert not keeper.folder.exists()
    os.close(pidfd)


def test_a_terminated_keeper_cleans_up():
    keeper = Keeper()
    pidfd = os.pidfd_open(keeper.start(SLEEPER, log_file=keeper.folder / "log"))
    keeper_pidfd = os.pidfd_open(keeper.pid)

    os.kill(keeper.pid, signal.SIGTERM)

    assert has_ended(pidfd)
    assert has_ended(keeper_pidfd)
    assert not keeper.folder.exists()
    keeper.close()
    os.close(pidfd)
    os.close(keeper_pidfd)


def test_the_end_of_the_thread_that_started_it_changes_nothing(keeper):
    pids = []
    thread = threading.Thread(target=lambda: pids.append(keeper.start(SLEEPER, log_file=keeper.folder / "log")))
    thread.start()
    thread.join()

    assert keeper.exit_status(pids[0]) is None


def test_a_forked_child_that_holds_the_pipe_open_changes_nothing():
    # The program starts a keeper, forks a child that outlives it, and is killed.
    program = (
        "import os, signal, time\n"
        "from llm_devops_mongodb.testing.keeper import Keeper\n"
        "keeper = Keeper()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.pause()\n"
        "print(keeper.pid, child, keeper.folder, flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        keeper_pid, child, folder = parent.stdout.readline().split()
        keeper_pidfd = os.pidfd_open(int(keeper_pid))
        parent.kill()
        parent.wait()

        assert has_ended(keeper_pidfd)
        assert not Path(folder).exists()
        os.kill(int(child), signal.SIGKILL)
    os.close(keeper_pidfd)


def test_what_a_process_prints_is_appended_to_its_log(keeper):
    log = keeper.folder / "log"
    for word in ("first", "second"):
        pid = keeper.start(["sh", "-c", f"echo {word}; echo {word} >&2"], log_file=log)
        keeper.signal(pid, signal.SIGCONT)
        while keeper.exit_status(pid) is None:
            pass

    assert log.read_text().split() == ["first", "first", "second", "second"]


def test_a_program_that_cannot_be_run_is_told(keeper):
    with pytest.raises(MongodStartError, match="FileNotFoundError"):
        keeper.start(["/nowhere/mongod"], log_file=keeper.folder / "log")


def test_a_killed_process_is_gone_at_once(kept):
    pid = kept.answer(["start", SLEEPER, f"{kept.folder}/log"])

    assert kept.answer(["poll", pid]) is None
    assert kept.answer(["signal", pid, signal.SIGKILL]) == -signal.SIGKILL
    assert kept.answer(["poll", pid]) == -signal.SIGKILL


def test_a_signal_to_an_ended_process_does_nothing(kept):
    pid = kept.answer(["start", SLEEPER, f"{kept.folder}/log"])
    kept.answer(["signal", pid, signal.SIGKILL])

    assert kept.answer(["signal", pid, signal.SIGSTOP]) == -signal.SIGKILL
    assert kept.answer(["signal", pid, signal.SIGKILL]) == -signal.SIGKILL


def test_a_stopped_process_is_stopped_at_once_and_can_go_on(kept):
    pid = kept.answer(["start", SLEEPER, f"{kept.folder}/log"])

    for _ in range(2):
        assert kept.answer(["signal", pid, signal.SIGSTOP]) is None
        assert Path(f"/proc/{pid}/stat").read_text().split()[2] == "T"
        assert kept.answer(["signal", pid, signal.SIGCONT]) is None
        assert Path(f"/proc/{pid}/stat").read_text().split()[2] != "T"


def test_requests_are_answered_in_order_and_the_first_word_is_the_folder(kept):
    replies = conversation(kept, [["poll", 1], ["start", ["/nowhere"], f"{kept.folder}/log"], ["dance"]])

    assert replies[0] == {"value": kept.folder}
    assert [reply["error"].partition(":")[0] for reply in replies[1:]] == [
        "KeyError",
        "FileNotFoundError",
        "ValueError",
    ]


def test_the_end_of_the_input_ends_everything(kept):
    pid = kept.answer(["start", SLEEPER, f"{kept.folder}/log"])

    conversation(kept, [])

    assert kept.answer(["poll", pid]) == -signal.SIGKILL
    assert not Path(kept.folder).exists()


def test_a_request_to_stop_ends_everything_and_what_follows_is_not_read(kept):
    assert len(conversation(kept, [["stop"], ["poll", 1]])) == 1
    assert not Path(kept.folder).exists()


def test_the_death_of_the_parent_ends_everything_though_the_input_stays_open(kept):
    assert len(conversation(kept, [["poll", 1]], parent=NOBODY)) == 1
    assert not Path(kept.folder).exists()


def test_a_reader_that_is_gone_ends_everything(kept):
    source, requesting = os.pipe()
    replying, target = os.pipe()
    os.close(replying)

    keeper_main.serve(kept, source=source, target=target, parent=os.getppid())

    assert not Path(kept.folder).exists()
    for descriptor in (source, requesting, target):
        os.close(descriptor)


def test_a_long_silence_is_no_end():
    source, requesting = os.pipe()
    thread = threading.Timer(0.6, os.write, (requesting, b'["late"]\n'))
    thread.start()

    assert next(keeper_main.requests(source, parent=os.getppid())) == ["late"]

    thread.join()
    os.close(requesting)
    os.close(source)


def test_requests_may_arrive_in_pieces():
    source, requesting = os.pipe()
    incoming = keeper_main.requests(source, parent=os.getppid())
    os.write(requesting, b'["a"]\n["b"')
    first = next(incoming)
    os.write(requesting, b"]\n")
    second = next(incoming)
    os.close(requesting)

    assert (first, second, list(incoming)) == (["a"], ["b"], [])
    os.close(source)

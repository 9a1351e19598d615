"""Recording: what is on the file while it goes on, and what becomes of the file that was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb import (
    DuplicateKeyError,
    InvalidObjectIdError,
    MongoError,
    SimulationError,
    SimulationRecorder,
    SimulationReplayer,
)
from llm_devops_mongodb.simulation.cassette import Recording
from tests.stub_transport import cursor, frame
from tests.unit.simulation.recordings import (
    DONE,
    NOTHING,
    cut_off,
    found,
    interactions_of,
    names_in,
    recording,
    replaying,
    text_of,
    things,
)
from tests.unit.test_errors import ONE_OF_EACH


async def test_each_operation_is_on_the_file_when_it_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    async with recording(SimulationRecorder(path), DONE) as client:
        counts: list[int] = []
        for number in range(3):
            await things(client).insert_one({"_id": number})
            counts.append(len(Recording.load(path).interactions))

        assert counts == [1, 2, 3]
        assert not Recording.load(path).is_finished


async def test_a_recording_that_was_not_finished_can_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    client = recording(SimulationRecorder(path), found(n=1))
    await things(client).find_one({"_id": 1})
    # As after SIGKILL in the middle of a line.
    cut_off(path)

    async with replaying(path) as again:
        assert await things(again).find_one({"_id": 1}) == {"n": 1}
    await client.close()


async def test_the_file_of_before_is_there_until_the_new_one_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("before")
    async with recording(SimulationRecorder(path), DONE) as client:
        await things(client).insert_one({})
        assert text_of(tmp_path / "r.jsonl.before") == "before"

    assert len(interactions_of(path)) == 1
    assert names_in(tmp_path) == ["r.jsonl"]


async def test_a_recording_that_is_discarded_gives_the_file_of_before_back(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("before")
    recorder = SimulationRecorder(path)
    client = recording(recorder, DONE)
    await things(client).insert_one({})
    await recorder.discard()
    await client.close()

    assert text_of(path) == "before"
    assert names_in(tmp_path) == ["r.jsonl"]


async def test_two_recordings_to_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    async with recording(SimulationRecorder(path), DONE):
        with pytest.raises(SimulationError, match="under way already"):
            recording(SimulationRecorder(path), DONE)


async def test_a_recording_without_a_file_can_be_saved_at_any_time(tmp_path: Path) -> None:
    recorder = SimulationRecorder()
    async with recording(recorder, DONE) as client:
        await things(client).insert_one({})
        await recorder.save(tmp_path / "one.jsonl")
        await things(client).insert_one({})
    await recorder.save(tmp_path / "two.jsonl")

    assert [len(interactions_of(tmp_path / name)) for name in ("one.jsonl", "two.jsonl")] == [1, 2]
    assert recorder.interactions == 2


async def test_what_a_replay_holds_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    async with recording(SimulationRecorder(path), DONE) as client:
        await things(client).insert_one({})
    await SimulationReplayer.load(path).save(tmp_path / "copy.jsonl")

    assert text_of(tmp_path / "copy.jsonl") == text_of(path)


async def test_errors_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    error = DuplicateKeyError("there already", code=11000, index_name="_id_", labels=["One"], outcome="not_applied")
    async with recording(SimulationRecorder(path), error) as client:
        with pytest.raises(DuplicateKeyError):
            await things(client).insert_one({"_id": 1})

    async with replaying(path) as client:
        with pytest.raises(DuplicateKeyError) as caught:
            await things(client).insert_one({"_id": 1})
    assert vars(caught.value) == vars(error)


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
async def test_an_error_of_any_class_comes_back_with_all_it_tells(tmp_path: Path, error: MongoError) -> None:
    path = tmp_path / "r.jsonl"
    async with recording(SimulationRecorder(path), error) as client:
        with pytest.raises(type(error)):
            await things(client).find_one({})

    async with replaying(path) as client:
        with pytest.raises(type(error)) as caught:
            await things(client).find_one({})
    assert type(caught.value) is type(error)
    assert _told(caught.value) == _told(error)


async def test_an_error_that_holds_what_bson_has_no_value_for_does_not_disturb_the_program(tmp_path: Path) -> None:
    error = InvalidObjectIdError(value=object())
    async with recording(SimulationRecorder(tmp_path / "r.jsonl"), error) as client:
        with pytest.raises(InvalidObjectIdError):
            await things(client).find_one({})


def _told(value: Any) -> Any:
    """Everything an error tells, and the errors in it."""
    if isinstance(value, MongoError):
        return {name: _told(member) for name, member in vars(value).items()}
    if isinstance(value, dict):
        return {name: _told(member) for name, member in value.items()}
    return [_told(member) for member in value] if isinstance(value, tuple) else value


async def test_a_stream_is_recorded_batch_by_batch_as_far_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    answer = cursor(frame({"_id": 1}, {"_id": 2}), frame({"_id": 3}))
    async with recording(SimulationRecorder(path), answer) as client, things(client).find_stream({}) as stream:
        assert await anext(aiter(stream)) == {"_id": 1}

    (interaction,) = interactions_of(path)
    assert [part.end for part in interaction.parts] == [None, "abandoned"]
    assert interaction.parts[0].documents == [{"_id": 1}, {"_id": 2}]


async def test_a_hook_changes_what_is_recorded_or_leaves_it_out(tmp_path: Path) -> None:
    def hook(told: dict[str, Any]) -> dict[str, Any] | None:
        if told["operation"] == "insert_one":
            return None
        told["reply"]["document"]["name"] = "somebody"
        return told

    path = tmp_path / "r.jsonl"
    recorder = SimulationRecorder(path, before_record=hook)
    async with recording(recorder, DONE, found(name="Ada")) as client:
        await things(client).insert_one({"name": "Ada"})
        assert await things(client).find_one({}) == {"name": "Ada"}

    assert [each.reply for each in interactions_of(path)] == [{"kind": "document", "document": {"name": "somebody"}}]


async def test_a_client_that_fails_to_record_closes_what_it_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SimulationError, match="cannot record"):
        recording(SimulationRecorder(tmp_path / "file" / "r.jsonl"), NOTHING)

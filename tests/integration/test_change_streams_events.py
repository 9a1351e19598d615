"""Every kind of event that a replica set tells of, as the server sends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    ChangeStream,
    ChangeStreamOptions,
    Collection,
    Database,
    MongoClient,
    MongoError,
    OperationType,
    TruncatedArray,
)

Things = Collection[dict[str, Any]]

PATIENCE = timedelta(seconds=20)
ONLY_INSERTS = [{"$match": {"operationType": "insert"}}]


@pytest.fixture
async def things(mongo_database: Database) -> Things:
    things = mongo_database.collection("things")
    await things.insert_one({"_id": 1, "n": 1, "gone": True, "tags": ["a", "b", "c"]})
    return things


@pytest.fixture
async def pictured(mongo_database: Database) -> Things:
    """A collection of which the server keeps every document as it was before and after a change."""
    images = {"changeStreamPreAndPostImages": {"enabled": True}}
    await mongo_database.run_command({"create": "pictured", **images})
    pictured = mongo_database.collection("pictured")
    await pictured.insert_one({"_id": 1, "n": 1})
    return pictured


async def one(stream: ChangeStream[Any]) -> Any:
    """Take an event."""
    event = await stream.next(timeout=PATIENCE)
    assert event is not None
    return event


async def kinds(stream: ChangeStream[Any], number: int) -> list[OperationType | str]:
    """Take so many events, and tell of what kind they are."""
    return [(await one(stream)).operation for _ in range(number)]


async def test_what_happens_to_documents(things: Things) -> None:
    async with things.watch() as stream:
        await things.insert_one({"_id": 2})
        await things.update_one({"_id": 2}, {"$set": {"n": 1}})
        await things.replace_one({"_id": 2}, {"n": 2})
        await things.delete_one({"_id": 2})
        inserted, updated, replaced, deleted = [await one(stream) for _ in range(4)]

    assert inserted.operation is OperationType.INSERT
    assert inserted.full_document == {"_id": 2}
    assert updated.operation is OperationType.UPDATE
    assert updated.full_document is None
    assert replaced.operation is OperationType.REPLACE
    assert replaced.full_document == {"_id": 2, "n": 2}
    assert deleted.operation is OperationType.DELETE
    assert deleted.full_document is None
    assert {event.document_key["_id"] for event in (inserted, updated, replaced, deleted)} == {2}


async def test_what_an_update_changes(things: Things) -> None:
    async with things.watch() as stream:
        await things.update_one({"_id": 1}, {"$set": {"n": 2, "deep.er": 3}, "$unset": {"gone": ""}})
        await things.update_one({"_id": 1}, [{"$set": {"tags": {"$slice": ["$tags", 2]}}}])
        changed, shortened = await one(stream), await one(stream)

    assert changed.update_description.updated_fields == {"n": 2, "deep": {"er": 3}}
    assert changed.update_description.removed_fields == ("gone",)
    assert changed.update_description.truncated_arrays == ()
    assert shortened.update_description.truncated_arrays == (TruncatedArray("tags", 2),)
    assert shortened.update_description.updated_fields == {}


async def test_the_document_is_looked_up_as_it_is_now(things: Things) -> None:
    async with things.watch(options=ChangeStreamOptions(full_document="updateLookup")) as stream:
        await things.update_one({"_id": 1}, {"$set": {"n": 2}, "$unset": {"gone": "", "tags": ""}})
        await things.update_one({"_id": 1}, {"$set": {"n": 3}})
        assert (await one(stream)).full_document == {"_id": 1, "n": 3}

        await things.update_one({"_id": 1}, {"$set": {"n": 4}})
        await things.delete_one({"_id": 1})
        assert (await one(stream)).operation is OperationType.UPDATE
        late = await one(stream)

    assert late.operation is OperationType.UPDATE
    assert late.full_document is None
    assert late.update_description.updated_fields == {"n": 4}


@pytest.mark.parametrize("form", ["whenAvailable", "required"])
async def test_the_document_before_and_after_a_change(form: Any, pictured: Things) -> None:
    options = ChangeStreamOptions(full_document=form, full_document_before_change=form)
    async with pictured.watch(options=options) as stream:
        await pictured.update_one({"_id": 1}, {"$set": {"n": 2}})
        await pictured.update_one({"_id": 1}, {"$set": {"n": 3}})
        await pictured.delete_one({"_id": 1})
        first, second, deleted = [await one(stream) for _ in range(3)]

    assert (first.full_document_before_change, first.full_document) == ({"_id": 1, "n": 1}, {"_id": 1, "n": 2})
    assert (second.full_document_before_change, second.full_document) == ({"_id": 1, "n": 2}, {"_id": 1, "n": 3})
    assert deleted.full_document_before_change == {"_id": 1, "n": 3}


async def test_the_document_before_a_change_is_left_out_where_that_is_asked_for(pictured: Things) -> None:
    async with pictured.watch(options=ChangeStreamOptions(full_document_before_change="off")) as stream:
        await pictured.update_one({"_id": 1}, {"$set": {"n": 2}})

        assert (await one(stream)).full_document_before_change is None


async def test_of_a_collection_without_images_there_are_none_available(things: Things) -> None:
    options = ChangeStreamOptions(full_document="whenAvailable", full_document_before_change="whenAvailable")
    async with things.watch(options=options) as stream:
        await things.update_one({"_id": 1}, {"$set": {"n": 2}})
        event = await one(stream)

    assert event.full_document is None
    assert event.full_document_before_change is None
    assert event.error is None


@pytest.mark.parametrize("image", ["full_document", "full_document_before_change"])
async def test_of_a_collection_without_images_required_ones_are_an_error(image: str, things: Things) -> None:
    async with things.watch(options=ChangeStreamOptions(**{image: "required"})) as stream:  # type: ignore[arg-type]
        await things.update_one({"_id": 1}, {"$set": {"n": 2}})
        with pytest.raises(MongoError) as caught:
            await stream.next(timeout=PATIENCE)

    assert caught.value.code == 47
    assert not caught.value.is_timeout
    assert not stream.alive


async def test_what_happens_to_collections_and_indexes(mongo_database: Database) -> None:
    options = ChangeStreamOptions(show_expanded_events=True)
    async with mongo_database.watch(options=options) as stream:
        await mongo_database.run_command({"create": "made"})
        made = mongo_database.collection("made")
        await made.insert_one({"_id": 1})
        await mongo_database.run_command({"createIndexes": "made", "indexes": [{"key": {"n": 1}, "name": "by n"}]})
        await mongo_database.run_command({"collMod": "made", "index": {"name": "by n", "hidden": True}})
        await mongo_database.run_command({"dropIndexes": "made", "index": "by n"})
        await mongo_database.drop_collection("made")
        events = [await one(stream) for _ in range(6)]

    assert [event.operation for event in events] == [
        OperationType.CREATE,
        OperationType.INSERT,
        OperationType.CREATE_INDEXES,
        OperationType.MODIFY,
        OperationType.DROP_INDEXES,
        OperationType.DROP,
    ]
    assert {str(event.namespace) for event in events} == {f"{mongo_database.name}.made"}
    assert events[0].document_key is None
    assert events[2].full_document is None


async def test_without_being_asked_the_server_tells_less(mongo_database: Database) -> None:
    async with mongo_database.watch() as stream:
        await mongo_database.run_command({"create": "made"})
        await mongo_database.drop_collection("made")

        assert await kinds(stream, 1) == [OperationType.DROP]


async def test_a_dropped_collection_ends_its_stream(things: Things, mongo_database: Database) -> None:
    async with things.watch() as stream:
        await mongo_database.drop_collection("things")
        seen = [event.operation async for event in stream]

        assert seen == [OperationType.DROP, OperationType.INVALIDATE]
        assert not stream.alive
        assert await stream.next() is None


async def test_a_renamed_collection_ends_its_stream(
    things: Things, mongo_database: Database, mongo_client: MongoClient
) -> None:
    name = mongo_database.name
    async with things.watch() as stream:
        rename = {"renameCollection": f"{name}.things", "to": f"{name}.goods"}
        await mongo_client.database("admin").run_command(rename)
        renamed, invalidated = [event async for event in stream]

    assert renamed.operation is OperationType.RENAME
    assert str(renamed.namespace) == f"{name}.things"
    assert str(renamed.to_namespace) == f"{name}.goods"
    assert invalidated.operation is OperationType.INVALIDATE
    assert invalidated.namespace is None


async def test_a_dropped_database_ends_its_stream(mongo_client: MongoClient, mongo_database: Database) -> None:
    await mongo_database.collection("things").insert_one({"_id": 1})
    ours = [{"$match": {"ns.db": mongo_database.name}}]
    async with mongo_database.watch() as stream, mongo_client.watch(ours) as wider:
        await mongo_database.run_command({"dropDatabase": 1})
        events = [event async for event in stream]

        assert [event.operation for event in events] == ["drop", "dropDatabase", "invalidate"]
        assert str(events[1].namespace).rstrip(".") == mongo_database.name
        assert await kinds(wider, 2) == ["drop", "dropDatabase"]
        assert wider.alive


async def test_a_stream_goes_on_after_its_collection_was_dropped(things: Things, mongo_database: Database) -> None:
    async with things.watch() as stream:
        await mongo_database.drop_collection("things")
        await things.insert_one({"_id": "anew"})
        assert [event.operation async for event in stream] == ["drop", "invalidate"]
        token = stream.resume_token

        await stream.resume()

        assert stream.alive
        assert (await one(stream)).document_key == {"_id": "anew"}
    async with things.watch(options=ChangeStreamOptions(start_after=token)) as again:
        assert (await one(again)).document_key == {"_id": "anew"}


@pytest.mark.parametrize("how", ["drop", "rename", "dropDatabase"])
async def test_a_stream_whose_pipeline_leaves_the_invalidation_out_ends_too(
    how: str, things: Things, mongo_database: Database, mongo_client: MongoClient
) -> None:
    name = mongo_database.name
    async with things.watch(ONLY_INSERTS) as stream:
        await things.insert_one({"_id": 2})
        match how:
            case "drop":
                await mongo_database.drop_collection("things")
            case "rename":
                rename = {"renameCollection": f"{name}.things", "to": f"{name}.goods"}
                await mongo_client.database("admin").run_command(rename)
            case _:
                await mongo_database.run_command({"dropDatabase": 1})
        await things.insert_one({"_id": "anew"})

        seen = [event.document_key async for event in stream]

        assert seen == [{"_id": 2}]
        assert not stream.alive
        assert stream.resumes == 0
        await stream.resume()
        assert (await one(stream)).document_key == {"_id": "anew"}

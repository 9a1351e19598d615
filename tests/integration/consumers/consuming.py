"""Consumers as most tests want them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from llm_devops_mongodb import ChangeStreamOptions, Collection, Database
from llm_devops_mongodb.consumers import ChangeStreamConsumer
from tests.integration.consumers.diary import Diary, running

Things = Collection[dict[str, Any]]

QUICK = ChangeStreamOptions(max_await_time=timedelta(milliseconds=50))
OFTEN = timedelta(milliseconds=50)
SELDOM = timedelta(hours=1)


def consumer_of(things: Collection[Any] | Database, diary: Diary, **settings: Any) -> ChangeStreamConsumer:
    """A consumer that writes into a diary, and asks the server often."""
    defaults = {"name": "clerk", "options": QUICK, "event_listeners": [diary.listen]}
    usual = diary.handle_once if settings.get("delivery") == "exactly_once" else diary.handle
    return ChangeStreamConsumer(things, settings.pop("handler", usual), **{**defaults, **settings})


async def handled(things: Things, *ids: int, **settings: Any) -> list[Any]:
    """Insert documents while a consumer runs, and tell which of those and of former ones it handled."""
    diary = Diary()
    async with running(consumer_of(things, diary, **settings)):
        await diary.until_told("started")
        await things.insert_many([{"_id": number} for number in ids])
        await diary.until(lambda: diary.ids[-1:] == [ids[-1]])
    return diary.ids

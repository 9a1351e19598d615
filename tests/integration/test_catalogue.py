"""The catalogue of language-model prices: rich documents, there and back, and the demo that works on them."""

from __future__ import annotations

import os
import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128
from examples.demo.catalogue import Catalogue, FromDate, Model, Provider, TieredPrice
from examples.demo.cheapest import WINDOWS, Cheapest, Shelf, cheapest_models
from examples.demo.sources import catalogue

from llm_devops_mongodb import (
    AggregateOptions,
    Collection,
    Database,
    DeserializationError,
    FindOptions,
    MongoClient,
    UpdateOptions,
)
from llm_devops_mongodb.testing.connections import database_name

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Loaded:
    made: Catalogue
    models: Collection[Model]
    providers: Collection[Provider]


@pytest.fixture(scope="module")
async def loaded(mongo_server: Any) -> AsyncIterator[Loaded]:
    """The whole catalogue, loaded once; the tests only read it."""
    async with MongoClient.connect(mongo_server.uri) as client:
        database = client.database(database_name("catalogue"))
        stored = Loaded(catalogue(), database.collection("models", Model), database.collection("providers", Provider))
        await stored.models.insert_many(stored.made.models)
        await stored.providers.insert_many(stored.made.providers)
        yield stored
        await database.run_command({"dropDatabase": 1})


async def test_the_catalogue_is_the_one_that_is_promised(loaded: Loaded) -> None:
    assert (len(loaded.made.providers), len(loaded.made.models)) == (47, 2330)
    assert await loaded.providers.count_documents() == 47
    assert await loaded.models.count_documents() == 2330


async def test_every_model_streams_back_equal(loaded: Loaded) -> None:
    back = {model.id: model async for model in loaded.models.find_stream()}

    assert back == {model.id: model for model in loaded.made.models}


async def test_every_provider_is_found_equal(loaded: Loaded) -> None:
    back = await loaded.providers.find(None, FindOptions(sort="_id"))

    assert back == sorted(loaded.made.providers, key=lambda provider: provider.id)


async def test_prices_keep_every_digit(loaded: Loaded) -> None:
    def written(models: list[Model]) -> list[str]:
        return [str(price) for model in models for price in model.prices[0].prices.values()]

    back = await loaded.models.find(None, FindOptions(sort="_id"))

    # Equal decimals may differ in their digits: 1.0 is 1.
    assert written(back) == written(sorted(loaded.made.models, key=lambda model: model.id))


async def test_prices_are_numbers_to_the_server(loaded: Loaded) -> None:
    raw = await loaded.models.with_type(dict).find_one({"_id": "anthropic/claude-2"})

    assert raw is not None
    assert raw["prices"] == [
        {"prices": {"input_mtok": Decimal128("8"), "output_mtok": Decimal128("24")}, "constraint": None}
    ]


async def test_each_member_of_a_union_is_read_as_itself(loaded: Loaded) -> None:
    sonnet = await loaded.models.find_one({"_id": "anthropic/claude-sonnet-4-6"})
    o3 = await loaded.models.find_one({"_id": "openai/o3"})

    assert sonnet is not None
    assert o3 is not None
    assert isinstance(sonnet.prices[0].prices["input_mtok"], TieredPrice)
    assert isinstance(o3.prices[0].prices["input_mtok"], Decimal)
    assert o3.prices[1].constraint == FromDate(date(2025, 6, 10))


async def test_a_tag_is_found_however_deep_it_is(loaded: Loaded) -> None:
    found = await loaded.providers.find({"usage_reports.fields.path.match.kind": "equals"}, FindOptions(sort="_id"))

    assert "google" in [provider.id for provider in found]


async def test_the_cheapest_models_come_as_structs(loaded: Loaded) -> None:
    day = AggregateOptions(let={"day": datetime(2026, 11, 1, tzinfo=UTC)})

    rows = await loaded.models.aggregate(cheapest_models(["anthropic", "openai"]), day, Cheapest)

    assert rows[0] == Cheapest(
        shelf=Shelf("anthropic", 200_000),
        ref="claude-3-haiku",
        input_price=Decimal("0.25"),
        output_price=Decimal("1.25"),
        choices=13,
    )
    assert {row.shelf.provider for row in rows} == {"anthropic", "openai"}


async def test_the_server_and_python_agree_on_the_cheapest(loaded: Loaded) -> None:
    today = date(2026, 11, 1)
    cheapest: dict[Shelf, Decimal] = {}
    for model in loaded.made.models:
        if model.deprecated or (model.context_window or 0) < min(WINDOWS):
            continue
        lists = [
            each
            for each in model.prices
            if each.constraint is None
            or (isinstance(each.constraint, FromDate) and each.constraint.start_date <= today)
        ]
        price = lists[-1].prices.get("input_mtok", Decimal(0))
        price = price.base if isinstance(price, TieredPrice) else price
        if price > 0:
            shelf = Shelf(model.provider, max(size for size in WINDOWS if size <= (model.context_window or 0)))
            cheapest[shelf] = min(price, cheapest.get(shelf, price))
    providers = [provider.id for provider in loaded.made.providers]
    day = AggregateOptions(let={"day": datetime(2026, 11, 1, tzinfo=UTC)})

    rows = await loaded.models.aggregate(cheapest_models(providers), day, Cheapest)

    assert {row.shelf: row.input_price for row in rows} == cheapest


async def test_prices_change_exactly_in_every_model(loaded: Loaded, mongo_database: Database) -> None:
    models = mongo_database.collection("models", Model)
    mistral = [model for model in loaded.made.models if model.provider == "mistral"]
    await models.insert_many(mistral)
    plain = UpdateOptions(array_filters=[{"list.prices.input_mtok": {"$type": "decimal"}}])

    await models.update_many({}, {"$mul": {"prices.$[list].prices.input_mtok": Decimal("1.1")}}, plain)

    before = {model.id: model.prices[0].prices.get("input_mtok") for model in mistral}
    async for model in models.find_stream():
        price = before[model.id]
        assert model.prices[0].prices.get("input_mtok") == (
            price * Decimal("1.1") if isinstance(price, Decimal) else price
        )


async def test_a_model_that_does_not_fit_is_told_by_path_and_no_other_is_lost(
    loaded: Loaded, mongo_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    models = mongo_database.collection("models", Model)
    await models.insert_many(loaded.made.models[:300])
    third = loaded.made.models[2].id
    await models.with_type(dict).update_one({"_id": third}, {"$set": {"prices.0.prices.input_mtok": "secret"}})

    with pytest.raises(DeserializationError) as caught:
        await models.find()
    found = await models.find(on_error="skip")
    streamed = [model async for model in models.find_stream(on_error="skip")]

    assert caught.value.document_id == third
    assert caught.value.path == "prices.0.prices.input_mtok"
    assert found == streamed == [model for model in loaded.made.models[:300] if model.id != third]
    assert "prices.0.prices.input_mtok" in caplog.text
    assert "secret" not in caplog.text + str(caught.value)


async def test_a_tag_that_nobody_knows_is_told_by_path(loaded: Loaded, mongo_database: Database) -> None:
    providers = mongo_database.collection("providers", Provider)
    await providers.insert_many(loaded.made.providers)
    await providers.with_type(dict).update_one(
        {"_id": "google"}, {"$set": {"provider_match.rules.1.kind": "sounds_like"}}
    )

    with pytest.raises(DeserializationError) as caught:
        await providers.find()

    assert caught.value.path.startswith("provider_match.rules.1")


async def demo(*arguments: str) -> tuple[int | None, str]:
    process = await create_subprocess_exec(
        sys.executable,
        *("-m", "examples.demo", *arguments),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        stdout=PIPE,
        stderr=STDOUT,
    )
    shown, _ = await process.communicate()
    return process.returncode, shown.decode()


async def test_the_demo_shows_every_result_and_leaves_nothing_behind(
    mongo_server: Any, mongo_client: MongoClient
) -> None:
    status, shown = await demo("--mongodb-uri", mongo_server.uri)

    databases = await mongo_client.database("admin").run_command({"listDatabases": 1, "nameOnly": True})
    assert status == 0, shown
    assert "47 providers and 2,330 models inserted" in shown
    assert "2,330 of 2,330 equal" in shown
    assert "claude-3-haiku" in shown
    assert "acme/typo: prices.1.prices.input_mtok; 2,331 others" in shown
    assert "healthy" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert not [each for each in databases["databases"] if each["name"].startswith("demo_")]


async def test_the_demo_starts_a_server_of_its_own() -> None:
    status, shown = await demo()

    assert status == 0, shown
    assert shown.splitlines()[-1].startswith("Every step held, in ")
    assert "16 steps from" in shown
    assert "the same output" in shown


async def test_the_demo_fails_aloud_without_a_server() -> None:
    status, shown = await demo("--mongodb-uri", "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=300")

    assert status == 1
    assert "ServerSelectionError" in shown
    assert "Traceback" not in shown

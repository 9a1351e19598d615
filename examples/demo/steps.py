"""The steps of the demo: each does one thing with the library, and says what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from examples.demo.catalogue import Model, PriceList, Provider, Words
from examples.demo.cheapest import Cheapest, cheapest_models
from examples.demo.journal import journal_kept
from examples.demo.show import Shown, cheapest_table, count_table, health_table, model_table
from llm_devops_mongodb import (
    AggregateOptions,
    DeserializationError,
    FilterBuilder,
    FindOneAndUpdateOptions,
    FindOptions,
    UpdateBuilder,
    f,
    some,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from examples.demo.catalogue import Catalogue
    from llm_devops_mongodb import Collection, Database, MongoClient
    from llm_devops_mongodb.options import Document

_SHOPS: Final = ("anthropic", "deepseek", "google", "mistral", "openai", "x-ai")

_CHANGES: Final = 90
_KILLS: Final = 2

_OURS: Final = Model(
    id="acme/parrot-1",
    provider="acme",
    ref="parrot-1",
    match=Words("starts_with", "parrot-1"),
    context_window=64_000,
    prices=(PriceList({"input_mtok": Decimal("0.40"), "output_mtok": Decimal("1.20")}),),
)


class UnexpectedError(Exception):
    """A step found something else than it should."""


@dataclass(frozen=True, slots=True)
class Market:
    """Where the steps work.

    Attributes:
        client: Connected to the deployment.
        database: The demo's own.
        catalogue: What is loaded into it.
        uri: The deployment, for other processes.
    """

    client: MongoClient
    database: Database
    catalogue: Catalogue
    uri: str

    @property
    def models(self) -> Collection[Model]:
        """The models, as dataclasses."""
        return self.database.collection("models", Model)

    @property
    def providers(self) -> Collection[Provider]:
        """The providers, as pydantic models."""
        return self.database.collection("providers", Provider)


async def load(market: Market) -> Shown:
    """Insert both lists of documents, each in one call."""
    providers = await market.providers.insert_many(market.catalogue.providers)
    models = await market.models.insert_many(market.catalogue.models)
    return Shown(f"{providers.count} providers and {models.count:,} models inserted")


async def stream(market: Market) -> Shown:
    """Read every document back and compare it with the one that was stored."""
    providers = {each.id: each async for each in market.providers.find_stream()}
    models = {each.id: each async for each in market.models.find_stream()}
    equal_providers = sum(providers.get(each.id) == each for each in market.catalogue.providers)
    equal_models = sum(models.get(each.id) == each for each in market.catalogue.models)
    expect("providers read back equal", equal_providers, len(market.catalogue.providers))
    expect("models read back equal", equal_models, len(market.catalogue.models))
    return Shown(
        f"models {equal_models:,} of {len(models):,} equal, providers {equal_providers} of {len(providers)} equal"
    )


async def find(market: Market) -> Shown:
    """Find documents by a filter, sorted and limited by the server."""
    tiered = {"provider": "google", "prices.prices.input_mtok.tiers": {"$exists": True}}
    found = await market.models.find(tiered, FindOptions(sort={"context_window": -1, "ref": 1}, limit=5))
    expect("models of Google with tiers", len(found), 5)
    return Shown("five Google models, dearer for long prompts (+)", model_table(found))


async def query(market: Market) -> Shown:
    """Ask the same by builders, whose fields a type checker knows: one that `Model` lacks does not pass."""
    window = f(Model, lambda model: some(model.context_window))
    large = FilterBuilder().eq(f(Model, lambda model: model.provider), "google").gte(window, 1_000_000)
    found = await market.models.query().filter(large).sort(window, -1).limit(3).execute()
    expect("large models of Google", len(found), 3)
    return Shown("three Google models with room for a million tokens", model_table(found))


async def pages(market: Market) -> Shown:
    """Go through the catalogue page by page, each by where the one before it ended."""
    order = {"context_window": -1, "provider": 1}
    page = await market.models.find_page({}, sort=order, limit=500)
    seen = [model.id for model in page.items]
    count = 1
    while page.next_cursor is not None:
        page = await market.models.find_page({}, sort=order, limit=500, after=page.next_cursor)
        seen += [model.id for model in page.items]
        count += 1
    expect("models on all pages", len(set(seen)), len(market.catalogue.models))
    expect("models seen twice", len(seen) - len(set(seen)), 0)
    return Shown(f"{len(seen):,} models on {count} pages, each once, though many share a context window")


async def explain(market: Market) -> Shown:
    """Let the server explain a query, do what is recommended, and let it explain again."""
    asked = FilterBuilder().eq("provider", "openai").gte("context_window", 100_000)
    options = FindOptions(sort={"ref": 1})
    before = await market.models.explain(asked, options)
    if before.suggested_index is None:
        raise UnexpectedError("no index was recommended for a scan of the collection")
    name = await market.models.create_index(before.suggested_index)
    after = await market.models.explain(asked, options)
    expect("index used", after.index_name, name)
    return Shown(
        f"{before.documents_examined:,} documents read for {before.documents_returned} results; "
        f"with the recommended index {name}: {after.documents_examined:,}"
    )


async def count(market: Market) -> Shown:
    """Count what matches filters into nested documents and arrays."""
    filters: dict[str, Document] = {
        "in the catalogue": {},
        "with a context window of a million tokens": {"context_window": {"$gte": 1_000_000}},
        "with prices that rise with the prompt": {"prices.prices.input_mtok.tiers": {"$exists": True}},
        "with prices that change on a day": {"prices.constraint.start_date": {"$exists": True}},
        "with prices that change within the day": {"prices.constraint.start_time": {"$exists": True}},
        "with other prices for batches": {"variants.when.processing": "batch"},
    }
    counts = {what: await market.models.count_documents(each) for what, each in filters.items()}
    expect("models", counts["in the catalogue"], len(market.catalogue.models))
    return Shown("six filters into nested documents and arrays", count_table(counts))


async def distinct(market: Market) -> Shown:
    """List the distinct values of a field, with the type they have."""
    providers = await market.models.distinct("provider", {}, str)
    windows = await market.models.distinct("context_window", {"context_window": {"$ne": None}}, int)
    expect("providers of models", len(providers), len(market.catalogue.providers))
    return Shown(f"{len(providers)} providers; {len(windows)} context windows, {max(windows):,} at most")


async def aggregate(market: Market) -> Shown:
    """Let the server find the cheapest models, and read its rows as a struct."""
    today = AggregateOptions(let={"day": datetime.now(UTC)})
    rows = await market.models.aggregate(cheapest_models(_SHOPS), today, Cheapest)
    expect("providers with a cheapest model", len({row.shelf.provider for row in rows}), len(_SHOPS))
    return Shown("cheapest input today, by provider and context window", cheapest_table(rows))


async def update(market: Market) -> Shown:
    """Change many documents at once."""
    old = {"provider": "openai", "ref": {"$regex": "^gpt-3"}}
    result = await market.models.update_many(old, {"$set": {"deprecated": True}})
    deprecated = await market.models.count_documents({**old, "deprecated": True})
    expect("deprecated models", deprecated, result.matched_count)
    return Shown(f"{result.matched_count} GPT-3 models matched, {result.modified_count} marked as deprecated")


async def bulk_write(market: Market) -> Shown:
    """Send several kinds of writes at once."""
    result = await (
        market.models.bulk_write()
        .insert(replace(_OURS, id="acme/draft", ref="draft"))
        .update_one({"_id": "acme/draft"}, UpdateBuilder().set("name", "Draft").unset("match"))
        .update_many({"provider": "x-ai"}, UpdateBuilder().set("checked", True))  # noqa: FBT003 - a value
        .delete_one({"_id": "acme/draft"})
        .execute()
    )
    expect("inserted and deleted", (result.inserted_count, result.deleted_count), (1, 1))
    return Shown(f"1 model inserted, {result.modified_count} changed, {result.deleted_count} deleted, in one call")


async def upsert(market: Market) -> Shown:
    """Store a document whether it is there or not: inserted the first time, changed the second."""
    mine = {"_id": _OURS.id}
    first = await market.models.upsert(mine, _OURS)
    second = await market.models.upsert(mine, replace(_OURS, context_window=128_000))
    expect("id of the inserted model", first.upserted_id, _OURS.id)
    expect("models changed", second.modified_count, 1)
    return Shown(f"{first.upserted_id} inserted, then changed")


async def find_and_update(market: Market) -> Shown:
    """Change a document and get it as it is after the change, in one step that nobody comes between."""
    cut = {"$mul": {"prices.0.prices.input_mtok": Decimal("0.9")}}
    after = await market.models.find_one_and_update(
        {"_id": _OURS.id}, cut, FindOneAndUpdateOptions(return_document="after")
    )
    price = after.prices[0].prices["input_mtok"] if after else None
    expect("the new price", price, Decimal("0.36"))
    return Shown(f"{_OURS.id} a tenth cheaper: exactly ${price}")


async def misfit(market: Market) -> Shown:
    """Meet a document that is not a `Model`: it is told by its path, and every other one is read."""
    untyped = market.models.with_type(dict)
    prices = [{"prices": {"input_mtok": Decimal(3)}}, {"prices": {"input_mtok": "three dollars"}}]
    rule = {"kind": "equals", "text": "typo"}
    await untyped.insert_one({"_id": "acme/typo", "provider": "acme", "ref": "typo", "match": rule, "prices": prices})
    error = await _refusal(market)
    read = await market.models.find(on_error="skip")
    removed = await market.models.delete_one({"_id": error.document_id})
    expect("models read around it", len(read), len(market.catalogue.models) + 1)
    expect("misfits deleted", removed.deleted_count, 1)
    return Shown(f"{error.document_id}: {error.path}; {len(read):,} others fit")


async def journal(market: Market) -> Shown:
    """Have a process of its own note every change, kill it half way, twice, and see it carry on."""
    ids = [model.id for model in market.catalogue.models[:_CHANGES]]
    account = await journal_kept(market.database, market.uri, ids, kills=_KILLS)
    expect("changes noted", account.noted, account.changes)
    expect("models in the journal", account.models, account.changes)
    return Shown(
        f"{account.changes} changes, the consumer killed {_KILLS} times: {account.noted} lines by "
        f"{account.processes} processes, each change once"
    )


async def delete(market: Market) -> Shown:
    """Delete what the demo added, and what it marked."""
    one = await market.models.delete_one({"_id": _OURS.id})
    many = await market.models.delete_many({"deprecated": True})
    left = await market.models.count_documents()
    expect("models left", left, len(market.catalogue.models) + 1 - one.deleted_count - many.deleted_count)
    return Shown(f"{_OURS.id} and {many.deleted_count} deprecated models; {left:,} left")


async def check_health(market: Market) -> Shown:
    """Ask how the deployment answers now."""
    status = await market.client.health_check()
    if not status.healthy:
        raise UnexpectedError(f"the deployment is not healthy: {status.error}")
    return Shown("healthy", health_table(status))


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and what it is called.

    Attributes:
        title: What it is called.
        run: Does it.
        is_replayable: Whether it is the work of this process alone, which its recording is of.
    """

    title: str
    run: Callable[[Market], Awaitable[Shown]]
    is_replayable: bool = True


STEPS: Final = (
    Step("Insert", load),
    Step("Stream", stream),
    Step("Find", find),
    Step("Query", query),
    Step("Count", count),
    Step("Distinct", distinct),
    Step("Aggregate", aggregate),
    Step("Pages", pages),
    Step("Explain", explain),
    Step("Update", update),
    Step("Bulk write", bulk_write),
    Step("Upsert", upsert),
    Step("Find and update", find_and_update),
    Step("Misfit", misfit),
    Step("Consume", journal, is_replayable=False),
    Step("Delete", delete),
    Step("Health", check_health),
)


async def _refusal(market: Market) -> DeserializationError:
    try:
        await market.models.find()
    except DeserializationError as error:
        return error
    raise UnexpectedError("a document that is no model was read as one")


def expect(what: str, found: object, wanted: object) -> None:
    """Refuse what is not as it should be."""
    if found != wanted:
        raise UnexpectedError(f"{what}: expected {wanted}, found {found}")

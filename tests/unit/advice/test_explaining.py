"""What `explain` asks of its transport, and what it makes of the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bson
import pytest

from llm_devops_mongodb import (
    AggregateOptions,
    Collection,
    FindOptions,
    MongoClient,
    MongoConfig,
    Namespace,
    QueryError,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.replies import DocumentReply, DocumentsReply
from tests.stub_transport import Answer, StubTransport

PLANNER = {"namespace": "app.people", "winningPlan": {"stage": "COLLSCAN"}, "rejectedPlans": []}
PLAN = DocumentReply(bson.encode({"queryPlanner": PLANNER}))
INDEXES = DocumentsReply((bson.encode({"key": {"a": 1}, "name": "a_1", "hidden": True}),))
SENT = {"find": "people", "filter": {"a": 1}}


@dataclass(frozen=True)
class Built:
    """A builder, as far as `explain` is concerned."""

    plain: Any

    def build(self) -> Any:
        return self.plain


def people_on(*answers: Answer) -> tuple[StubTransport, Collection[dict[str, Any]]]:
    transport = StubTransport(*answers)
    client = MongoClient(MongoConfig(uri="mongodb://localhost"), transport)
    return transport, client.collection("app", "people")


async def test_the_plan_and_the_indexes_are_asked_for() -> None:
    transport, people = people_on(PLAN, INDEXES)

    analysis = await people.explain({"a": 1}, verbosity="queryPlanner")

    explain, indexes = transport.operations
    assert isinstance(explain, op.Explain)
    assert (explain.namespace, explain.verbosity) == (Namespace("app", ""), "queryPlanner")
    assert bson.decode(explain.command) == SENT
    assert isinstance(indexes, op.ListIndexes)
    assert [finding.kind for finding in analysis.findings] == ["collection_scan", "index_not_used"]


@pytest.mark.parametrize("code", [13, 166])
async def test_indexes_that_cannot_be_listed_are_done_without(code: int) -> None:
    _, people = people_on(PLAN, QueryError("refused", code=code))
    assert (await people.explain({"a": 1})).suggested_index == {"a": 1}


async def test_any_other_refusal_is_an_error() -> None:
    _, people = people_on(PLAN, QueryError("refused", code=8))
    with pytest.raises(QueryError, match="refused"):
        await people.explain({"a": 1})


@pytest.mark.parametrize(
    ("query", "options", "command"),
    [
        (None, None, {"find": "people", "filter": {}}),
        (Built({"a": 1}), FindOptions(sort="a"), {**SENT, "sort": {"a": 1}}),
        ({"a": 1}, FindOptions(hint=["a", ("b", -1)]), {**SENT, "hint": {"a": 1, "b": -1}}),
        (
            {"a": 1},
            FindOptions(sort={"a": -1}, projection={"a": 0}),
            {**SENT, "projection": {"a": 0}, "sort": {"a": -1}},
        ),
        (Built([{"$limit": 1}]), None, {"aggregate": "people", "pipeline": [{"$limit": 1}], "cursor": {}}),
        (({"$limit": 1}, {"$out": "x"}), None, {"aggregate": "people", "pipeline": [{"$limit": 1}], "cursor": {}}),
        ([], AggregateOptions(hint="a_1"), {"aggregate": "people", "pipeline": [], "cursor": {}, "hint": "a_1"}),
    ],
)
async def test_the_command_is_the_one_that_the_query_would_be(query: Any, options: Any, command: Any) -> None:
    transport, people = people_on(PLAN, INDEXES)
    await people.explain(query, options)
    sent = bson.decode(transport.operations[0].command)
    assert list(sent.items()) == list(command.items())

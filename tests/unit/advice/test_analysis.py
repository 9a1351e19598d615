"""What is found in plans that are handed in."""

from __future__ import annotations

from typing import Any

import pytest

from llm_devops_mongodb.advice import analyse
from llm_devops_mongodb.results import QueryAnalysis

BY_NAME = {"stage": "IXSCAN", "indexName": "name_1", "keyPattern": {"name": 1}, "nReturned": 5, "keysExamined": 5}


def ran(stages: dict[str, Any], returned: int = 5, examined: int = 5) -> dict[str, Any]:
    stats = {"nReturned": returned, "totalDocsExamined": examined, "executionTimeMillis": 4, "executionStages": stages}
    return {"queryPlanner": {"namespace": "x.c", "winningPlan": {}, "rejectedPlans": []}, "executionStats": stats}


def fetched(index: dict[str, Any]) -> dict[str, Any]:
    return {"stage": "FETCH", "nReturned": 5, "docsExamined": 5, "inputStage": index}


def scanned(examined: int, returned: int) -> dict[str, Any]:
    return ran({"stage": "COLLSCAN", "nReturned": returned, "docsExamined": examined}, returned, examined)


def kinds(analysis: QueryAnalysis) -> list[str]:
    return [finding.kind for finding in analysis.findings]


def test_the_six_first_fields_are_those_that_every_analysis_has() -> None:
    analysis = QueryAnalysis(*(True, "a_1", 10, 4, 3, ("text",)))
    assert (analysis.uses_index, analysis.index_name, analysis.execution_time_ms) == (True, "a_1", 3)
    assert analysis.scan_ratio == 2.5
    assert QueryAnalysis(*(True, None, 7, 0, 0)).scan_ratio == 7


@pytest.mark.parametrize(("examined", "is_poor"), [(50, False), (51, True)])
def test_ten_documents_for_each_result_are_the_limit(examined: int, is_poor: bool) -> None:
    analysis = analyse(scanned(examined, 5), command={"find": "c", "filter": {"a": 1}})
    assert analysis.recommendations[0].startswith("Collection scan detected: ") == is_poor
    assert kinds(analysis)[0] == "collection_scan"


def test_the_command_is_taken_from_the_explanation() -> None:
    explained = {**scanned(1000, 1), "command": {"count": "c", "query": {"a": 1}, "skip": 2000}}
    analysis = analyse(explained)
    assert analysis.suggested_index == {"a": 1}
    assert "large_skip" in kinds(analysis)


def test_a_filter_that_is_not_known_is_still_a_scan() -> None:
    assert kinds(analyse(scanned(1000, 1))) == ["collection_scan"]
    assert kinds(analyse(scanned(1000, 1000))) == []


def test_what_a_pipeline_makes_of_documents_is_no_measure_of_the_read() -> None:
    stages = [{"$cursor": scanned(100, 90), "nReturned": 90}, {"$group": {"_id": None}, "nReturned": 1}]
    command = {"aggregate": "c", "pipeline": [{"$match": {"a": 1}}, {"$group": {"_id": None}}]}
    (text, _) = analyse({"stages": stages}, command=command).recommendations
    assert text == "Collection scan: examined 100 documents for 90 results."


@pytest.mark.parametrize(
    "stages",
    [
        [{"$match": {"a": 1}}, {"$sort": {"b": 1}}, {"$limit": 5}, {"$match": {"c": 1}}],
        [{"$sort": {"b": 1}}, {"$match": {"a": 1}}, {"$sort": {"d": 1}}],
        [{"$match": {"a": 1}}, {"$sort": {"b": 1}}, {"$group": {"_id": "$a"}}, {"$match": {"c": 1}}],
        [{"$match": {"a": 1}}, {"$sort": {"b": 1}}, {}, {"$match": {"c": 1}}],
    ],
)
def test_only_what_stands_before_new_documents_asks_the_collection(stages: list[Any]) -> None:
    command = {"aggregate": "c", "pipeline": stages}
    assert analyse(scanned(100, 1), command=command).suggested_index == {"a": 1, "b": 1}


@pytest.mark.parametrize("hint", ["$natural", {"$natural": -1}])
def test_documents_wanted_as_they_are_stored_need_no_index(hint: Any) -> None:
    indexes = [{"key": {"b": 1}, "name": "b_1"}]
    analysis = analyse(scanned(100, 1), command={"find": "c", "filter": {"a": 1}, "hint": hint}, indexes=indexes)
    assert analysis.suggested_index is None
    assert kinds(analysis) == ["collection_scan"]


@pytest.mark.parametrize("hint", ["name_1", {"name": 1}])
def test_a_hint_at_the_only_index_is_not_poor(hint: Any) -> None:
    index = {**BY_NAME, "keysExamined": 500}
    indexes = [{"key": {"_id": 1}, "name": "_id_"}, {"key": {"name": 1}, "name": "name_1"}]
    command = {"find": "c", "filter": {"name": {"$gt": "a"}}, "hint": hint}
    assert "poor_hint" not in kinds(analyse(ran(fetched(index)), command=command, indexes=indexes))


@pytest.mark.parametrize(
    "command",
    [
        {"filter": {"name": 1}},
        {"filter": {"name": 1}, "projection": {"name": 0}},
        {"filter": {"name": 1}, "projection": {"_id": 1}},
        {"filter": {"name": 1}, "projection": {"name": "$other", "_id": 0}},
        {"filter": {"name": 1}, "projection": {"name": {"$slice": 1}, "_id": 0}},
        {"filter": {"name": None}, "projection": {"name": 1}},
        {"filter": {"name": 1, "$or": [{"a": {"$size": 1}}, {"b": 1}]}, "projection": {"name": 1}},
        {"filter": {"name": 1, "$where": "true"}, "projection": {"name": 1}},
        {"filter": {"name": 1}, "projection": {"name": 1, "a": 1}},
        {"filter": {"name": 1}, "projection": {"a": 1, "b": 1, "c": 1, "_id": 0}},
    ],
)
def test_a_query_far_from_covered_is_not_said_to_be_near(command: Any) -> None:
    assert "nearly_covered" not in kinds(analyse(ran(fetched(BY_NAME)), command={"find": "c", **command}))


def test_no_other_index_than_an_ordered_one_is_said_to_cover() -> None:
    command = {"find": "c", "filter": {"name": 1}, "projection": {"name": 1}}
    for pattern in ({"name": "hashed"}, {"_id": 1}):
        index = {**BY_NAME, "keyPattern": pattern}
        assert analyse(ran(fetched(index)), command=command).findings == ()


def test_the_fields_of_a_choice_belong_to_what_an_index_must_hold() -> None:
    choice = {"name": 1, "$or": [{"a": 1}, {"b": 1}]}
    command = {"find": "c", "filter": choice, "projection": {"name": 1, "_id": 0}}
    (finding,) = analyse(ran(fetched(BY_NAME)), command=command).findings
    assert (finding.kind, finding.index) == ("nearly_covered", {"name": 1, "a": 1, "b": 1})


def test_an_index_whose_fields_the_plan_leaves_out_is_known_by_its_name() -> None:
    index = {"stage": "EXPRESS_IXSCAN", "indexName": "name_1", "keyPattern": "{ name: 1 }"}
    command = {"find": "c", "filter": {"name": {"$ne": 1}}}
    indexes = [{"key": {"name": 1}, "name": "name_1"}]
    assert kinds(analyse(ran(index), command=command, indexes=indexes)) == ["negation"]
    assert kinds(analyse(ran(index), command=command)) == []


@pytest.mark.parametrize(
    ("lookup", "name", "index"),
    [
        ({"from": "o", "foreignField": "b"}, "o", {"b": 1}),
        ({"from": {"db": "y", "coll": "o"}, "pipeline": [{"$match": {"b": 1}}]}, "o", {"b": 1}),
        ({"from": "o", "pipeline": [{"$limit": 1}]}, "o", None),
        ({"from": "o", "pipeline": []}, "o", None),
    ],
)
def test_a_join_names_its_collection_and_the_index_it_lacks(lookup: Any, name: str, index: Any) -> None:
    stage = {"$lookup": lookup, "collectionScans": 1, "totalDocsExamined": 50, "nReturned": 5}
    analysis = analyse({"stages": [{"$cursor": ran(fetched(BY_NAME))}, stage]})
    (finding,) = analysis.findings
    assert (finding.kind, finding.index) == ("lookup_without_index", index)
    assert f"the whole of '{name}'" in finding.message
    assert ("create_index" in finding.message) == (index is not None)
    assert analysis.documents_examined == 55


def test_a_simple_collation_is_none() -> None:
    index = {"key": {"a": 1}, "name": "a_1", "collation": {"locale": "en", "strength": 3}}
    simple = {"find": "c", "filter": {"a": "text"}, "collation": {"locale": "simple"}}
    same = {"find": "c", "filter": {"a": "text"}, "collation": {"locale": "en"}}
    assert "index_not_used" in kinds(analyse(scanned(100, 1), command=simple, indexes=[index]))
    assert "index_not_used" not in kinds(analyse(scanned(100, 1), command=same, indexes=[index]))


def test_values_that_hold_texts_are_compared_by_a_collation() -> None:
    index = {"key": {"a": 1}, "name": "a_1", "collation": {"locale": "en"}}
    for value in ({"b": "text"}, ["text"], {"$in": [["text"]]}, {"$gt": "text"}):
        command = {"find": "c", "filter": {"a": value}}
        assert "index_not_used" in kinds(analyse(scanned(100, 1), command=command, indexes=[index]))
    for value in ({"b": 1}, [1], {"$in": [1]}, None):
        command = {"find": "c", "filter": {"a": value}}
        assert "index_not_used" not in kinds(analyse(scanned(100, 1), command=command, indexes=[index]))


def test_advice_with_a_collation_says_to_give_the_index_the_same() -> None:
    command = {"find": "c", "filter": {"a": "x"}, "collation": {"locale": "en"}}
    assert 'create_index({"a": 1}, collation=…)' in analyse(scanned(100, 1), command=command).recommendations[1]

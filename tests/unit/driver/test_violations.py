"""Explanations as a mongod 6.0.5 gives them with error 121."""

from __future__ import annotations

from bson import SON, encode
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.transports.driver.violations import broken_rules

SECRET = "S3CRET"


def rule(operator, **more):
    return {
        "operatorName": operator,
        "specifiedAs": {operator: SECRET},
        "reason": "no",
        "consideredValue": SECRET,
        **more,
    }


def prop(name, *details):
    return {"propertyName": name, "details": list(details)}


def properties(*found):
    return {"operatorName": "properties", "propertiesNotSatisfied": list(found)}


def schema(*rules):
    return {
        "failingDocumentId": SECRET,
        "details": {"operatorName": "$jsonSchema", "schemaRulesNotSatisfied": list(rules)},
    }


def test_each_property_is_told_with_the_rule_it_breaks():
    assert broken_rules(schema(properties(prop("name", rule("bsonType")), prop("kind", rule("enum"))))) == (
        "name (bsonType), kind (enum)"
    )


def test_missing_properties_are_told():
    missing = {"operatorName": "required", "specifiedAs": {"required": ["name"]}, "missingProperties": ["name", "age"]}
    assert broken_rules(schema(missing)) == "name (required), age (required)"


def test_nested_properties_and_items_are_told_by_their_path():
    nested = prop("address", properties(prop("street", rule("bsonType"))))
    extra = {"operatorName": "additionalProperties", "specifiedAs": {}, "additionalProperties": ["y"]}
    item = {"operatorName": "items", "reason": "no", "itemIndex": 1, "details": [rule("bsonType")]}
    found = broken_rules(schema(properties(nested, prop("address", extra), prop("tags", item))))
    assert found == "address.street (bsonType), address.y (additionalProperties), tags.1 (bsonType)"


def test_alternatives_are_told_one_by_one():
    choice = {
        "operatorName": "anyOf",
        "schemasNotSatisfied": [
            {"index": 0, "details": [rule("bsonType")]},
            {"index": 1, "details": [rule("maxLength")]},
        ],
    }
    assert broken_rules(schema(properties(prop("any", choice)))) == "any (bsonType), any (maxLength)"


def test_a_negation_and_a_rule_of_the_whole_document_are_told():
    refused = {"operatorName": "not", "reason": "child expression matched"}
    assert (
        broken_rules(schema(properties(prop("x", refused)), rule("minProperties")))
        == "x (not), document (minProperties)"
    )


def test_a_validator_in_query_language_is_told_by_its_field():
    compared = {"operatorName": "$gt", "specifiedAs": {"n": {"$gt": 5}}, "reason": "no", "consideredValue": SECRET}
    clauses = {"operatorName": "$and", "clausesNotSatisfied": [{"index": 0, "details": compared}]}
    assert broken_rules({"details": clauses}) == "n ($gt)"


def test_a_validator_that_is_an_expression_has_no_field():
    expression = {"operatorName": "$expr", "specifiedAs": {"$expr": {"$eq": ["$a", "$b"]}}, "reason": "no"}
    assert broken_rules({"details": expression}) == "document ($expr)"


def test_no_value_is_told():
    found = broken_rules(
        schema(properties(prop("a", rule("enum")), prop("b", rule("pattern", consideredType="string"))))
    )
    assert SECRET not in found


def test_the_same_rule_is_told_once_and_many_are_counted():
    twice = schema(properties(*[prop("a", rule("enum")) for _ in range(2)]))
    assert broken_rules(twice) == "a (enum)"
    many = broken_rules(schema(properties(*[prop(f"p{number}", rule("enum")) for number in range(10)])))
    assert many.endswith("p7 (enum) and 2 more")


def test_an_explanation_in_raw_bson_is_read():
    raw = RawBSONDocument(encode(SON(schema(properties(prop("name", rule("bsonType")))))))
    assert broken_rules(raw) == "name (bsonType)"


def test_without_an_explanation_nothing_is_told():
    assert broken_rules(None) == ""
    assert broken_rules({"failingDocumentId": 1}) == ""

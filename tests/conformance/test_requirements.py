"""Which tests a deployment may run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.requirements import Facts, unmet

_HERE = Facts(
    (6, 0, 5), "replicaset", auth=False, parameters={"authenticationMechanisms": ["SCRAM-SHA-256"], "limit": 5, "x": 1}
)


@pytest.mark.parametrize(
    "requirement",
    [
        {"minServerVersion": "6.0"},
        {"maxServerVersion": "6.0.5"},
        {"topologies": ["sharded", "replicaset"]},
        {"auth": False},
        {"csfle": False},
        {"serverless": "forbid"},
        {"serverless": "allow"},
        {"serverParameters": {"limit": 5.0}},
        {"authMechanism": "SCRAM-SHA-256"},
    ],
)
def test_a_requirement_that_is_met(requirement: dict[str, Any]) -> None:
    assert unmet([requirement], _HERE) is None


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ({"minServerVersion": "6.0.6"}, "needs server 6.0.6 or newer"),
        ({"maxServerVersion": "5.99"}, "needs server 5.99 or older"),
        ({"topologies": ["single"]}, "needs topology single"),
        ({"auth": True}, "needs a deployment with authentication"),
        ({"serverless": "require"}, "needs a serverless deployment"),
        ({"serverParameters": {"limit": 6}}, "needs server parameters limit set otherwise"),
        ({"authMechanism": "PLAIN"}, "needs authentication mechanism PLAIN"),
        ({"wonders": True}, "knows no requirement wonders"),
    ],
)
def test_a_requirement_that_is_not_met_says_why(requirement: dict[str, Any], reason: str) -> None:
    assert unmet([requirement], _HERE) == reason


@pytest.mark.parametrize("requirement", [{"csfle": True}, {"csfle": {"minLibmongocryptVersion": "1.0"}}])
def test_encryption_is_not_here(requirement: dict[str, Any]) -> None:
    assert "encryption" in str(unmet([requirement], _HERE))


def test_one_of_several_requirements_is_enough() -> None:
    assert unmet([{"topologies": ["single"]}, {"minServerVersion": "4.0"}], _HERE) is None
    assert unmet([{"topologies": ["single"]}, {"auth": True}], _HERE) == (
        "needs topology single or needs a deployment with authentication"
    )


def test_all_of_one_requirement_is_needed() -> None:
    assert unmet([{"minServerVersion": "4.0", "topologies": ["single"]}], _HERE) == "needs topology single"


def test_no_requirements_are_always_met() -> None:
    assert unmet([], _HERE) is None


def test_a_sharded_cluster_is_one_of_replica_sets() -> None:
    assert unmet([{"topologies": ["sharded-replicaset"]}], replace(_HERE, topology="sharded")) is None

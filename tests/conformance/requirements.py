"""Whether a file or a test may be run on the deployment at hand (`runOnRequirements`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.conformance.loading import version_of
from tests.conformance.matching import Matcher
from tests.conformance.verdicts import MismatchError


@dataclass(frozen=True, slots=True)
class Facts:
    """What is asked about a deployment.

    Attributes:
        version: The server's three numbers.
        topology: `single`, `replicaset`, `sharded` or `load-balanced`.
        auth: Whether clients authenticate.
        parameters: The server's parameters.
    """

    version: tuple[int, int, int]
    topology: str
    auth: bool
    parameters: Mapping[str, Any]


def unmet(requirements: Sequence[Mapping[str, Any]], facts: Facts) -> str | None:
    """Return why none of `requirements` is met; None where one is, or there are none."""
    reasons: list[str] = []
    for requirement in requirements:
        reason = _unmet(requirement, facts)
        if reason is None:
            return None
        reasons.append(reason)
    return " or ".join(dict.fromkeys(reasons)) or None


def _unmet(requirement: Mapping[str, Any], facts: Facts) -> str | None:
    for name, asked in requirement.items():
        check = _CHECKS.get(name)
        reason = f"knows no requirement {name}" if check is None else check(asked, facts)
        if reason is not None:
            return reason
    return None


def _min_version(asked: str, facts: Facts) -> str | None:
    return None if facts.version >= version_of(asked) else f"needs server {asked} or newer"


def _max_version(asked: str, facts: Facts) -> str | None:
    return None if facts.version <= version_of(asked) else f"needs server {asked} or older"


def _topologies(asked: Sequence[str], facts: Facts) -> str | None:
    # Every sharded cluster is made of replica sets since 3.6; the format keeps both words.
    topologies = {"sharded" if name == "sharded-replicaset" else name for name in asked}
    return None if facts.topology in topologies else f"needs topology {' or '.join(asked)}"


def _serverless(asked: str, facts: Facts) -> str | None:
    return "needs a serverless deployment" if asked == "require" else None


def _auth(asked: bool, facts: Facts) -> str | None:
    if asked == facts.auth:
        return None
    return f"needs a deployment {'with' if asked else 'without'} authentication"


def _auth_mechanism(asked: str, facts: Facts) -> str | None:
    offered = facts.parameters.get("authenticationMechanisms", [])
    return None if asked in offered else f"needs authentication mechanism {asked}"


def _csfle(asked: object, facts: Facts) -> str | None:
    return None if asked is False else "needs client-side field level encryption, which this library has not"


def _min_libmongocrypt(asked: str, facts: Facts) -> str | None:
    return _csfle(True, facts)  # noqa: FBT003 - what a file of that requirement asks for


def _server_parameters(asked: Mapping[str, Any], facts: Facts) -> str | None:
    try:
        Matcher().match(asked, facts.parameters, is_root=True)
    except MismatchError:
        return f"needs server parameters {', '.join(sorted(asked))} set otherwise"
    return None


_CHECKS: Mapping[str, Callable[[Any, Facts], str | None]] = {
    "minServerVersion": _min_version,
    "maxServerVersion": _max_version,
    "topologies": _topologies,
    "serverless": _serverless,
    "auth": _auth,
    "authMechanism": _auth_mechanism,
    "csfle": _csfle,
    "minLibmongocryptVersion": _min_libmongocrypt,
    "serverParameters": _server_parameters,
}

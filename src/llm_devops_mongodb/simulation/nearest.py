"""Why nothing recorded answers a question: what comes nearest, and where it differs. No value is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import SimulationMismatchError
from llm_devops_mongodb.simulation.documents import UNREADABLE, decoded, is_array, is_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_devops_mongodb.simulation.cassette import Interaction
    from llm_devops_mongodb.simulation.tape import Question

_MOST_COMPARED = 500
_MOST_TOLD = 5
_TYPES = {
    "bool": "bool",
    "Int64": "int64",
    "int": "int32",
    "float": "double",
    "str": "string",
    "dict": "document",
    "list": "array",
    "NoneType": "null",
    "bytes": "binary",
    "DatetimeMS": "date",
}


def explained(question: Question, interactions: Sequence[Interaction]) -> SimulationMismatchError:
    """Return the error that says what comes nearest to a question that nothing answers."""
    what = f"{question.operation} on {question.namespace}" if question.namespace else question.operation
    same = [each for each in interactions if each.operation == question.operation]
    if not same:
        return SimulationMismatchError(f"{what} was not recorded, nor any other {question.operation}; record anew")
    there = [each for each in same if each.namespace == question.namespace]
    if not there:
        names = ", ".join(dict.fromkeys(str(each.namespace) for each in same[:_MOST_COMPARED]))
        return SimulationMismatchError(
            f"{what} was not recorded; {question.operation} was recorded on {names}; record anew"
        )
    asked = decoded(question.request)
    nearest, differences = min(
        ((each, _compared(each, asked, question)) for each in there[:_MOST_COMPARED]), key=lambda pair: len(pair[1])
    )
    told = "; ".join(differences[:_MOST_TOLD]) or "only in values that stand for others already"
    more = f"; and {len(differences) - _MOST_TOLD} more" if len(differences) > _MOST_TOLD else ""
    line = f", line {nearest.line}" if nearest.line else ""
    return SimulationMismatchError(
        f"{what} was not recorded as it is asked. Nearest is interaction {nearest.number}{line}, which differs: "
        f"{told}{more}"
    )


def _compared(interaction: Interaction, asked: dict[str, Any], question: Question) -> list[str]:
    try:
        found = _differences(interaction.request, asked, "")
    except UNREADABLE:
        return ["it cannot be read"] * _MOST_TOLD
    in_transaction = interaction.transaction is not None
    if in_transaction != (question.scope == "transaction"):
        found.append("it was in a transaction" if in_transaction else "it was in no transaction")
    elif (interaction.session is None) != (question.scope == "none"):
        found.append("it was in no session" if interaction.session is None else "it was in a session")
    return found


def _differences(recorded: Any, asked: Any, path: str) -> list[str]:
    if type(recorded) is not type(asked):
        return [f"{path} (recorded {_type(recorded)}, asked {_type(asked)})"]
    if is_document(recorded):
        found: list[str] = []
        for name in dict.fromkeys([*recorded, *asked]):
            place = f"{path}.{name}" if path else name
            if name not in asked:
                found.append(f"{place} (only recorded)")
            elif name not in recorded:
                found.append(f"{place} (only asked)")
            else:
                found += _differences(recorded[name], asked[name], place)
        return found or ([] if list(recorded) == list(asked) else [f"{path or 'the whole'} (another order of fields)"])
    if is_array(recorded):
        if len(recorded) != len(asked):
            return [f"{path} (recorded {len(recorded)} members, asked {len(asked)})"]
        return [
            told
            for position, (theirs, mine) in enumerate(zip(recorded, asked, strict=True))
            for told in _differences(theirs, mine, f"{path}.{position}")
        ]
    return [] if recorded == asked else [f"{path} (another {_type(recorded)})"]


def _type(value: Any) -> str:
    name = type(value).__name__
    return _TYPES.get(name, name)

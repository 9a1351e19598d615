"""Operations on a database."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from llm_devops_mongodb import AggregateOptions, Database
from tests.conformance.operations.arguments import Arguments
from tests.conformance.settings import read_preference
from tests.conformance.verdicts import MismatchError

Result = Awaitable[Any]

_COLLECTION_SETTINGS = (
    *("capped", "size", "max", "viewOn", "pipeline", "collation", "validator", "validationLevel", "validationAction"),
    *("timeseries", "expireAfterSeconds", "clusteredIndex", "changeStreamPreAndPostImages", "storageEngine"),
    *("indexOptionDefaults", "encryptedFields", "comment"),
)
# https://www.mongodb.com/docs/manual/reference/command/create/


def run_command(target: Database, given: Arguments) -> Result:
    command, name = given.require("command"), given.take("commandName")
    preference, scope = given.take("readPreference"), given.scope()
    if name is not None:
        if name not in command:
            raise MismatchError("the command is not the one that commandName says")
        command = {name: command[name], **command}
    chosen = None if preference is None else read_preference(preference)
    return target.run_command(command, read_preference=chosen, **scope)


def aggregate(target: Database, given: Arguments) -> Result:
    target = target.with_options(**given.settings())
    return target.aggregate(given.require("pipeline"), given.options(AggregateOptions), **given.scope())


def create_collection(target: Database, given: Arguments) -> Result:
    name, scope = given.require("collection"), given.scope()
    settings = {setting: given.take(setting) for setting in _COLLECTION_SETTINGS if setting in given}
    return target.create_collection(name, settings or None, **scope)


def modify_collection(target: Database, given: Arguments) -> Result:
    # The library has no method of its own for it.
    name, scope = given.require("collection"), given.scope()
    return target.run_command({"collMod": name, **given.rest()}, **scope)


def drop_collection(target: Database, given: Arguments) -> Result:
    return target.drop_collection(given.require("collection"), **given.scope())


def list_collections(target: Database, given: Arguments) -> Result:
    # How many come in one reply is the library's own affair.
    given.ignore("batchSize")
    return target.list_collections(given.take("filter"), **given.scope())


def list_collection_names(target: Database, given: Arguments) -> Result:
    given.ignore("batchSize")
    return target.list_collection_names(given.take("filter"), **given.scope())


OPERATIONS: Mapping[str, Any] = {
    "runCommand": run_command,
    "aggregate": aggregate,
    "createCollection": create_collection,
    "modifyCollection": modify_collection,
    "dropCollection": drop_collection,
    "listCollections": list_collections,
    "listCollectionNames": list_collection_names,
}

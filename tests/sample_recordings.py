"""Recordings as files, made by the description of their format alone, so that no server is needed."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import bson
from bson import ObjectId

if TYPE_CHECKING:
    from pathlib import Path

BEGUN = datetime(2026, 11, 23, 9, 3, 13, 123456, tzinfo=UTC)
PROCESS = "5af0c1d2e3"


def generated_id(number: int, process: str = PROCESS) -> str:
    """An ObjectId as the process that recorded would have made it."""
    return f"6745a0b1{process}{number:06x}"


def line_of(members: dict[str, Any]) -> bytes:
    """A line with its checksum."""
    rest = json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")[1:]
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(rest), rest)


@dataclass
class Sample:
    """A recording in the making."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    header: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def add(
        self,
        operation: str = "find_one",
        namespace: str | None = "shop.orders",
        *,
        request: dict[str, Any] | None = None,
        reply: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
        since: float | None = None,
        took: float = 0.002,
        introduces: tuple[str, ...] = (),
        **more: Any,
    ) -> Sample:
        """Add an interaction."""
        self.count += 1
        since = self.count * 0.01 if since is None else since
        asked = request if request is not None else {"filter": {"n": {"$numberInt": "1"}}}
        of = json.dumps([operation, namespace, asked], default=str)
        answer: dict[str, Any] = (
            {"error": error} if error else {"reply": reply or {"kind": "document", "document": None}}
        )
        self.lines.append(
            {
                "n": self.count,
                "at": _moment(since),
                "took": took,
                "client": 1,
                "session": None,
                "transaction": None,
                "operation": operation,
                "namespace": namespace,
                "request": asked,
                **answer,
                "introduces": list(introduces),
                "fingerprint": hashlib.sha256(of.encode()).hexdigest()[:16],
                **more,
            }
        )
        return self

    def part(self, part: int = 1, *, since: float | None = None, **content: Any) -> Sample:
        """Add a part of the stream that the last interaction opened."""
        at = _moment(self.count * 0.01 + 0.004 * part if since is None else since)
        self.lines.append({"of": self.count, "part": part, "at": at, "took": 0.001, **content})
        return self

    def write(self, path: Path, *, state: str = "finished") -> Path:
        """Write the file and return its path."""
        body = b"".join(map(line_of, [self._header(state), *self.lines]))
        end = {"footer": True, "interactions": self.count, "sha256": hashlib.sha256(body).hexdigest()}
        path.write_bytes(body + (line_of(end) if state == "finished" else b""))
        return path

    def _header(self, state: str) -> dict[str, Any]:
        header = {
            "format_version": 1,
            "state": state,
            "library_version": "0.1.0",
            "driver_version": "4.15.4",
            "server_version": "8.0.4",
            "recorded_at": _moment(0),
            "id_process": PROCESS,
            "redacted_fields": ["password"],
        }
        return header | self.header


def _moment(since: float) -> str:
    return f"{BEGUN + timedelta(seconds=since):%Y-%m-%dT%H:%M:%S.%fZ}"


def packed(document: dict[str, Any]) -> dict[str, str]:
    """A document as an unfinished recording holds it."""
    return {"$bson": base64.b64encode(bson.encode(document)).decode()}


def shop(id_: str = generated_id(1)) -> Sample:
    """A recording with a bit of everything."""
    order = {"_id": {"$oid": id_}, "total": {"$numberDecimal": "12.50"}, "lines": {"$numberInt": "3"}}
    order["at"] = {"$date": {"$numberLong": "1764000000000"}}
    session = {"session": 1, "transaction": 1}
    conflict = {"kind": "WriteError", "message": "write conflict", "code": 112, "labels": ["TransientTransactionError"]}
    return (
        Sample()
        .add(
            "insert_one", request={"document": order}, reply={"kind": "insert", "acknowledged": True}, introduces=(id_,)
        )
        .add("find_one", request={"filter": {"_id": {"$oid": id_}}}, reply={"kind": "document", "document": order})
        .add("find", request={"filter": {}}, reply={"kind": "cursor"})
        .part(1, documents=[order, order])
        .part(2, end="exhausted")
        .add(
            "update_one",
            request={"filter": {}, "update": {"$inc": {"lines": {"$numberInt": "1"}}}},
            error=conflict,
            **session,
        )
        .add("commit_transaction", None, request={}, reply={"kind": "done"}, **session)
        .add("count_documents", "shop.customers", request={"filter": {}}, reply={"kind": "count", "count": 4}, client=2)
        .add(
            "watch", "shop.orders", request={"pipeline": []}, reply={"kind": "change_stream", "opened": None}, client=2
        )
        .part(1, documents=[], since=0.2)
        .part(2, end="abandoned", since=0.9)
    )


def busy(count: int = 10_000) -> Sample:
    """A recording of a busy hour."""
    sample = Sample()
    sessions = [ObjectId(f"{number:024x}") for number in range(4)]
    for number in range(count):
        kind = number % 10
        namespace = f"shop.{('orders', 'customers', 'events')[number % 3]}"
        where = {"session": number % len(sessions) + 1} if kind == 3 else {}
        took = 0.0004 + (number * 7919 % 97) / 20_000
        spread = {"since": number * 0.003 + (number % 7) * 0.001, "took": took, "client": number % 2 + 1}
        if number % 97 == 0:
            error = {"kind": "DuplicateKeyError", "message": "duplicate key", "code": 11000, "labels": []}
            sample.add("insert_one", namespace, request={"document": {"n": number}}, error=error, **spread, **where)
        elif kind < 5:
            reply = {"kind": "document", "document": {"n": {"$numberInt": str(number)}, "name": f"name {number}"}}
            asked = {"filter": {"n": {"$numberInt": str(number)}}}
            sample.add("find_one", namespace, request=asked, reply=reply, **spread, **where)
        elif kind < 8:
            reply = {"kind": "update", "matched_count": 1, "modified_count": 1, "upserted": None, "acknowledged": True}
            sample.add("update_one", namespace, request={"filter": {}, "update": {}}, reply=reply, **spread, **where)
        else:
            sample.add(
                "count_documents", namespace, request={"filter": {}}, reply={"kind": "count", "count": 4}, **spread
            )
    return sample

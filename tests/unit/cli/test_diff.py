from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sample_recordings import Sample, generated_id, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Outcome, Recordings


def number_filter(number: int) -> dict[str, Any]:
    return {"filter": {"n": {"$numberInt": str(number)}}}


def found(number: int) -> dict[str, Any]:
    return {"kind": "document", "document": {"n": {"$numberInt": str(number)}}}


class Two:
    """Compares two samples."""

    def __init__(self, recordings: Recordings, folder: Path) -> None:
        self._recordings = recordings
        self._folder = folder

    def __call__(self, before: Sample, after: Sample, *options: str) -> Outcome:
        one, other = before.write(self._folder / "one.jsonl"), after.write(self._folder / "other.jsonl")
        return self._recordings("diff", one, other, *options)


@pytest.fixture
def diff(recordings: Recordings, tmp_path: Path) -> Two:
    return Two(recordings, tmp_path)


def told(outcome: Outcome) -> list[str]:
    """The lines without what is within them, their spaces made one."""
    return [" ".join(line.split()) for line in outcome.out.splitlines() if not line.startswith("    ")]


def test_the_same_is_no_difference(diff: Two) -> None:
    outcome = diff(shop(), shop())

    assert outcome == (0, "", "no difference; 7 the same\n")


def test_times_and_generated_ids_are_no_difference(diff: Two) -> None:
    later = shop(generated_id(9))
    for line, other in zip(later.lines, shop().lines, strict=True):
        line["took"] = 9.5
        line["fingerprint"] = other.get("fingerprint", "")
        line["at"] = line["at"].replace("2026", "2027")

    assert diff(shop(), later).code == 0


def test_an_id_that_nobody_generated_is_a_difference(diff: Two) -> None:
    one, other = Sample(), Sample()
    one.add(reply={"kind": "document", "document": {"_id": {"$oid": generated_id(1)}}})
    other.add(reply={"kind": "document", "document": {"_id": {"$oid": generated_id(2)}}})

    assert diff(one, other).code == 1


def test_an_answer_that_changed_is_told_with_its_path(diff: Two) -> None:
    outcome = diff(Sample().add(reply=found(1)), Sample().add(reply=found(2)))

    assert outcome.code == 1
    assert outcome.out.splitlines()[1].strip() == "reply.document.n: 1 → 2"
    assert outcome.err == "1 changed; 0 the same\n"


def test_types_count(diff: Two) -> None:
    double = {"kind": "document", "document": {"n": {"$numberDouble": "1.0"}}}

    assert "1 → 1.0" in diff(Sample().add(reply=found(1)), Sample().add(reply=double)).out


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--dates"], 1)])
def test_dates_count_where_asked(diff: Two, options: list[str], code: int) -> None:
    one, other = (
        Sample().add(reply={"kind": "document", "document": {"at": {"$date": {"$numberLong": milliseconds}}}})
        for milliseconds in ("1000", "2000")
    )

    assert diff(one, other, *options).code == code


def test_what_was_added_and_removed_is_told(diff: Two) -> None:
    before = Sample().add(request=number_filter(1)).add("count_documents", request={})
    after = Sample().add("distinct", request={}).add(request=number_filter(1))

    assert told(diff(before, after)) == ["+ 1 distinct shop.orders", "- 2 count_documents shop.orders"]


def test_the_same_operation_in_the_same_place_was_asked_otherwise(diff: Two) -> None:
    before = Sample().add("count_documents", request={}).add(request=number_filter(1)).add("distinct", request={})
    after = Sample().add("count_documents", request={}).add(request=number_filter(2)).add("distinct", request={})

    outcome = diff(before, after)

    assert told(outcome) == ["~ 2 → 2 find_one shop.orders"]
    assert "request.filter.n: 1 → 2" in outcome.out


def test_what_is_asked_again_is_paired_in_order(diff: Two) -> None:
    before = Sample().add(reply=found(1)).add(reply=found(2))
    after = Sample().add(reply=found(1)).add(reply=found(2)).add(reply=found(3))

    assert told(diff(before, after)) == ["+ 3 find_one shop.orders"]


def test_another_order_is_told(diff: Two) -> None:
    before = Sample().add(request=number_filter(1)).add(request=number_filter(2)).add(request=number_filter(3))
    after = Sample().add(request=number_filter(2)).add(request=number_filter(3)).add(request=number_filter(1))

    assert told(diff(before, after)) == ["> 1 → 3 find_one shop.orders"]


def test_an_error_in_the_place_of_a_reply_is_told(diff: Two) -> None:
    failed = Sample().add(error={"kind": "QueryError", "message": "no", "code": 2})

    outcome = diff(Sample().add(), failed)

    assert "error: null → { kind:" in outcome.out
    assert "reply: { kind:" in outcome.out


def test_a_stream_is_compared_whatever_its_batches(diff: Two) -> None:
    documents = [{"n": {"$numberInt": str(number)}} for number in range(3)]
    one = Sample().add("find", reply={"kind": "cursor"}).part(1, documents=documents).part(2, end="exhausted")
    other = Sample().add("find", reply={"kind": "cursor"}).part(1, documents=documents[:1])
    other.part(2, documents=documents[1:]).part(3, end="exhausted")

    assert diff(one, other).code == 0


def test_tokens_and_clocks_of_events_are_no_difference(diff: Two) -> None:
    def watched(token: str, kind: str) -> Sample:
        event = {
            "_id": {"_data": token},
            "operationType": kind,
            "clusterTime": {"$timestamp": {"t": len(token), "i": 1}},
        }
        return Sample().add("watch", reply={"kind": "change_stream"}).part(1, documents=[event])

    assert diff(watched("82", "insert"), watched("8265", "insert")).code == 0
    assert diff(watched("82", "insert"), watched("8265", "delete")).code == 1


def test_the_servers_clock_is_no_difference(diff: Two) -> None:
    one, other = (
        Sample().add("run_command", "admin", reply={"kind": "document", "document": {"ok": 1, "operationTime": time}})
        for time in (1, 2)
    )

    assert diff(one, other).code == 0


def test_many_changes_are_cut_off(diff: Two) -> None:
    one, other = (
        Sample().add(reply={"kind": "document", "document": {f"n{place}": number for place in range(30)}})
        for number in (1, 2)
    )

    lines = diff(one, other).out.splitlines()

    assert len(lines) == 12
    assert lines[-1].strip() == "…"


def test_an_unfinished_recording_is_refused(recordings: Recordings, tmp_path: Path) -> None:
    killed = Sample().add().write(tmp_path / "killed.jsonl", state="recording")

    outcome = recordings("diff", killed, killed)

    assert outcome.code == 2
    assert "verify --finish" in outcome.err


def test_ten_thousand_of_the_same_request_are_compared_quickly(diff: Two) -> None:
    one, other = Sample(), Sample()
    for number in range(10_000):
        one.add(reply=found(number % 7))
        other.add(reply=found(number % 7))

    assert diff(one, other.add("distinct")).err == "1 added; 10,000 the same\n"

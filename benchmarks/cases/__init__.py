"""What is measured. To add a case: write one module here with a `CASE`, and name it in `CASES`."""

from __future__ import annotations

from benchmarks.cases import (
    builders,
    chunked_insert,
    concurrent,
    find,
    find_one,
    import_time,
    insert_many,
    pages,
    simulation,
    stream_memory,
    watching,
    with_transaction,
)

CASES = (
    find_one.CASE,
    *builders.CASES,
    with_transaction.CASE,
    *concurrent.CASES,
    find.CASE,
    insert_many.CASE,
    watching.CASE,
    *chunked_insert.CASES,
    *pages.CASES,
    *simulation.CASES,
    import_time.CASE,
    stream_memory.CASE,
)

"""What is measured. To add a case: write one module here with a `CASE`, and name it in `CASES`."""

from __future__ import annotations

from benchmarks.cases import find, find_one, import_time, insert_many, stream_memory

CASES = (find_one.CASE, find.CASE, insert_many.CASE, import_time.CASE, stream_memory.CASE)

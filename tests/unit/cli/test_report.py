from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from llm_devops_mongodb.cli.report import page_of
from llm_devops_mongodb.simulation.cassette import Recording
from tests.sample_recordings import Sample, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Recordings

ATTACK = "</script><script>alert(1)</script><!-- &lt; ]]> \u2028"


def page_for(sample: Sample, folder: Path, **options: Any) -> str:
    return page_of(Recording.load(sample.write(folder / "sample.jsonl", **options)))


def data_in(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_report_stands_beside_the_recording(recordings: Recordings, tmp_path: Path) -> None:
    path = shop().write(tmp_path / "shop.jsonl")

    made = recordings("report", path)

    assert (made.code, made.out) == (0, f"{tmp_path / 'shop.html'}\n")
    assert "shop.orders" in (tmp_path / "shop.html").read_text()
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_the_report_goes_where_it_is_told(recordings: Recordings, tmp_path: Path) -> None:
    path = shop().write(tmp_path / "shop.jsonl")

    recordings("report", path, "-o", tmp_path / "new" / "page.html")

    assert (tmp_path / "new" / "page.html").stat().st_mode & 0o444 == path.stat().st_mode & 0o444


def test_a_report_replaces_no_recording(recordings: Recordings, tmp_path: Path) -> None:
    path = shop().write(tmp_path / "shop.jsonl")
    before = path.read_bytes()

    assert recordings("report", path, "-o", path).code == 2
    assert path.read_bytes() == before


def test_the_header_is_told(tmp_path: Path) -> None:
    page = page_for(shop(), tmp_path)

    for fact in ("2026-11-23 09:03:13 UTC", "PyMongo 4.15.4", "8.0.4", "<dt>fields replaced</dt><dd>password</dd>"):
        assert fact in page


def test_a_killed_recording_says_so(tmp_path: Path) -> None:
    assert "its process was killed" in page_for(Sample().add(), tmp_path, state="recording")


def test_an_empty_recording_has_a_page(tmp_path: Path) -> None:
    assert data_in(page_for(Sample(), tmp_path))["rows"] == []


def test_shares_are_told_by_namespace_operation_and_kind(tmp_path: Path) -> None:
    page = page_for(Sample().add(took=0.25).add(took=0.75).add("insert_one", "shop.items", took=1.0), tmp_path)

    names = re.findall(r'data-filter="(\w+)" data-value="([\w.]+)"', page)
    assert names == [
        ("namespace", "shop.orders"),
        ("namespace", "shop.items"),
        ("kind", "read"),
        ("kind", "write"),
        ("operation", "find_one"),
        ("operation", "insert_one"),
    ]
    assert "<td>1 s</td><td>500 ms</td><td>750 ms</td>" in page


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    page = page_for(shop(), tmp_path)

    assert not re.findall(
        r'(?:src|href|url|@import)\s*[=(]\s*["\']?[^#"\']', re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    )
    assert re.findall(r"https?://[^\"'\s]+", page) == ["http://www.w3.org/2000/svg"]


def test_the_policy_names_the_style_and_the_script(tmp_path: Path) -> None:
    page = page_for(shop(), tmp_path)

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;; ")
    for pattern in (r"<style>(.*?)</style>", r"<script>(.*?)</script>"):
        content = re.search(pattern, page, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"sha256-{digest}" in policy[1].replace("&#43;", "+").replace("&#x2b;", "+")


def test_nothing_of_a_recording_becomes_markup(tmp_path: Path) -> None:
    header = {"server_version": ATTACK, "driver_version": ATTACK, "redacted_fields": [ATTACK]}
    document = {ATTACK: ATTACK}
    error = {"kind": ATTACK, "message": ATTACK}
    sample = Sample(header=header).add(
        ATTACK, ATTACK, request=document, reply={"kind": "document", "document": document}
    )
    page = page_for(sample.add("find", ATTACK, error=error), tmp_path)

    assert page.count("<script") == 2
    assert page.count("</script") == 2
    assert "<!--" not in page
    assert "alert(1)" in data_in(page)["rows"][0]["sections"][0][1]


def test_long_values_are_cut(tmp_path: Path) -> None:
    document = {"text": "x" * 100_000}
    page = page_for(Sample().add(reply={"kind": "document", "document": document}), tmp_path)

    assert len(page) < 100_000
    assert "characters more: `recordings show --number` tells all" in page


def test_a_recording_that_cannot_be_read_leaves_the_old_report(recordings: Recordings, tmp_path: Path) -> None:
    path = Sample().add(reply={"kind": "document", "document": {"$bson": "AAAA"}}).write(tmp_path / "odd.jsonl")
    (tmp_path / "odd.html").write_text("old")

    assert recordings("report", path).code == 2
    assert (tmp_path / "odd.html").read_text() == "old"


@pytest.mark.parametrize("at", ["2026-11-23T09:03:13", "2026-11-23T09:03:13+05:00"])
def test_times_of_any_zone_are_laid_beside_each_other(tmp_path: Path, at: str) -> None:
    assert len(data_in(page_for(Sample().add().add(at=at), tmp_path))["rows"]) == 2

"""The report as a browser shows it: its scripts run, it obeys the keyboard, and it asks nobody for anything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from llm_devops_mongodb.cli.report import page_of
from llm_devops_mongodb.simulation.cassette import Recording
from tests.sample_recordings import Sample, busy, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.cli.browser import Page
    from tests.integration.cli.conftest import Proxy

ATTACK = "</script><script>window.attacked = 1</script><img src=http://attack.test/ onerror='window.attacked = 1'>"
SHOWN = "[...document.querySelectorAll('#rows details')].map(row => Number(row.dataset.number))"
NUMBER = "document.querySelectorAll('#rows details').length"
TOLD = "document.getElementById('shown').textContent"


def report_of(sample: Sample, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(page_of(Recording.load(sample.write(folder / "sample.jsonl"))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of(shop(), tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of(busy(), tmp_path_factory.mktemp("large"))


def test_every_interaction_is_there_and_nobody_complains(page: Page, small: Path) -> None:
    page.open(small)

    assert page.tell(SHOWN) == [1, 2, 3, 4, 5, 6, 7]
    assert page.tell(TOLD) == "7 of 7 shown"
    assert page.complaints() == []


def test_it_asks_for_nothing_but_itself(page: Page, small: Path, proxy: Proxy) -> None:
    before = len(proxy.asked)

    page.open(small)

    assert page.requests() == [small.as_uri()]
    assert proxy.asked[before:] == []


def test_a_page_that_asks_for_more_is_found_out(page: Page, tmp_path: Path, proxy: Proxy) -> None:
    before = len(proxy.asked)
    loud = tmp_path / "loud.html"
    loud.write_text("<img src='http://elsewhere.test/x.png' onerror='window.done = 1'><script>nowhere()</script>")

    page.open(loud)
    page.wait("window.done")

    assert b"elsewhere.test" in b"".join(proxy.asked[before:])
    assert any("nowhere" in complaint for complaint in page.complaints())


def test_the_policy_lets_no_script_ask_for_anything(page: Page, small: Path, proxy: Proxy) -> None:
    before = len(proxy.asked)
    page.open(small)

    blocked = page.tell("fetch('http://elsewhere.test/').then(() => 'sent', () => 'blocked')")
    source = "{src: 'http://elsewhere.test/', onerror: () => done('blocked')}"
    image = f"new Promise(done => Object.assign(new Image(), {source}))"

    assert blocked == "blocked"
    assert page.tell(image) == "blocked"
    assert proxy.asked[before:] == []


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("#namespace=shop.customers", [6]),
        ("#operation=find_one", [2]),
        ("#kind=session", [5]),
        ("#errors=1", [4]),
        ("#text=transienttransaction", [4]),
        ("#from=0.1", [7]),
        ("#to=0.015", [1, 2]),
        ("#namespace=shop.orders&kind=read", [2, 3]),
        ("#namespace=nowhere", []),
    ],
)
def test_the_address_says_what_is_shown(page: Page, small: Path, fragment: str, expected: list[int]) -> None:
    page.open(small, fragment)

    assert page.tell(SHOWN) == expected
    assert page.tell(TOLD) == f"{len(expected)} of 7 shown"


def test_the_address_opens_an_interaction(page: Page, small: Path) -> None:
    page.open(small, "#number=2")

    assert page.tell("document.querySelector('details[open] .inside').innerText.includes('Decimal128(\"12.50\")')")


def test_the_keyboard_is_enough(page: Page, small: Path) -> None:
    page.open(small)
    page.press("/", "/")
    page.type("WriteError")
    page.wait(f"{NUMBER} === 1")
    assert page.tell("location.hash") == "#text=WriteError"

    page.tell("document.querySelector('#rows summary').focus()")
    page.press("Enter")
    page.wait("document.querySelector('details[open] .inside')")

    assert page.tell("document.querySelector('details[open]').innerText.includes('write conflict')")


def test_arrows_go_from_row_to_row(page: Page, small: Path) -> None:
    page.open(small)
    page.tell("document.querySelector('#rows summary').focus()")

    page.press("ArrowDown")

    assert page.tell("document.activeElement.parentElement.dataset.number") == "2"


def test_a_name_in_a_table_filters(page: Page, small: Path) -> None:
    page.open(small)

    page.tell("document.querySelector('[data-filter=operation][data-value=watch]').click()")

    assert page.tell(SHOWN) == [7]


def test_clearing_shows_everything_again(page: Page, small: Path) -> None:
    page.open(small, "#errors=1")

    page.tell("document.querySelector('[type=reset]').click()")

    page.wait(f"{NUMBER} === 7")
    assert page.tell("location.hash") in ("", "#")


def test_the_time_line_has_a_lane_for_each_session_and_marks_errors(page: Page, small: Path) -> None:
    page.open(small)

    lanes = page.tell(
        "[...document.querySelectorAll('#timeline text:not([text-anchor])')].map(text => text.textContent)"
    )
    assert lanes == ["client 1", "client 1 · s 1", "client 2"]
    assert page.tell("[...document.querySelectorAll('.mark')].map(mark => mark.dataset.number)") == ["4"]


def test_a_bar_opens_its_interaction(page: Page, small: Path) -> None:
    page.open(small)
    x, y, width, height = page.box(".mark")

    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x + width / 2, y=y + height / 2, button="left", clickCount=1)

    page.wait("document.querySelector('details[open]')?.dataset.number === '4'")


def test_dragging_across_the_time_line_looks_closer(page: Page, small: Path) -> None:
    page.open(small)
    x, y, width, _ = page.box("#timeline svg")

    page.call("Input.dispatchMouseEvent", type="mousePressed", x=x + width / 2, y=y + 30, button="left", clickCount=1)
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + width - 5, y=y + 30, button="left")
    page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x + width - 5, y=y + 30, button="left")

    page.wait(f"{NUMBER} === 1")
    assert page.tell(SHOWN) == [7]


def test_it_follows_the_scheme_of_the_system(page: Page, small: Path) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.open(small)
        colour = page.tell("getComputedStyle(document.body).backgroundColor")
        grounds[scheme] = sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(","))

    assert grounds["dark"] < 150
    assert grounds["light"] > 600


def test_ten_thousand_interactions_are_built_as_they_are_seen(page: Page, large: Path) -> None:
    page.open(large)

    assert page.tell(TOLD) == "10,000 of 10,000 shown"
    built = page.tell(NUMBER)
    assert 200 <= built <= 600
    page.tell("scrollTo(0, document.body.scrollHeight)")
    page.wait(f"{NUMBER} > {built}")
    page.tell("location.hash = '#number=9000'")
    page.wait("document.querySelector('details[open]')?.dataset.number === '9000'")


def test_ten_thousand_interactions_are_filtered_while_one_types(page: Page, large: Path) -> None:
    page.open(large, "#text=name%209999")
    assert page.tell(TOLD) == "0 of 10,000 shown"
    begun = time.monotonic()

    page.tell("location.hash = '#text=name 4242'")
    page.wait(f"{TOLD} === '1 of 10,000 shown'")

    assert time.monotonic() - begun < 5


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = {ATTACK: ATTACK, "quote": "\"'&amp;<!--<script>"}
    error = {"kind": ATTACK, "message": ATTACK, "code": 1, "labels": [ATTACK]}
    sample = Sample(header={"server_version": ATTACK, "library_version": ATTACK, "redacted_fields": [ATTACK]})
    sample.add(ATTACK, ATTACK, request={"filter": document}, reply={"kind": "document", "document": document})
    sample.add("find", ATTACK, request={"filter": document}, reply={"kind": "cursor"})
    sample.part(1, documents=[document]).part(2, error=error)
    return report_of(sample.add("find_one", ATTACK, error=error), tmp_path_factory.mktemp("hostile"))


def test_a_hostile_recording_is_shown_and_does_nothing(page: Page, hostile: Path, proxy: Proxy) -> None:
    before = len(proxy.asked)

    page.open(hostile, "#number=1")
    page.tell("document.querySelectorAll('#rows details').forEach(row => { row.open = true })")
    page.wait("document.querySelectorAll('.inside').length === 3")

    assert page.tell("window.attacked") is None
    assert page.tell("document.images.length") == 0
    assert page.tell("document.scripts.length") == 2
    assert page.tell("document.querySelector('.inside').innerText.includes('</script><script>window.attacked')")
    assert page.complaints() == []
    assert proxy.asked[before:] == []

"""How the demo speaks: one line for each step, and tables of typed documents."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from examples.demo.catalogue import TieredPrice

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from examples.demo.catalogue import Model, Price
    from examples.demo.cheapest import Cheapest
    from llm_devops_mongodb import HealthStatus

_INDENT = (0, 0, 0, 2)
_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """What a step has to show.

    Attributes:
        text: What it did, in a line.
        table: What it found, where that is worth a table.
    """

    text: str
    table: Table | None = None


class Report(Protocol):
    """Takes what a step has to show, once."""

    def __call__(self, shown: Shown, /) -> None:
        """Print it."""
        ...


@contextmanager
def step(console: Console, title: str) -> Generator[Report]:
    """Show that a step is under way, where there is a terminal for it, and then how long it took or that it failed."""
    started = perf_counter()

    def report(shown: Shown) -> None:
        seconds = f"{perf_counter() - started:.2f} s"
        status.stop()
        console.print(_line(title, shown.text, seconds))
        if shown.table is not None:
            console.print(Padding(shown.table, _INDENT))

    with console.status(f"{title} …") as status:
        try:
            yield report
        except Exception:
            console.print(Text(f"✗ {title}", style="bold red"))
            raise


def plain(shown: Shown) -> str:
    """Return what a step has to show as plain text."""
    console = Console(width=_WIDTH)
    with console.capture() as capture:
        console.print(shown.text)
        if shown.table is not None:
            console.print(shown.table)
    return capture.get()


def model_table(models: Iterable[Model]) -> Table:
    """Show models with their first prices."""
    table = _table("Model", "Tokens", "In $/M", "Out $/M", "Cache read", "Price lists")
    for model in models:
        prices = model.prices[0].prices
        table.add_row(
            model.ref,
            f"{model.context_window:,}" if model.context_window else "",
            *(_price(prices.get(unit)) for unit in ("input_mtok", "output_mtok", "cache_read_mtok")),
            str(len(model.prices) + len(model.variants)),
        )
    return table


def cheapest_table(rows: Iterable[Cheapest]) -> Table:
    """Show the rows of the aggregation, each provider's name once."""
    table = _table("Provider", "Tokens ≥", "Cheapest", "In $/M", "Out $/M", "Of")
    last = ""
    for row in rows:
        provider = row.shelf.provider
        table.add_row(
            provider if provider != last else "",
            f"{row.shelf.window:,}",
            row.ref,
            _price(row.input_price),
            _price(row.output_price),
            str(row.choices),
        )
        last = provider
    return table


def count_table(counts: Mapping[str, int]) -> Table:
    """Show numbers by what they count."""
    table = _table("Models", "Count")
    for what, count in counts.items():
        table.add_row(what, f"{count:,}")
    return table


def health_table(status: HealthStatus) -> Table:
    """Show how the deployment answers."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    latency = f"{status.latency.total_seconds() * 1000:.1f} ms" if status.latency else "none"
    table.add_row("server", f"{status.server_version}, {status.topology} {status.set_name or ''}")
    table.add_row("primary", status.primary or "none")
    table.add_row("latency", latency)
    if (pool := status.pool) is not None:
        table.add_row("connections", f"{pool.min_size} to {pool.max_size} for each server")
    return table


def dollars(price: Decimal) -> str:
    """Write a price with two places, and with as many more as it has."""
    return f"{price:.2f}" if price == price.quantize(Decimal("0.01")) else f"{price.normalize():f}"


def _line(title: str, text: str, seconds: str) -> Table:
    line = Table.grid(padding=(0, 1), expand=True)
    line.add_column(width=1, style="green")
    line.add_column(width=15, style="bold")
    line.add_column(ratio=1)
    line.add_column(justify="right", style="dim", no_wrap=True)
    line.add_row("✓", title, Text(text), seconds)
    return line


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first, overflow="fold")
    for name in numbers:
        # The one column of words among numbers.
        table.add_column(name, justify="left" if name == "Cheapest" else "right", overflow="fold")
    return table


def _price(price: Price | None) -> str:
    match price:
        case None:
            return ""
        case TieredPrice(base=base):
            return f"{dollars(base)} +"
        case _:
            return dollars(price)

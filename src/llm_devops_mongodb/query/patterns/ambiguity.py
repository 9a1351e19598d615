"""In how many ways an automaton goes through a text, as the text grows.

An engine that goes back tries them all before it gives up. Whether their number grows beyond every power of the length,
or with which power, is decided by loops that read the same text (A. Weber, H. Seidl: On the degree of ambiguity of
finite automata, 1991).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from collections.abc import Set as AbstractSet
from itertools import product
from typing import TYPE_CHECKING, TypeVar

from llm_devops_mongodb.query.patterns.syntax import refused

if TYPE_CHECKING:
    from llm_devops_mongodb.query.patterns.automaton import Automaton

Loop = frozenset[int]
Pair = tuple[int, int]
S = TypeVar("S", bound=Hashable)

_MOST_LOOP_STATES = 60
_MOST_STEPS = 200_000
"""Of the search for loops that read the same text: a tenth of a second or two."""

_MOST_CHOICES = (7, 3)
"""Places where one character may be read in several ways, by the degree: together they multiply. A degree of 1 and the
length of the text itself make a cost that grows with its square."""


def check_ambiguity(automaton: Automaton) -> None:
    """Refuse a pattern that goes through some text in too many ways.

    Raises:
        InvalidDocumentError: The number grows beyond every power of the text's length, or with a power above the first,
            or there are many ways through a short text.
    """
    loops = [
        loop for loop in _components(range(len(automaton.next)), automaton.next.__getitem__) if _turns(automaton, loop)
    ]
    for loop in loops:
        at = automaton.at[min(loop)]
        if len(loop) > _MOST_LOOP_STATES:
            raise refused("a repetition of something long; repeat less", at)
        if _has_two_ways_round(automaton, loop):
            raise refused("a repetition that is nested or begins alike in several ways; say each way once", at)
    _check_choices(automaton, _degree(automaton, loops))


def _turns(automaton: Automaton, loop: Loop) -> bool:
    return len(loop) > 1 or any(state in automaton.next[state] for state in loop)


def _has_two_ways_round(automaton: Automaton, loop: Loop) -> bool:
    """Tell whether a text leads from a state of the loop back to it in two ways."""
    if any(ways > 1 for state in loop for follower, ways in automaton.next[state].items() if follower in loop):
        return True

    def followers(pair: Pair) -> list[Pair]:
        return [found for found in _both(automaton, pair) if found[0] in loop and found[1] in loop]

    for component in _components([(state, state) for state in loop], followers):
        equal = [pair for pair in component if pair[0] == pair[1]]
        if equal and len(equal) < len(component):
            return True
    return False


def _both(automaton: Automaton, pair: Pair) -> list[Pair]:
    """The pairs that one character leads to."""
    left, right = (automaton.next[state] for state in pair)
    return [(one, other) for one, other in product(left, right) if automaton.among[one] & automaton.among[other]]


def _degree(automaton: Automaton, loops: list[Loop]) -> int:
    """Return the length of the longest chain of loops each of which may hand the same text to the next.

    Raises:
        InvalidDocumentError: It is longer than can be borne, or takes too long to find.
    """
    degrees: dict[Loop, int] = {}
    budget = _Budget(_MOST_STEPS)

    def degree(loop: Loop) -> int:
        if loop not in degrees:
            later = (1 + degree(each) for each in loops if _hands_on(automaton, loop, each, budget))
            degrees[loop] = max(later, default=0)
            if degrees[loop] >= len(_MOST_CHOICES):
                at = automaton.at[min(loop)]
                raise refused("repetitions that overlap one after the other; anchor the pattern, or part them", at)
        return degrees[loop]

    return max(map(degree, loops), default=0)


class _Budget:
    """Steps that a search may take."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, at: int) -> None:
        """Take a step for the repetition at a place of the pattern."""
        self._left -= 1
        if self._left < 0:
            raise refused("repetitions too intricate to be judged; make them shorter", at)


def _hands_on(automaton: Automaton, loop: Loop, later: Loop, budget: _Budget) -> bool:
    """Tell whether a text leads round `loop`, from it to `later`, and round `later`."""
    if loop == later:
        return False

    def followers(states: tuple[int, int, int]) -> Iterable[tuple[int, int, int]]:
        budget.spend(automaton.at[states[2]])
        sets = automaton.among
        first, between, last = (automaton.next[state] for state in states)
        for one in first.keys() & loop:
            for two in between:
                shared = sets[one] & sets[two]
                if shared:
                    yield from ((one, two, three) for three in last.keys() & later if shared & sets[three])

    for start, end in product(loop, later):
        reached = _reached(followers((start, start, end)), followers)
        if (start, end, end) in reached:
            return True
    return False


def _check_choices(automaton: Automaton, degree: int) -> None:
    """Refuse many places at which one character may be read in several ways, be there loops or not."""
    most = _MOST_CHOICES[degree]
    choices = [
        state
        for state, ways in enumerate(automaton.next)
        if any(number > 1 for number in ways.values()) or _overlap(automaton, list(ways))
    ]
    if len(choices) > most:
        at = automaton.at[choices[most]]
        raise refused("too many places where the next character may be read in several ways", at)


def _overlap(automaton: Automaton, states: list[int]) -> bool:
    seen = 0
    for state in states:
        if seen & automaton.among[state]:
            return True
        seen |= automaton.among[state]
    return False


def _reached(
    starts: Iterable[S], followers: Callable[[S], Iterable[S]], *, within: AbstractSet[S] | None = None
) -> set[S]:
    reached: set[S] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in reached and (within is None or node in within):
            reached.add(node)
            waiting.extend(followers(node))
    return reached


def _components(starts: Iterable[S], followers: Callable[[S], Iterable[S]]) -> list[frozenset[S]]:
    """The strongly connected components of what is reached, by Kosaraju's two passes."""
    nodes = _reached(starts, followers)
    back: dict[S, list[S]] = {node: [] for node in nodes}
    for node in nodes:
        for follower in followers(node):
            back[follower].append(node)
    found: list[frozenset[S]] = []
    left = set(nodes)
    for node in reversed(_finished(nodes, followers)):
        if node in left:
            component = frozenset(_reached([node], back.__getitem__, within=left))
            left -= component
            found.append(component)
    return found


def _finished(nodes: Iterable[S], followers: Callable[[S], Iterable[S]]) -> list[S]:
    """The nodes in the order in which a search in depth leaves them."""
    order: list[S] = []
    seen: set[S] = set()
    for root in nodes:
        if root in seen:
            continue
        seen.add(root)
        path = [(root, iter(followers(root)))]
        while path:
            node, ahead = path[-1]
            follower = next((each for each in ahead if each not in seen), None)
            if follower is None:
                path.pop()
                order.append(node)
            else:
                seen.add(follower)
                path.append((follower, iter(followers(follower))))
    return order

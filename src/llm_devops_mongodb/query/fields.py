"""Fields of documents: dotted strings, or taken from a model so that a type checker knows them.

A field is taken from a model by a function that goes down to it. At run time the function gets a stand-in of the model
which notes where it is led; to a type checker and an editor it is the model itself, so a misspelt name is an error and
the field has the type of what it leads to:

```python
f(User, lambda user: user.address.city)               # Field[str], "address.city"
f(User, lambda user: some(user.manager).name)         # manager may be None
f(Order, lambda order: each(order.items).price)       # "items.price", of any item
f(Order, lambda order: each(order.items, "$").price)  # "items.$.price"
f(Order, lambda order: order.items[0].price)          # "items.0.price"
f(User, lambda user: user.scores["math"])             # "scores.math"
f(Movie, lambda movie: movie["cast"])                 # of a TypedDict
```

Paths are made of the database's names: aliases, and `_id` for what a model calls its id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeGuard, TypeVar, cast

from llm_devops_mongodb.codecs.names import document_shape, written_key
from llm_devops_mongodb.codecs.shapes import OPEN
from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.values import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from collections.abc import Set as AbstractSet

    from llm_devops_mongodb.codecs.shapes import Part, Shape

M = TypeVar("M")
V = TypeVar("V")

_POSITION = re.compile(r"\$(?:\[(?:[a-z][a-zA-Z0-9]*)?\])?")


class Field(Generic[V]):
    """A field of a document, by the type of its value: an immutable value.

    `Field[int]("a.b")` names a field by hand; `f` takes one from a model.

    Args:
        path: Its dotted path, of the database's names.

    Raises:
        InvalidDocumentError: As for `name_of`.
    """

    # Not a dataclass: a frozen one with slots refuses what `Field[int](…)` sets on it.
    __slots__ = ("path",)

    path: str

    def __init__(self, path: str) -> None:
        _check_path(path)
        object.__setattr__(self, "path", path)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a field does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a field does not change")

    def __reduce__(self) -> tuple[type[Field[Any]], tuple[str]]:
        return Field, (self.path,)

    def __eq__(self, other: object) -> bool:
        return self.path == other.path if isinstance(other, Field) else NotImplemented  # pyright: ignore[reportUnknownMemberType]  # of any type

    def __hash__(self) -> int:
        return hash((Field, self.path))

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"Field({self.path!r})"


ArrayField = Field[list[V]] | Field[tuple[V, ...]] | Field[set[V]] | Field[frozenset[V]] | Field[Sequence[V]]
"""A field that is stored as an array of `V`."""


def f(model: type[M], select: Callable[[M], V]) -> Field[V]:
    """Take a field from a model.

    Args:
        model: A type of documents, as a collection takes it. `dict` knows no fields and takes every name.
        select: Goes down to the field by attributes, keys and positions, `some` and `each`. It is called once, with a
            stand-in that has no values: comparing, calling or looping over it is a TypeError.

    Returns:
        The field, equal to every other of the same path.

    Raises:
        InvalidDocumentError: The model stores no such field, or `select` returns none.
        TypeError: The model is none, or `select` wants a value.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Run:
        ...     id: int
        ...     costs: list[float]
        >>> f(Run, lambda run: each(run.costs, "$[]"))
        Field('costs.$[]')
        >>> f(Run, lambda run: run.id)
        Field('_id')
    """
    shape = document_shape(cast("Hashable", model))
    selected: object = select(cast("M", _Standin(_Trace("", shape))))
    if not isinstance(selected, _Standin):
        raise InvalidDocumentError(f"the function must return a field of {shape.title}, not {type(selected).__name__}")
    trace = _trace_of(selected)
    if not trace.path:
        raise InvalidDocumentError(f"the function returns the whole {shape.title}; let it return a field")
    return Field(trace.path)


def some(value: V | None) -> V:
    """Say, in the function that `f` takes, that a value is there. Outside of it the value is returned as it is."""
    return cast("V", value)


def each(values: Sequence[V] | AbstractSet[V], position: str | None = None) -> V:
    """Go on, in the function that `f` takes, with an element of an array.

    Args:
        values: The array.
        position: None for any element, as in filters. In updates `"$"` for the one that the filter found, `"$[]"` for
            all, `"$[name]"` for those that the array filter `name` lets through.

    Raises:
        InvalidDocumentError: It is no array, or `position` is none of these.
        TypeError: It is used outside of such a function.
    """
    given: object = values
    if not isinstance(given, _Standin):
        raise TypeError("each() is for the function that f() takes")
    return cast("V", _Standin(_trace_of(given).element(position)))


def is_field(value: object) -> TypeGuard[Field[Any]]:
    """Tell a field that was taken from a model, or named by its type."""
    return isinstance(value, Field)


def name_of(field: str | Field[Any]) -> str:
    """Return the path of a field.

    Whether a `$` may begin it is for the caller to say.

    Raises:
        InvalidDocumentError: It is neither a string nor a `Field`, is empty, or holds a NUL or an empty part.
    """
    if type(field) is str:
        _check_path(field)
        return field
    if isinstance(field, Field):
        return field.path
    if not is_text(field):
        raise InvalidDocumentError(f"a field must be a str or a Field, not {type(field).__name__}")
    # The text of a str's subclass, whatever it says of itself: of an enum's member it is the value.
    return name_of(str.__str__(field))


def _check_path(path: str) -> None:
    if not path:
        raise InvalidDocumentError("the name of a field may not be empty")
    if "\0" in path:
        raise InvalidDocumentError(f"the name of a field may not hold NUL: '{shown(path)}'")
    if ".." in path or path[0] == "." or path[-1] == ".":
        raise InvalidDocumentError(f"the path of a field may not hold an empty part: '{shown(path)}'")


@dataclass(frozen=True, slots=True)
class _Trace:
    """Where a stand-in was led.

    Attributes:
        path: The way there.
        shape: What is known of what stands there.
        of_any: It stands for any element of an array.
    """

    path: str
    shape: Shape
    of_any: bool = False

    def attribute(self, name: str) -> _Trace:
        if (part := self.shape.attributes.get(name)) is not None:
            if "." in part.name or part.name[:1] == "$":
                raise InvalidDocumentError(f"{self._told}: '{shown(name)}' is stored under a name that has no path")
            return self._led(part.name, part)
        if not self.shape.is_open:
            raise self._unknown(name, self.shape.attributes)
        return self._led(name, None)

    def item(self, key: object) -> _Trace:
        if type(key) is int and (self.shape.items is not None or (self.shape.is_open and self.shape.values is None)):
            return self._position(key)
        name = written_key(key)
        part = self.shape.keys.get(name) or self.shape.values
        if part is None and not self.shape.is_open:
            raise self._unknown(name, self.shape.keys)
        if not name or "." in name or name[0] == "$":
            raise InvalidDocumentError(f"{self._told}: a key that is empty, holds a dot or begins with $ has no path")
        return self._led(self.shape.keys[name].name if name in self.shape.keys else name, part)

    def element(self, position: str | None) -> _Trace:
        if self.shape.items is None and not self.shape.is_open:
            raise InvalidDocumentError(f"{self._told} is stored as {self.shape.title}, not as an array")
        if position is None:
            self._refuse_nested()
            return _Trace(self.path, self.shape.items.shape if self.shape.items else OPEN, of_any=True)
        if not _POSITION.fullmatch(position):
            raise InvalidDocumentError(
                f"the position '{shown(position)}' is none; take '$', '$[]', or '$[name]' with a name of letters and"
                " digits that begins with a small letter"
            )
        return self._led(position, self.shape.items)

    @property
    def _told(self) -> str:
        return f"'{shown(self.path)}'" if self.path else self.shape.title

    def _position(self, index: int) -> _Trace:
        self._refuse_nested()
        if index < 0:
            raise InvalidDocumentError(f"{self._told}: MongoDB does not count positions from the end")
        return self._led(str(index), self.shape.items)

    def _refuse_nested(self) -> None:
        # The server looks for any element of an array, but not for any of the arrays in it.
        if self.of_any and self.shape.items is not None:
            raise InvalidDocumentError(f"{self._told} is an array of arrays; give each() of the outer one a position")

    def _led(self, name: str, part: Part | None) -> _Trace:
        shape = OPEN if part is None else part.shape
        if not name:
            return _Trace(self.path, shape, self.of_any)
        return _Trace(f"{self.path}.{name}" if self.path else name, shape)

    def _unknown(self, name: str, known: Any) -> InvalidDocumentError:
        place = f" (at '{shown(self.path)}')" if self.path else ""
        also = hint(shown(name), known) or self._other_way
        return InvalidDocumentError(f"{self.shape.title}{place} stores no field '{shown(name)}'{also}", path=self.path)

    @property
    def _other_way(self) -> str:
        if self.shape.items is not None:
            return "; it is an array: take each() or a position"
        return "; take its fields by key" if self.shape.keys or self.shape.values is not None else ""


class _Standin:
    """Stands for a model and its values in the function that `f` takes.

    Its one attribute of its own is called as no field of a model is: those names are the language's.
    """

    __slots__ = ("__trace__",)

    def __init__(self, trace: _Trace) -> None:
        self.__trace__ = trace

    def __getattr__(self, name: str) -> _Standin:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _Standin(self.__trace__.attribute(name))

    def __getitem__(self, key: object) -> _Standin:
        return _Standin(self.__trace__.item(key))

    def __repr__(self) -> str:
        return f"<stand-in for {self.__trace__.path or self.__trace__.shape.title}>"

    def _no_value(self, *_: object) -> NoReturn:
        raise TypeError("a field has no value here; give it to a builder's method")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _no_value
    __bool__ = __len__ = __iter__ = __contains__ = __call__ = _no_value
    __str__ = __format__ = __int__ = __float__ = __index__ = _no_value
    __neg__ = __pos__ = __abs__ = __invert__ = _no_value
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _no_value
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _no_value
    __pow__ = __rpow__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _no_value


def _trace_of(standin: _Standin) -> _Trace:
    return standin.__trace__

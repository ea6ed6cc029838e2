"""JSON values to config dataclasses, strict about names and types."""

import dataclasses
import types
import typing
from typing import Any, Literal, TypeVar

from nightingale.errors import CheckpointMismatch

C = TypeVar("C")


def from_dict(cls: type[C], values: dict[str, Any]) -> C:
    """Build a config dataclass and the nested ones.

    Raises CheckpointMismatch for an unknown or missing key, or a value of another type.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(fields)):
        raise CheckpointMismatch(f"config: {cls.__name__} has no {', '.join(unknown)}")
    missing_value = dataclasses.MISSING
    required = {n for n, f in fields.items() if f.default is missing_value and f.default_factory is missing_value}
    if missing := sorted(required - set(values)):
        raise CheckpointMismatch(f"config: {cls.__name__} lacks {', '.join(missing)}")
    hints = typing.get_type_hints(cls)
    converted = {}
    for name, value in values.items():
        try:
            converted[name] = _convert(hints[name], value)
        except TypeError:
            raise CheckpointMismatch(f"config: {cls.__name__} cannot have {name} {value!r}") from None
    return cls(**converted)


def _convert(hint: Any, value: Any) -> Any:
    """A JSON value as the type of its field: dicts to dataclasses, lists to tuples. Raises TypeError."""
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        return None if value is None else _convert(inner[0], value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return from_dict(typing.cast(type[Any], hint), value)
    if kind is tuple and isinstance(value, list | tuple):
        return tuple(_convert(inner[0], v) for v in value)
    numbers: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float)}
    if type(value) in numbers.get(hint, ()) or (kind is Literal and value in inner):
        return value
    raise TypeError

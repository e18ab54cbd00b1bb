"""Option groups for commands: a parameter whose type is a dataclass becomes one option per field."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Converts a command for Typer: the fields of its option groups become parameters.

    Args:
        command: some of its parameters are annotated with frozen dataclasses, whose fields are annotated as
            Typer's parameters are. A field's default is the option's.
    """
    signature = inspect.signature(command, eval_str=True)
    flat: dict[str, inspect.Parameter] = {}
    for parameter in signature.parameters.values():
        for one in _fields(parameter.annotation) if is_dataclass(parameter.annotation) else [parameter]:
            flat[one.name] = one.replace(kind=inspect.Parameter.KEYWORD_ONLY)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        command(**{name: _taken(parameter, values) for name, parameter in signature.parameters.items()})

    del run.__wrapped__
    run.__dict__["__signature__"] = inspect.Signature(list(flat.values()))
    run.__annotations__ = {name: parameter.annotation for name, parameter in flat.items()}
    return run


def _fields(group: Any) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in fields(group)
    ]


def _taken(parameter: inspect.Parameter, values: dict[str, Any]) -> Any:
    """The value of a command's parameter, assembled from the options' values."""
    group = parameter.annotation
    if not is_dataclass(group):
        return values[parameter.name]
    assert isinstance(group, type)
    return group(**{field.name: values[field.name] for field in fields(group)})

"""Names that are not there, conditions that are arrays, unpacking, numbers."""

from __future__ import annotations

import ast
import difflib
import functools
import re

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import is_array, meant, quoted
from helpers.checks.words import Message
from helpers.languages import translate, translate_count

_MODULES = {
    "np": "numpy as np",
    "torch": "torch",
    "F": "torch.nn.functional as F",
    "math": "math",
    "plt": "matplotlib.pyplot as plt",
}


def unknown_name(found: re.Match, spot: Spot) -> str:
    name = found[1]
    if name in _MODULES:
        return translate(
            "`{name}` is not imported: run the chapter's first cell, or, where it is not in that, write "
            "`import {module}` at the top of yours", name=name, module=_MODULES[name],
        )  # fmt: skip
    inside = {entry.lower(): entry for entry in spot.code.co_varnames} if spot.code else {}
    near = [inside[entry] for entry in difflib.get_close_matches(name.lower(), inside, n=1, cutoff=0.6)]
    near += difflib.get_close_matches(name, list(spot.names), n=1, cutoff=0.75)
    calls = [node.func for node in ast.walk(spot.statement or ast.Pass()) if isinstance(node, ast.Call)]
    if not near and any(getattr(function, "id", "") == name for function in calls):
        return translate("there is no function {name} here: has the cell that defines it run?",
                         name=quoted(name))  # fmt: skip
    if spot.arguments:
        reason = translate("{name} is no argument of the function ({arguments}), and no line above makes it",
                           name=quoted(name), arguments=", ".join(spot.arguments))  # fmt: skip
    else:
        reason = translate("{name} is no argument of the function, and no line above makes it",
                           name=quoted(name))  # fmt: skip
    return meant(reason, quoted(near[0])) if near else reason


def unbound(found: re.Match, spot: Spot) -> str:
    """A local name that no line had given a value yet."""
    name = found[1]
    uses = [node for node in ast.walk(spot.scope or ast.Pass()) if getattr(node, "id", "") == name]
    if any(isinstance(node.ctx, ast.Store) and node.lineno < spot.line for node in uses):
        return translate("`{name}` is assigned in an `if` or a loop that did not run; give it a value first",
                         name=name)  # fmt: skip
    if isinstance(spot.statement, ast.AugAssign) and getattr(spot.statement.target, "id", "") == name:
        return translate(
            "`{name}` has no value to start from: a line such as `{name} = …` is missing before", name=name
        )
    return translate("`{name}` is read before the function assigns it", name=name)


def ambiguous(found: re.Match, spot: Spot) -> str | None:
    """An array where one True or False is wanted."""
    node, around = spot.node, list(ast.walk(spot.statement or ast.Pass()))
    library = "torch" if "Tensor" in found[0] else "np"
    tests = [part.test for part in around if hasattr(part, "test")]
    for part in around:
        if isinstance(part, ast.BoolOp) and (part is node or node in part.values):
            word, sign = ("and", " & ") if isinstance(part.op, ast.And) else ("or", " | ")
            both = quoted(sign.join(f"({ast.unparse(value)})" for value in part.values))
            return translate("`{word}` wants one True or False on each side; entry by entry it is {both}",
                             word=word, both=both)  # fmt: skip
    match node:
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=[_, _, *_]):
            function = ast.Name(f"{library}.{name}imum")   # of two: a third argument would be written into
            other = quoted(functools.reduce(lambda a, b: ast.Call(function, [a, b], []), node.args))
            return translate("`{name}` compares numbers, not arrays; entry by entry it is {other}",
                             name=name, other=other)  # fmt: skip
        case ast.UnaryOp(op=ast.Not(), operand=condition):
            pass
        case ast.Call() if node not in tests:   # sorted(hs) and the like compare inside
            return None
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return None
        case _:
            condition = getattr(node, "test", node)   # of `while`, which is found as a whole
    reason = translate(
        "{condition} is an array of several True and False, and one is wanted: `.all()` or `.any()` of it, "
        "or for a choice entry by entry `{library}.where(condition, a, b)`",
        condition=quoted(condition, translate("the condition")), library=library,
    )  # fmt: skip
    array = condition.operand if isinstance(condition, ast.UnaryOp) else condition
    if not is_array(spot.value(array)) or "bool" in str(spot.value(array).dtype):
        return reason
    empty = quoted(f"len({ast.unparse(array)}) == 0")
    return translate("{reason}; whether it is empty asks {empty}", reason=reason, empty=empty)


def unpacking(found: re.Match, spot: Spot) -> str:
    target = spot.node if isinstance(spot.node, ast.Tuple | ast.List) else None
    values = {"left": quoted(target, translate("the left side")), "wanted": found["wanted"]}
    if found["least"]:
        values["wanted"] = translate("at least {count}", count=found["wanted"])
    if isinstance(spot.statement, ast.For):
        return _each_gives(found["got"], values | {"iterable": quoted(spot.statement.iter)})
    right = getattr(spot.statement, "value", None)
    got, value = found["got"], spot.value(right)
    if got is None and (is_array(value) or type(value) in (list, tuple, dict)):
        got = len(value)
    return _right_gives(got, values | {"right": spot.told(right, translate("the right side"))})


def _each_gives(got: str | None, values: dict[str, str]) -> str:
    if got is None:
        return translate("each entry of {iterable} has more values, and {left} takes {wanted}", **values)
    return translate_count(
        "each entry of {iterable} has {count} value, and {left} takes {wanted}",
        "each entry of {iterable} has {count} values, and {left} takes {wanted}", int(got), **values,
    )  # fmt: skip


def _right_gives(got: str | int | None, values: dict[str, str]) -> str:
    if got is None:
        return translate("{right} gives more values, and {left} takes {wanted}", **values)
    return translate_count(
        "{right} gives {count} value, and {left} takes {wanted}",
        "{right} gives {count} values, and {left} takes {wanted}", int(got), **values,
    )  # fmt: skip


def one_number(found: re.Match, spot: Spot) -> str:
    """math.tanh(x), float(x), x.item() of an array with several entries."""
    node = next((node for node in spot.operands() if is_array(spot.value(node))), None)
    array = spot.told(node, translate("what is given"))
    match spot.node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=name)):
            return translate(
                "{function} takes one number, and {array} is an array of several; `np.{name}` takes arrays",
                function=quoted(spot.node.func), array=array, name=name,
            )  # fmt: skip
    return translate("one number is wanted, and {array} is an array of several", array=array)


def zero_division(found: re.Match, spot: Spot) -> str:
    divides = isinstance(spot.node, ast.BinOp | ast.AugAssign) and not isinstance(spot.node.op, ast.Pow)
    if divides:
        return translate("the divisor {divisor} is 0 here", divisor=quoted(spot.operands()[1]))
    return translate("the divisor is 0 here")


RULES = (
    (r"local variable '(\w+)'", unbound),
    (r"name '(\w+)' is not defined", unknown_name),
    (r"truth value of an array .* is ambiguous|Boolean value of Tensor with .* is ambiguous", ambiguous),
    (r"values to unpack \(expected (?P<least>at least )?(?P<wanted>\d+)(?:, got (?P<got>\d+))?\)", unpacking),
    (r"only (?:0-dimensional|length-1) arrays can be converted to Python scalars", one_number),
    (r"can only convert an array of size 1|Tensor with \d+ elements cannot be converted", one_number),
    (r"^ZeroDivisionError: ", zero_division),
    (r"math domain error",
     Message("it has no value there, as a logarithm of 0 and a root of -1 have none")),
)  # fmt: skip

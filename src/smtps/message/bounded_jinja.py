"""Templates of Jinja2 whose work and memory have a bound: whoever writes one may be a stranger.

Every loop, call, filter, operator and output spends from the budget of the message that is filled
in, before it makes anything large; so ten lines cannot run for an hour or take all memory. It
counts and looks at no clock, so the same template fails everywhere or nowhere, and nothing has to
be killed. What objects do that the program itself hands in is not counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, wraps
from types import BuiltinMethodType, MethodType
from typing import Any

import jinja2
from jinja2 import StrictUndefined, nodes, pass_context
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from smtps.message.budget import (
    CHARACTERS,
    SIZED,
    STEP,
    TooMuchError,
    left,
    paying,
    spend,
    weigh,
    weigh_top,
)

CODE = 1 << 16
"""Characters between the braces of one template."""

NUMBER = 10_000
"""The largest number that a filter or a method may be given, such as a width."""

BITS = 1 << 14
"""Of a whole number."""

_NO_CODE = frozenset({"data", "comment"})

TEXT = 1 << 16
"""Characters for filters that take longer for each one the more there are."""


def compiled(source: str, *, html: bool = False) -> Callable[[Mapping[str, Any]], str]:
    """A template.

    Args:
        source: Jinja2.
        html: escape what is filled in.

    Raises:
        TemplateSyntaxError: Jinja2's; it is none.
        TooMuchError: it is too long, or nested too deep.
    """
    environment = _environment(html=html)
    code = sum(len(text) for _, kind, text in environment.lex(source) if kind not in _NO_CODE)
    if code > CODE:
        raise TooMuchError(f"has {code:,} characters of code; {CODE:,} are allowed")
    try:
        template = environment.from_string(source)
    except (RecursionError, MemoryError, SyntaxError, OverflowError, ValueError) as error:
        if isinstance(error, jinja2.TemplateError):
            raise
        raise TooMuchError("is nested too deeply") from None

    def fill(values: Mapping[str, Any]) -> str:
        try:
            return str(template.render(values))
        except RecursionError:
            raise TooMuchError("recurses endlessly") from None

    return fill


_SIZED = frozenset({
    "batch", "center", "expandtabs", "indent", "ljust", "rjust", "round", "slice", "to_bytes",
    "tojson", "truncate", "wordwrap", "zfill",
})  # fmt: skip
"""Filters and methods that are told how much to make."""


def _numbers(name: str, values: Iterable[Any]) -> None:
    for value in values if name in _SIZED else ():
        if isinstance(value, int) and abs(value) > NUMBER:
            raise TooMuchError(f"uses a number of more than {NUMBER:,}")


def _replaced(text: str, old: Any = "", new: Any = "", *_: Any) -> None:
    found = text.count(str(old)) if str(old) else len(text) + 1
    spend((len(text) + found * len(str(new))) // CHARACTERS)


def _joined(separator: str, entries: Iterable[Any]) -> list[Any]:
    entries = list(paying(entries))
    weigh(entries)
    spend(len(separator) * len(entries) // CHARACTERS)
    return entries


_PERCENT = re.compile(r"(?:\*|(?<!\d)\d{4,}+)(?:\.\d*+)?[hlL]?[a-zA-Z]")
_FIELD = re.compile(r"\{[^{}:]*+:([^{}]*+)(\{)?")
_WIDE = re.compile(r"\d{4}")


def _percents(text: str) -> None:
    if "%" in text and _PERCENT.search(text):
        raise TooMuchError(_TOO_WIDE)


def _braces(text: str) -> None:
    if any(field[2] or _WIDE.search(field[1]) for field in _FIELD.finditer(text)):
        raise TooMuchError(_TOO_WIDE)


_TOO_WIDE = "formats with a width of more than three digits, or with a computed width"


def _multiplied(left: Any, right: Any) -> Any:
    for text, times in ((left, right), (right, left)):
        if isinstance(text, (str, bytes, list, tuple)) and isinstance(times, int):
            weight = CHARACTERS if isinstance(text, (str, bytes)) else 1
            spend(max(times, 0) * max(len(text), 1) // weight)
            return left * right
    if isinstance(left, int) and isinstance(right, int):
        _small(left.bit_length() + right.bit_length())
    return left * right


def _raised(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        _small(left.bit_length() * abs(right))
    return left**right


def _added(left: Any, right: Any) -> Any:
    weigh_top(left)
    weigh_top(right)
    return left + right


def _subtracted(left: Any, right: Any) -> Any:
    weigh_top(left)
    weigh_top(right)
    return left - right


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, (str, bytes)):
        _percents(left if isinstance(left, str) else left.decode("latin-1"))
        weigh(left)
        weigh(right)
    return left % right


def _small(bits: int) -> None:
    spend(1 + bits // 64)
    if bits > BITS:
        raise TooMuchError(f"makes a number of more than {BITS:,} bits")


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "*": _multiplied, "**": _raised, "+": _added, "-": _subtracted, "%": _remainder,
}  # fmt: skip

_LINEAR = frozenset({
    "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format",
    "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower",
    "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower",
    "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
    "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase",
    "title", "unescape", "upper", "zfill",
})  # fmt: skip
"""Methods of texts, which take no longer for each character the more there are."""


def _called(method: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Pay for a method of Python's own types; its arguments."""
    owner, name = method.__self__, method.__name__
    _numbers(name, args)
    if not isinstance(owner, str):
        weigh(owner)
        for value in args:
            weigh(value)
        return args
    if name not in _LINEAR:
        raise TooMuchError(f"uses {name}, which is not available here")
    spend(STEP + len(owner) // CHARACTERS)
    if name == "join" and args:
        return (_joined(owner, args[0]), *args[1:])
    for value in args:
        weigh(value)
    if name == "replace":
        _replaced(owner, *args)
    elif name == "expandtabs":
        spend(owner.count("\t") * (args[0] if args and isinstance(args[0], int) else 8))
    elif name == "format":
        _braces(owner)
    return args


# Filters.

_TOP = frozenset({
    "attr", "batch", "count", "d", "default", "first", "items", "last", "length", "list", "map",
    "random", "reject", "rejectattr", "reverse", "safe", "select", "selectattr", "slice",
})  # fmt: skip
"""Filters that do not look into what they are given."""


def _by_square(text: Any, *_: Any, **__: Any) -> None:
    size = len(str(text)) if isinstance(text, str) else 0
    if size > TEXT:
        raise TooMuchError(f"filters a text of more than {TEXT:,} characters")
    spend(size * size // 4096)


def _wrapped(text: Any, width: Any = 79, *others: Any, **more: Any) -> None:
    _by_square(text)
    width = more.get("width", width)
    if not isinstance(width, int) or width < STEP:
        raise TooMuchError(f"wraps lines at fewer than {STEP} characters")
    marks = sum(len(value) for value in (*others, *more.values()) if isinstance(value, str))
    spend((len(str(text)) // width + str(text).count("\n") + 1) * marks // CHARACTERS)


def _indented(text: Any, width: Any = 4, *_: Any, **more: Any) -> None:
    width = more.get("width", width)
    width = len(width) if isinstance(width, str) else width
    spend((str(text).count("\n") + 1) * int(width) // CHARACTERS)


def _written(value: Any, indent: Any = None, **more: Any) -> None:
    before = left()
    weigh(value)
    spend((before - left()) * (more.get("indent", indent) or 0))


def _counted(_value: Any, _attribute: Any = None, start: Any = 0, **more: Any) -> None:
    if not isinstance(more.get("start", start), (int, float)):
        raise TooMuchError("sums values that are not numbers")


def _each(value: Any, *_: Any, **__: Any) -> None:
    """So much again for each entry, or character."""
    if isinstance(value, SIZED):
        spend(3 * STEP * len(value))
    else:
        spend(4 * len(str(value)))


_DEARER: dict[str, Callable[..., None]] = {
    "format": lambda text, *_, **__: _percents(str(text)),
    "indent": _indented,
    "pprint": lambda value, *_, **__: _written(value, 100),
    "replace": lambda text, *args, **__: _replaced(str(text), *args),
    "striptags": _by_square,
    "sum": _counted,
    "tojson": _written,
    "urlize": _by_square,
    "wordwrap": _wrapped,
} | dict.fromkeys(("sort", "dictsort", "groupby", "title", "unique", "wordcount"), _each)
"""Filter → what it costs beside reading what it is given."""

_COMPARING = ("==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", ">=", "ge", "<", "lt",
              "lessthan", "<=", "le", "in")  # fmt: skip


def _filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, which pays."""
    place = int(hasattr(function, "jinja_pass_arg"))
    dearer = _DEARER.get(name)

    @wraps(function)
    def paying(*args: Any, **more: Any) -> Any:
        before, value, rest = args[:place], args[place], args[place + 1 :]
        spend(STEP + len(rest))
        _numbers(name, (*rest, *more.values()))
        if name == "join":
            separator = str(rest[0] if rest else more.get("d", ""))
            value = _joined(separator, value)
        else:
            value = weigh_top(value) if name in _TOP else weigh(value)
        for other in (*rest, *more.values()):
            weigh(other)
        if dearer is not None:
            dearer(value, *rest, **more)
        return weigh_top(function(*before, value, *rest, **more))

    return paying


def _test(name: str, function: Any) -> Callable[..., Any]:
    """The same test, which pays."""
    pay = weigh if name in _COMPARING else weigh_top

    @wraps(function)
    def paying(*args: Any, **more: Any) -> Any:
        for value in (*args, *more.values()):
            pay(value)
        return function(*args, **more)

    return paying


_WEIGH, _WEIGH_TOP, _TICK = "\0weigh", "\0weigh_top", "\0tick"
"""Filters of ours, by names that no template can write."""


def _tick(cost: int) -> bool:
    spend(cost)
    return True


# The environment.


def _paid(expression: nodes.Expr, by: str = _WEIGH) -> nodes.Expr:
    if isinstance(expression, nodes.Const):
        return expression
    return nodes.Filter(expression, by, [], [], None, None, lineno=expression.lineno)


def _cost(node: nodes.Node) -> int:
    """Of going through a body once."""
    static = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
    return STEP * sum(1 for _ in node.find_all(nodes.Node)) + static // CHARACTERS


class _Payer(NodeTransformer):
    """Puts into a template what pays for each round, and for what is compared and put together."""

    def _ticking(self, node: Any) -> Any:
        cost, lineno = _cost(node), node.lineno
        self.generic_visit(node)
        tick = nodes.Filter(nodes.Const(cost), _TICK, [], [], None, None, lineno=lineno)
        node.body.insert(0, nodes.ExprStmt(tick, lineno=lineno))
        if getattr(node, "test", None) is not None:
            node.test = nodes.And(tick, node.test, lineno=lineno)
        return node

    visit_For = visit_Macro = visit_CallBlock = visit_Block = _ticking  # noqa: N815

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.nodes = [_paid(entry) for entry in node.nodes]
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _paid(node.expr)
        for operand in node.ops:
            operand.expr = _paid(operand.expr)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.key = _paid(node.key)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            return _paid(node, _WEIGH_TOP)
        node.arg = _paid(node.arg)
        return node


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(_OPERATORS)

    def __init__(self, *, html: bool) -> None:
        super().__init__(
            autoescape=html,
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            optimized=False,  # what it works out beforehand nobody pays for
            finalize=_shown_in_html if html else _shown,
        )
        self.globals.pop("lipsum")
        self.binop_table |= _OPERATORS
        own: dict[str, Any] = {_WEIGH: weigh, _WEIGH_TOP: weigh_top, _TICK: _tick}
        self.filters = own | {name: _filter(name, found) for name, found in self.filters.items()}
        self.tests = {name: _test(name, found) for name, found in self.tests.items()}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        _Payer().visit(template)
        return template.set_environment(self)  # type: ignore[return-value]  # itself

    def call(self, context: Any, obj: Any, /, *args: Any, **more: Any) -> Any:
        spend(STEP + len(args) + len(more))
        method = getattr(obj, "__wrapped__", obj)  # the sandbox's own format
        owner = getattr(method, "__self__", None)
        if isinstance(method, _METHODS) and isinstance(owner, _OWN):
            args = _called(method, args)
            for value in more.values():
                weigh(value)
        found = super().call(context, obj, *args, **more)
        return found if isinstance(obj, Macro) else weigh_top(found)


_METHODS = (BuiltinMethodType, MethodType)
_OWN = (str, bytes, list, tuple, dict, set, frozenset, int, float, LoopContext)
"""Types whose methods cost what is known here."""


@pass_context
def _shown(_context: Any, value: Any) -> Any:
    return weigh(value)


@pass_context
def _shown_in_html(_context: Any, value: Any) -> Any:
    if not hasattr(value, "__html__"):
        for _ in range(5):  # as much as escaping makes of it
            weigh(value)
    return weigh(value)


@lru_cache(maxsize=2)
def _environment(*, html: bool) -> _Environment:
    return _Environment(html=html)

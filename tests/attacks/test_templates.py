"""Templates that would take all time or all memory, and those that must go on working."""

from __future__ import annotations

import tracemalloc
from datetime import date
from typing import Any

import pytest

import smtps
from smtps.message import budget

HEAD = "From: a@x.test\nTo: b@x.test\n\n"
A_LOT = "a" * 100_000


def grown(start: str, step: str, end: str = "") -> str:
    """Sixty-four rounds, in each of which two values are made of those before."""
    other = step.replace("ns.x", "ns.y")
    return (
        f"{{% set ns = namespace(x={start}, y={start}) %}}{{% for i in range(64) %}}"
        f"{{% set ns.x = {step} %}}{{% set ns.y = {other} %}}{{% endfor %}}{end}"
    )


def laughs(end: str, step: str = "[ns.x, ns.x]", start: str = "['lol']") -> str:
    """A small thing that would be written out as a huge one."""
    return grown(start, step, end)


def often(step: str, start: str = "'a' * 100000") -> str:
    """A hundred thousand times the same."""
    return (
        f"{{% set x = {start} %}}{{% for i in range(100000) %}}{{% set y = {step} %}}{{% endfor %}}"
    )


LOOPS = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "with a condition": "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}"
    "{% endfor %}{% endfor %}",
    "long": "{% for a in range(1000000000) %}{% endfor %}",
    "recursive": "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "recursive and wide": "{% for a in range(9999) recursive %}"
    "{{ loop(range(99999)) if loop.depth < 3 }}{% endfor %}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macros": "{% macro m(n) %}{{ m(n-1) if n }}{{ m(n-1) if n }}{% endmacro %}{{ m(60) }}",
    "text": "{% for i in range(99999) %}" + A_LOT + "{% endfor %}",
    "text in a macro": "{% macro m() %}" + A_LOT + "{% endmacro %}" + often("m()"),
    "text in a block": "{% block b %}" + A_LOT + "{% endblock %}" + often("self.b()"),
    "text in a call": "{% macro m() %}" + often("caller()") + "{% endmacro %}{% call m() %}"
    + A_LOT + "{% endcall %}",
    "text in a filter": "{% for i in range(99999) %}{% filter upper %}" + A_LOT
    + "{% endfilter %}{% endfor %}",
    "body": "{% for i in range(99999) %}" + "{% if i %}{% endif %}" * 2000 + "{% endfor %}",
    "output": "{% set x = 'a' * 10000 %}{% for i in range(99999) %}{{ x }}{% endfor %}",
}  # fmt: skip
SIZES = {
    "times": "{{ 'a' * 10**9 }}",
    "times from the left": "{{ 10**9 * 'a' }}",
    "list times": "{{ ([1] * 10**9)|length }}",
    "tuple times": "{{ ((1,) * 10**9)|length }}",
    "power of a power": "{{ (2**10000)**10000 }}",
    "power of minus": "{{ 2**-(10**10) * (3**(10**9)) }}",
    "product": grown("10", "ns.x * ns.x"),
    "put together": grown("'aa'", "ns.x ~ ns.x"),
    "added": grown("'aa'", "ns.x + ns.x"),
    "joined": grown("'aa'", "[ns.x, ns.x]|join"),
    "joined by it": grown("'aa'", "'abc'|join(ns.x)"),
    "joined by its method": grown("'aa'", "ns.x.join('abc')"),
    "replaced": grown("'aa'", "ns.x|replace('a', 'aa')"),
    "replaced nothing": grown("'aa'", "ns.x|replace('', 'a')"),
    "replaced by its method": grown("'aa'", "ns.x.replace('a', 'aa')"),
    "formatted": grown("'aa'", "'{0}{0}'.format(ns.x)"),
    "percents": grown("'aa'", "'%s%s' % (ns.x, ns.x)"),
    "percent filter": grown("'aa'", "'%s%s'|format(ns.x, ns.x)"),
    "block": "{% set ns = namespace(x='a') %}{% for i in range(64) %}{% set y %}{{ ns.x }}"
    "{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}",
    "percent": "{{ '%999999999d' % 1 }}",
    "percent star": "{{ '%*d' % (999999999, 1) }}",
    "percent named": "{{ '%(a)999999999s' % {'a': 1} }}",
    "percent named oddly": "{{ '%(a(%b)c)999999999s' % {'a(%b)c': 1} }}",
    "percent precision": "{{ '%.999999999f' % 1 }}",
    "percent in a filter": "{{ '%999999999s'|format('x') }}",
    "format": "{{ '{:>999999999}'.format(1) }}",
    "format nested": "{{ '{:>{}}'.format(1, 999999999) }}",
    "format named": "{{ '{a:>999999999}'.format(a=1) }}",
    "format of an entry": "{{ '{a[:]:>999999999}'.format(a={':': 1}) }}",
    "format map": "{{ '{a:>999999999}'.format_map({'a': 1}) }}",
    "center": "{{ 'a'|center(999999999) }}",
    "center by name": "{{ 'a'|center(width=999999999) }}",
    "mapped center": "{{ ['a']|map('center', 999999999)|list }}",
    **{name: f"{{{{ 'a'.{name}(999999999) }}}}" for name in ("center", "ljust", "rjust", "zfill")},
    "tabs": "{{ '\t'.expandtabs(999999999) }}",
    "many tabs": "{{ ('\t' * 100000).expandtabs(10000) }}",
    "indent": "{{ ('\n' * 100000)|indent(10000, blank=true) }}",
    "indent by text": "{{ ('\n' * 100000)|indent('a' * 100000, blank=true) }}",
    "round": "{{ 1.5|round(999999999) }}",
    "octets": "{{ (1).to_bytes(999999999, 'big') }}",
    "batch": "{{ [1]|batch(999999999, 'x')|list|length }}",
    "slice": "{{ [1]|slice(999999999)|list|length }}",
    "mark of a line": "{{ ('a ' * 20000)|wordwrap(10, wrapstring='b' * 100000) }}",
    "lipsum": "{{ lipsum(n=10000, max=10000) }}",
    "translate": "{{ ('a' * 10000).translate({97: 'b' * 100000}) }}",
    "JSON": "{{ ([[1]] * 100000)|tojson(10000) }}",
    "joiner": "{% set j = joiner('a' * 10000) %}{% for i in range(99999) %}{{ j() }}{% endfor %}",
    "dict": "{% set ns = namespace(d=dict(a=1)) %}{% for i in range(99999) %}"
    "{% set ns.d = dict(ns.d, **{'k%s' % i: 1}) %}{% endfor %}",
    "list": "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = ns.x + [i] %}"
    "{% endfor %}",
}  # fmt: skip
TIMES = {
    "written": laughs("{{ ns.x }}"),
    "as JSON": laughs("{{ ns.x|tojson }}"),
    "printed": laughs("{{ ns.x|pprint }}"),
    "as text": laughs("{% set z = ns.x|string %}"),
    "put together": laughs("{% set z = '' ~ ns.x %}"),
    "compared": laughs("{{ ns.x == ns.y }}"),
    "tested": laughs("{{ ns.x is eq(ns.y) }}"),
    "selected": laughs("{{ [ns.x]|select('eq', ns.y)|list|length }}"),
    "sorted": laughs("{{ [ns.x, ns.y]|sort|length }}"),
    "changed": laughs("{% for i in [ns.x, ns.y] %}{{ loop.changed(i) }}{% endfor %}"),
    "in a list": laughs("{{ ns.x in [ns.y] }}"),
    "index of a list": laughs("{{ [ns.x].index(ns.y) }}"),
    "formatted": laughs("{% set z = '{}'.format(ns.x) %}"),
    "percents": laughs("{% set z = '%s' % ns.x %}"),
    "hashed": laughs("{{ {ns.x: 1}|length }}", "(ns.x, ns.x)", "(1,)"),
    "key": laughs("{{ {}[ns.x] }}", "(ns.x, ns.x)", "(1,)"),
    "key of a method": laughs("{{ {}.get(ns.x) }}", "(ns.x, ns.x)", "(1,)"),
    "unique": laughs("{{ [ns.x, ns.y]|unique|list|length }}", "(ns.x, ns.x)", "(1,)"),
    "in namespaces": laughs("{{ ns.x }}", "namespace(a=ns.x, b=ns.x)"),
    "in views": laughs("{{ ns.x }}", "{1: ns.x, 2: ns.x}.values()"),
    "sum of lists": "{% set x = [[1] * 1000] * 1000 %}{{ x|sum(start=[])|length }}",
    "lines": "{{ ('a' * 1000000)|wordwrap(1) }}",
    "tags": "{{ ('<!---->' * 200000)|striptags }}",
    "tags often": often("x|striptags", "'<!---->' * 9000"),
    "tags by a method": "{{ ('<!---->' * 200000)|e|striptags }}",
    "links": "{{ ('http://a.b ' * 100000)|urlize }}",
    "punycode": "{{ ('a' * 100000).encode('punycode') }}",
    "unpacked": often("dict(a=1).get(*x)", "range(100000)"),
    "mapped": "{{ range(99999)" + "|map('upper')" * 200 + "|list|length }}",
    **{step: often(f"x{step}") for step in (
        "[1:]", "|upper", ".upper()", ".find('b')", "|urlencode", "|title", "|wordcount",
        "|reverse", "|join('b')", " is lower", " == 'a' * 100000", "|e", "|list", ".split('b')")},
    **{step: often(f"x{step}", "range(90000)|list") for step in (
        "[1:]", "|sum", "|max", "|unique|list", "|map('string')|list", "|length + 'b' in x",
        "|reverse|list", "|batch(2)|list", "|join", ".count('b')")},
    "range": often("x|sum", "range(100000)"),
    "groups": often("x|groupby('a')", "[{'a': 1}] * 10000"),
    "long number": "{{ " + "9" * 50_000 + " }}",
    **{name: "{{ " + text + " }}" for name, text in {
        "parentheses": "(" * 10_000 + "1" + ")" * 10_000,
        "lists": "[" * 10_000 + "1" + "]" * 10_000,
        "sums": "1" + "+1" * 20_000,
        "filters": "1" + "|e" * 20_000,
        "nots": "not " * 10_000 + "1",
        "minus": "-" * 20_000 + "1",
        "attributes": "1" + ".a" * 20_000,
        "conditions": "1 if 1 else " * 4_000 + "1",
    }.items()},
    "deep loops": "{% for a in [1] %}" * 100 + "{% endfor %}" * 100,
    "deep conditions": "{% if 1 %}" * 2000 + "{% endif %}" * 2000,
    "many blanks": "{{ 1 }}" * 20_000,
    "file": "{% include '/etc/passwd' %}",
}  # fmt: skip


def fill(text: str, *, html: bool = False, **values: Any) -> str:
    template = smtps.Template(HEAD, html=text) if html else smtps.Template(HEAD + text)
    message = template.fill(values)
    return (message.html if html else message.text) or ""


@pytest.mark.parametrize("html", [False, True], ids=["text", "HTML"])
@pytest.mark.parametrize("source", [*LOOPS.values(), *SIZES.values(), *TIMES.values()],
                         ids=[*LOOPS, *SIZES, *TIMES])  # fmt: skip
def test_a_template_that_takes_too_much_is_refused(
    source: str, html: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "WORK", budget.WORK // 10)  # the same, and sooner over
    with pytest.raises(smtps.InputError) as caught:
        fill(source, html=html)
    assert caught.value.field == "template"
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("source", [SIZES["put together"], SIZES["block"], LOOPS["output"],
                                    SIZES["list"], SIZES["replaced"]])  # fmt: skip
def test_what_it_makes_until_then_is_small(source: str) -> None:
    fill("{{ 1 }}")
    tracemalloc.start()
    try:
        with pytest.raises(smtps.InputError, match="more work or memory"):
            fill(source)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_all_fields_of_a_message_share_one_budget() -> None:
    some = "{% for i in range(20000) %}{% endfor %}"
    head = "".join(f"X-{number}: {some}\n" for number in range(20))
    assert smtps.Template(f"X-0: {some}\n{HEAD}Hi").fill({}).headers == {"X-0": ""}
    with pytest.raises(smtps.InputError, match="more work or memory"):
        smtps.Template(f"{head}{HEAD}Hi").fill({})


def test_the_header_of_a_template_is_bounded() -> None:
    for head in ("X: y\n" * 600, "X: " + "{{ a }}" * 10_000 + "\n"):
        with pytest.raises(smtps.InputError, match="header fields"):
            smtps.Template(f"{head}{HEAD}Hi")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ x|default('a' * 1000) }}", "a" * 1000),
        ("{{ undefined|default(1000000) }}", "1000000"),
        ("{% for r in rows|selectattr('n', '>', 50000) %}{{ r.n }},{% endfor %}", "60000,70000,"),
        ("{{ rows|sum(attribute='n') }}", "170000"),
        ("{{ rows|map(attribute='n')|join(', ') }}", "40000, 60000, 70000"),
        ("{{ rows|map(attribute='n')|map('string')|list }}", "['40000', '60000', '70000']"),
        ("{% for r in rows %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/3 2/3 3/3 "),
        ("{% for r in rows|sort(attribute='n', reverse=true) %}{{ r.n }} {% endfor %}",
         "70000 60000 40000 "),
        ("{% for k, g in rows|groupby('k') %}{{ k }}{{ g|length }} {% endfor %}", "a2 b1 "),
        ("{% for n in tree recursive %}{{ n.t }}{{ loop(n.c) if n.c }}{% endfor %}", "123"),
        ("{% macro m(a, b=2) %}{{ a + b }}{% endmacro %}{{ m(1) }}{{ m(1, b=3) }}", "34"),
        ("{% set s=namespace(n=0) %}{% for r in rows %}{% set s.n = s.n+1 %}{% endfor %}{{ s.n }}",
         "3"),
        ("{{ '%.2f'|format(1234.5) }} {{ '%-8s|' % 'a' }} {{ '{:,}'.format(1234567) }}",
         "1234.50 a       | 1,234,567"),
        ("{{ 'Order 20261130: %s'|format(1) }}", "Order 20261130: 1"),
        ("{{ name.upper() }} {{ name.split(' ')[0] }} {{ name[:3] }}", "ANN EXAMPLE Ann Ann"),
        ("{{ ', '.join(['a', 'b']) }} {{ 'a-b'.replace('-', '+') }}", "a, b a+b"),
        ("{{ name|wordwrap(10) }}|{{ 'a\nb'|indent(2) }}", "Ann\nExample|a\n  b"),
        ("{{ {'a': [1, {'b': 2}]}|tojson }}", '{"a": [1, {"b": 2}]}'),
        ("{{ day.strftime('%d %B %Y') }} {{ f(3) }}", "24 December 2026 9"),
        ("{{ 2**64 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 3 * 'ab' }}", "18446744073709551616 3 3 ababab"),
        ("{% set c = cycler('a', 'b') %}{% for r in rows %}{{ c.next() }}{% endfor %}", "aba"),
        ("{% for r in rows %}{{ r.n }}{{ ', ' if not loop.last }}{% endfor %}",
         "40000, 60000, 70000"),
        ("{% if name in ['x', 'Ann Example'] and 'b' not in 'abc' %}{% else %}no{% endif %}", "no"),
        ("{# " + "a comment " * 10_000 + "#}text", "text"),
    ],
)  # fmt: skip
def test_what_people_write_goes_on_working(source: str, text: str) -> None:
    rows = [{"n": 40_000, "k": "a"}, {"n": 60_000, "k": "b"}, {"n": 70_000, "k": "a"}]
    tree = [{"t": 1, "c": [{"t": 2, "c": []}, {"t": 3, "c": []}]}]
    day = date(2026, 12, 24)
    found = fill(source, rows=rows, tree=tree, name="Ann Example", day=day, f=lambda n: n * n)
    assert found == text


def test_a_long_newsletter_is_no_attack() -> None:
    rows = [{"name": f"thing {number}", "text": "word " * 100} for number in range(500)]
    source = "<p>" * 100_000 + "{% for r in rows %}<li>{{ r.name }}: {{ r.text }}</li>{% endfor %}"
    assert len(fill(source, html=True, rows=rows)) > 500_000

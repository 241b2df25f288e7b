"""Objects that the automaton keeps count of: masks are brute force, where names come again and counts run out."""

from __future__ import annotations

import itertools

import pytest

from laws import vocabularies
from laws.test_masks import assert_same_mask
from laws.walks import automaton
from oracles.byte_automaton import ByteOracle
from oracles.masks import MaskOracle
from treadle import JsonSchema

#: Tokens that end names which may have been written before, in one piece or in several.
VOCABULARY = vocabularies.vocabulary(
    [
        *(bytes([byte]) for byte in range(256)),
        *(
            b'"a"',
            b'"a":',
            b'a"',
            b'a":1',
            b'oo"',
            b'foo":',
            b'"foo":1',
            b'foo"',
            b'"foo',
            b',"',
            b'","',
            b'":1,"',
        ),
        *(
            b'":1,"a":1',
            b'":1,"foo":1',
            b'a":1,"a":1',
            b'},"foo":',
            b'}},"a"',
            b'\\u0061"',
            b"\\u006",
            b'u0061":',
        ),
        *(
            b'ab"',
            b'b"',
            b'"ab',
            b"}}",
            b'"}',
            b"1}",
            b"1,",
            b' "',
            b', "',
            b"\n  ",
            b'\n"',
            b'{"a":{"foo":1}',
        ),
        *("é".encode(), 'é"'.encode(), b'\xa9"', b'x-a"', b'"x-', b'-a":'),
    ]
)
SCHEMAS = {
    "anything": {"type": "object"},
    "integers": {"type": "object", "additionalProperties": {"type": "integer"}},
    "listed and others": {
        "type": "object", "properties": {"a": {}, "foo": {"type": "object"}}, "required": ["foo"],
    },
    "closed": {
        "type": "object", "properties": {"a": {"type": "integer"}, "ab": {"type": "integer"}, "foo": {}},
        "required": ["a", "foo"], "additionalProperties": False,
    },
    "counted": {"type": "object", "properties": {"a": {}}, "minProperties": 2, "maxProperties": 3},
    "counted and required": {
        "type": "object", "properties": {"a": {}, "ab": {}}, "required": ["ab", "foo"], "maxProperties": 2,
    },
    "patterns": {
        "type": "object", "patternProperties": {"^x-": {"type": "integer"}, "a$": {"type": "integer"}},
        "properties": {"x-a": {}}, "additionalProperties": {"type": "object"},
    },
    "few names": {"type": "object", "patternProperties": {"^(ab|foo.*)$": {}}, "additionalProperties": False},
    "one name is never possible": {
        "type": "object", "properties": {"a": False, "foo": {"type": "integer"}}, "minProperties": 1,
    },
}  # fmt: skip
PREFIXES = [
    *(
        b"",
        b"{",
        b'{"',
        b'{"a',
        b'{"a"',
        b'{"a":',
        b'{"a":1',
        b'{"a":1,',
        b'{"a":1, ',
        b'{"a":1,"',
        b'{"a":1,"a',
    ),
    *(
        b'{"foo":1,"',
        b'{"foo":1,"f',
        b'{"foo":1,"fo',
        b'{"foo":1,"foo',
        b'{"foo":{},"a":1,"',
        b'{"foo":{},"a":1',
    ),
    *(
        b'{"foo":1,"fo\\',
        b'{"foo":1,"\\u0066o',
        b'{"foo":{"foo":1',
        b'{"foo":{"foo":1,"f',
        b'{"foo":{"a":1},"',
    ),
    *(
        b'{"foo":{"foo":{"',
        b'{"ab":1,"foo":1',
        b'{"ab":1,"foo":1,"',
        b'{"ab":1,"',
        b'{"ab":1,"a',
        b'{"ab":1,"a":2,"a',
    ),
    *(
        b'{"zz":1,"',
        b'{"zz":1,"z',
        b'{"zz":1,"zz',
        b'{"z":1,"zz":1,"',
        '{"é":1,"'.encode(),
        b'{"\xc3\xa9":1,"\xc3',
    ),
    *(
        b'{"x-a":{},"x-b":1,"x-',
        b'{"x-b":1,"x-',
        b'{"b":{},"',
        b'{"ba":1,"b',
        b'{"foox":1,"foo',
        b'{"a":{"a":{"a',
    ),
]


@pytest.mark.parametrize("order", ["any", "declared"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_mask_is_brute_force_behind_names_and_in_them(name, order):
    node, _ = JsonSchema(SCHEMAS[name], property_order=order).rules()
    oracle = ByteOracle(node)
    masks, compiled = MaskOracle(oracle, VOCABULARY), automaton(node, VOCABULARY)
    reached = 0
    for prefix in PREFIXES:
        if oracle.allowed(prefix):
            assert_same_mask(compiled, masks, prefix)
            reached += 1
    assert reached > 4


#: A name that matches both patterns has no value; tokens match them alone, beside each other, and in parts.
EXCLUDING = {
    "type": "object", "properties": {"ab": {}},
    "patternProperties": {"net_[a-z]": {"type": "integer"}, "dir_(up|down)": {"type": "object"}},
}  # fmt: skip
PARTS = vocabularies.vocabulary(
    [
        *(bytes([byte]) for byte in range(256)),
        *(
            b"net_a",
            b"net_",
            b"et_ab",
            b"dir_up",
            b"dir_do",
            b"xdir_downx",
            b"dir_upnet_a",
            b"net_xdir_u",
            b"p_net_z",
        ),
        *(
            b"net_adir_up",
            b'dir_up"',
            b'net_a":1',
            b'net_a":{',
            b'dir_up":{',
            b'"net_adir_up"',
            b"\\u0064ir_up",
            b"wn\\",
        ),
    ]
)


@pytest.mark.parametrize("order", ["any", "declared"])
def test_masks_of_names_whose_patterns_exclude_each_other_are_brute_force(order):
    node, _ = JsonSchema(EXCLUDING, property_order=order).rules()
    oracle = ByteOracle(node)
    masks, compiled = MaskOracle(oracle, PARTS), automaton(node, PARTS)
    for name in (
        b"",
        b"net_",
        b"net_a",
        b"xdir_u",
        b"dir_up",
        b"dir_upnet",
        b"net_adir_",
        b"adi",
        b"ab",
        b"dir_upnet_",
    ):
        for before in (b'{"', b'{"ab":1,"', b'{"net_b":1, "'):
            assert oracle.allowed(before + name)
            assert_same_mask(compiled, masks, before + name)


@pytest.mark.parametrize("names", [("a", "b"), ("a", "zz"), ("a", "b", "zz")])
def test_names_in_any_order_lead_to_the_same_state(names):
    node, _ = JsonSchema({"type": "object", "properties": {"a": {}, "b": {}}}, property_order="any").rules()
    compiled = automaton(node, VOCABULARY)
    states = {
        compiled.bytes.run(
            compiled.start, b"{" + b",".join(b'"%s":1' % name.encode() for name in some) + b","
        )
        for some in itertools.permutations(names)
    }
    assert len(states) == 1

"""Rows applied to logits: where a bit of the row is clear, the logit becomes minus infinity, in place.

In: rows by their addresses, since those of a batch lie where they were first computed; and logits as unsigned words of
their own width (uint16 for float16 and bfloat16, uint32, uint64), so that one kernel serves all formats: minus infinity
is a bit pattern handed in. Out: nothing; the logits are changed. Below: rows gathered, hashed and compared.

Construction: 32 logits are read, blended with minus infinity by the bits of one word, and written back: the bits of a
word *are* a vector of 32 booleans for LLVM, two instructions where the machine has mask registers. (Written as a loop
over shifted bits it is vectorised by luck: 15 to 400 us a row of 128,256 instead of 6.) Words that allow everything are
skipped by fours. Beyond the caches the cost is that of writing the line once.
"""

from __future__ import annotations

import ctypes

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from treadle.compiling import INTERPRETED, helper, kernel

#: Words looked at together: a group that is all ones is skipped. More would seldom be all ones, fewer cost branches.
GROUP = 4
ALL = np.int32(-1)
LANES = 32


@intrinsic
def blend(_context, line, at, bits, fill):
    """line[at:at + 32], each kept where its bit of `bits` is set and `fill` elsewhere; the caller minds the bounds."""
    if not isinstance(line, types.Array) or line.layout != "C":
        return None

    def build(context, builder, signature, arguments):
        array, at, bits, fill = arguments
        element = context.get_data_type(signature.args[0].dtype)
        lanes = ir.VectorType(element, LANES)
        data = context.make_array(signature.args[0])(context, builder, array).data
        place = builder.bitcast(builder.gep(data, [at]), lanes.as_pointer())
        kept = builder.load(place, align=element.width // 8)
        nothing = ir.Constant(lanes, ir.Undefined)
        first = builder.insert_element(nothing, fill, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        filled = builder.shuffle_vector(first, nothing, everywhere)
        choice = builder.bitcast(bits, ir.VectorType(ir.IntType(1), LANES))
        builder.store(builder.select(choice, kept, filled), place, align=element.width // 8)
        return context.get_dummy_value()

    return types.void(line, types.int64, types.uint32, line.dtype), build


def blend_slowly(line, at, bits, fill):
    """`blend` without a compiler."""
    kept = np.unpackbits(np.array([bits], "<u4").view(np.uint8), bitorder="little").astype(bool)
    line[at : at + LANES][~kept] = fill


if INTERPRETED:
    blend = blend_slowly  # type: ignore[assignment]  # an intrinsic has no use without a compiler


@intrinsic
def word_at(_context, address, index):
    """The int32 number `index` behind an address."""

    def build(context, builder, signature, arguments):
        address, index = arguments
        start = builder.inttoptr(address, ir.PointerType(ir.IntType(32)))
        return builder.load(builder.gep(start, [index]), align=4)

    return types.int32(types.int64, types.int64), build


def word_at_slowly(address, index):
    """`word_at` without a compiler."""
    return np.int32(ctypes.c_int32.from_address(int(address) + 4 * int(index)).value)


if INTERPRETED:
    word_at = word_at_slowly  # type: ignore[assignment]  # an intrinsic has no use without a compiler


@intrinsic
def copy_words(_context, address, size, row, first):
    """Copy `size` words from an address to row[first:]; the caller minds the bounds."""
    if not isinstance(row, types.Array) or row.layout != "C":
        return None

    def build(context, builder, signature, arguments):
        address, size, row, first = arguments
        data = context.make_array(signature.args[2])(context, builder, row).data
        source = builder.inttoptr(address, data.type)
        cgutils.memcpy(builder, builder.gep(data, [first]), source, size)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, row, types.int64), build


def copy_words_slowly(address, size, row, first):
    """`copy_words` without a compiler."""
    row.reshape(-1)[first : first + size] = [word_at_slowly(address, w) for w in range(size)]


if INTERPRETED:
    copy_words = copy_words_slowly  # type: ignore[assignment]  # an intrinsic has no use without a compiler


@kernel
def gather(addresses, sizes, rows):
    """Copy rows that lie anywhere, sizes[i] words from addresses[i] on, into rows int32[n, w]; spare words become 0."""
    width = rows.shape[1]
    for i in range(addresses.shape[0]):
        copy_words(addresses[i], sizes[i], rows, np.int64(i * width))
        for w in range(sizes[i], width):
            rows[i, w] = 0


@helper
def forbid_line(address, words, line, infinity):
    """Blend a line of logits under the row at an address; what lies past the row is forbidden."""
    size = line.shape[0]
    whole = min(size // LANES, words)
    w = 0
    while w + GROUP <= whole:
        together = word_at(address, w)
        for j in range(1, GROUP):
            together &= word_at(address, w + j)
        if together != ALL:
            for j in range(GROUP):
                blend(line, np.int64(LANES * (w + j)), np.uint32(word_at(address, w + j)), infinity)
        w += GROUP
    while w < whole:
        blend(line, np.int64(LANES * w), np.uint32(word_at(address, w)), infinity)
        w += 1
    for t in range(LANES * whole, size):
        if t >= LANES * words or (word_at(address, t >> 5) >> (t & 31)) & 1 == 0:
            line[t] = infinity


@kernel
def forbid(addresses, sizes, lines, infinity, first, last):
    """Blend lines first to last of uint[n, V] under rows that lie anywhere."""
    for i in range(first, last):
        forbid_line(addresses[i], sizes[i], lines[i], infinity)


@kernel
def forbid_in_matrix(rows, lines, infinity):
    """Blend lines uint[n, V] under rows int32[n, w]."""
    for i in range(rows.shape[0]):
        forbid_line(np.int64(rows.ctypes.data) + i * rows.strides[0], rows.shape[1], lines[i], infinity)


@kernel
def digest(row):
    """A hash of a row int32[w], int64: sums of products of two keyed words, as NH has them (Black et al., UMAC, 1999).

    Sums need no order, so eight words are multiplied at once. Who uses the hash compares rows as well.
    """
    key, other = np.uint32(0x9E3779B9), np.uint32(0x85EBCA6B)
    n = row.shape[0] // 2
    total = np.uint64(0)
    for i in range(n):
        k = np.uint32(i) * key
        a = np.uint32(row[2 * i]) + k
        b = np.uint32(row[2 * i + 1]) + (k ^ other)
        total += np.uint64(np.uint32(a)) * np.uint64(np.uint32(b))
    if row.shape[0] & 1:
        total += np.uint64(np.uint32(row[2 * n]) + key) * np.uint64(other)
    return np.int64(total)


def digest_slowly(row):
    """A hash of a row without a compiler, where integers would be counted one by one."""
    return hash(row.tobytes())


if INTERPRETED:
    digest = digest_slowly


@kernel
def absorbed(known, row):
    """Are two rows int32[w] equal? Then the second becomes zeros."""
    if known.shape[0] != row.shape[0]:
        return False
    differ = np.int32(0)
    for i in range(row.shape[0]):
        differ |= known[i] ^ row[i]
    if differ != 0:
        return False
    for i in range(row.shape[0]):
        row[i] = 0
    return True


@kernel
def unlike(row, base, places):
    """Into places int32[n]: where a row int32[w] differs from another; how many there are, -1: more than n."""
    count = 0
    for i in range(row.shape[0]):
        if row[i] != base[i]:
            if count == places.shape[0]:
                return -1
            places[count] = i
            count += 1
    return count

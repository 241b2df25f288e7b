"""Rows applied to logits: where a bit of the row is clear, the logit becomes minus infinity, in place.

In: rows int32[n, w] and logits as unsigned words of their own width (uint16 for float16 and bfloat16, uint32, uint64),
so that one kernel serves all formats: minus infinity is a bit pattern handed in. Out: nothing; the logits are changed.

Construction: 32 logits are read, blended with minus infinity by the bits of one word, and written back: the bits of a
word *are* a vector of 32 booleans for LLVM, two instructions where the machine has mask registers. (Written as a loop
over shifted bits it is vectorised by luck: 15 to 400 us a row of 128,256 instead of 6.) Words that allow everything are
skipped by fours. Beyond the caches the cost is that of writing the line once.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from treadle.compiling import INTERPRETED, kernel

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


@kernel
def forbid(rows, lines, infinity):
    """Blend lines uint[n, V] under rows int32[n, w]."""
    for i in range(rows.shape[0]):
        forbid_one(rows[i], lines, i, infinity)


@kernel
def forbid_one(row, lines, i, infinity):
    """Blend line i of uint[n, V] under row int32[w]; what lies past the row's last word is forbidden."""
    line = lines[i]
    size = line.shape[0]
    words = row.shape[0]
    whole = min(size // LANES, words)
    w = 0
    while w + GROUP <= whole:
        together = row[w]
        for j in range(1, GROUP):
            together &= row[w + j]
        if together != ALL:
            for j in range(GROUP):
                blend(line, np.int64(LANES * (w + j)), np.uint32(row[w + j]), infinity)
        w += GROUP
    while w < whole:
        blend(line, np.int64(LANES * w), np.uint32(row[w]), infinity)
        w += 1
    for t in range(LANES * whole, size):
        if t >= LANES * words or (row[t >> 5] >> (t & 31)) & 1 == 0:
            line[t] = infinity

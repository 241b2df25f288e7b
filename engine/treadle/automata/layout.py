"""The memory layout of a byte automaton: record kinds, column numbers, sentinels.

Kernels see flat int32 tables only; this file is the one place that says what their columns mean. Numba freezes
module constants at compile time, so they cost nothing.

    configuration  int32[9]   one way of being inside the rules (see CFG_*)
    position       int32[9]   what may come next there (see POS_*), by kind
    progress       int32[8]   how far an object is (see PRG_*)
    character state int32[9]  a state of a character automaton, lowered on demand (see CST_*)
"""

from __future__ import annotations

from typing import Final

# State numbers. Fresh pages of the transition table are zero, so "not computed yet" has to be 0.
UNKNOWN: Final = 0
DEAD: Final = 1
FIRST_STATE: Final = 2

# Configuration columns.
CFG_POS: Final = 0
CFG_Q: Final = 1  # character state; 0 when only literals are alive
CFG_LOW: Final = 2  # literal interval [low, high) into the sorted names of the position; empty when left
CFG_HIGH: Final = 3
CFG_COUNT: Final = 4  # characters read, as far as any bound or literal needs them; indentation columns
CFG_DECODE: Final = 5  # mode << 21 | code point bits collected so far
CFG_TEXT: Final = 6  # interned spelling of a member name that is no literal; 0 none, -1 anonymous
CFG_STACK: Final = 7
CFG_HISTORY: Final = (
    8  # interned bytes since a recorded item began; 0: nothing is recorded. Equal in a whole frontier
)
CFG_WIDTH: Final = 9

# Position kinds. Those from CALL to MEMBER lead to one other position each, with another stack or the same.
P_DEAD: Final = 0
P_ACCEPT: Final = 1
P_BYTES: Final = 2  # A first edge, B edges
P_FORK: Final = 3  # A first edge, B edges (targets in column 2)
P_CALL: Final = 4  # A entry, B return position
P_RETURN: Final = 5
P_OBJECT: Final = 6  # A inside, B progress it starts with, THEN position behind
P_IF: Final = 7  # A target, B condition on the object that is being written (IF_*)
P_MEMBER: Final = 8  # the names of the object that is being written, whose row says where they are
P_ITEM: Final = 9  # A entry of a value to be recorded, B the P_ITEM_END position behind it
P_LAZY: Final = 10  # A number of the node to lower
P_SPACE: Final = 11  # A target, B indentation position: nothing, one space, or newline + indentation
P_INDENT: Final = 12  # A target, B columns always allowed
P_STRING: Final = 13  # interior of a JSON string up to and including the closing quote
P_TEXT: Final = 14  # plain UTF-8 text
P_ITEM_END: Final = 15  # the continuation depends on the value just read

# Conditions: the object may end, or some member may come next.
IF_CAN_CLOSE: Final = 0
IF_CAN_GO_ON: Final = 1

# Position columns. For P_STRING and P_TEXT: A initial character state, B least, C most characters (-1: no bound),
# THEN position behind, LITERALS number of the literal set (-1: none), FLAGS; REST: least bytes to the return.
POS_KIND: Final = 0
POS_A: Final = 1
POS_B: Final = 2
POS_C: Final = 3
POS_THEN: Final = 4
POS_LITERALS: Final = 5
POS_FLAGS: Final = 6
POS_REST: Final = 7
POS_NEXTS: Final = 8  # offset into the literal continuation table; -1: every literal leads to THEN
POS_WIDTH: Final = 9

F_KEYS: Final = 1  # member names: the continuation depends on which name was closed
F_CANONICAL: Final = 2  # escapes only where json.dumps(ensure_ascii=False) writes them
F_TOTAL: Final = 8  # member names: any name at all may come, in one class or another
F_OBJECT: Final = 4  # member names: which of them may come is known by the object on top of the stack

# Character state columns: LOWERED 0/1, FIRST edge, number of edges, LABEL (-1: not accepting), SHORTEST
# completion in characters (a lower bound, exact where a position bounds the length), and 128 bits: the ASCII characters
# that it may read first, a superset, known before it is lowered.
CST_LOWERED: Final = 0
CST_FIRST: Final = 1
CST_EDGES: Final = 2
CST_LABEL: Final = 3
CST_SHORTEST: Final = 4
CST_FIRST_WORDS: Final = 5
CST_WIDTH: Final = 9
CHAR_DEAD: Final = 0
CHAR_ANY: Final = 1  # the character state of "any text"

# Literal continuations.
NEXT_FORBIDDEN: Final = 0
NEXT_NOT_LOWERED: Final = -2

# Decoder modes.
D_NONE: Final = 0
D_UTF1: Final = 1  # continuation bytes still to come
D_UTF2: Final = 2
D_UTF3: Final = 3
D_ESCAPE: Final = 4  # behind a backslash
D_HEX4: Final = 5  # hex digits still to come
D_HEX3: Final = 6
D_HEX2: Final = 7
D_HEX1: Final = 8
D_LOW_SLASH: Final = 9  # a high surrogate was read: \ u d [c-f] x x must follow
D_LOW_U: Final = 10
D_LOW_D: Final = 11
D_LOW_3: Final = 12
D_LOW_2: Final = 13
D_LOW_1: Final = 14
DECODE_SHIFT: Final = 21
DECODE_MASK: Final = (1 << 21) - 1

# State columns.
ST_FIRST: Final = 0
ST_COUNT: Final = 1
ST_ACCEPTING: Final = 2
ST_LOOPS: Final = 3  # 1 once the four words behind it are known
ST_LOOP_WORDS: Final = 4  # bit b: the ASCII byte b leads back to the state itself; bit 0 stays clear
ST_ALIVE_WORDS: Final = (
    8  # 256 bits: bytes that may lead on (a superset), so that most refusals cost one look
)
ST_WIDTH: Final = 16

# Stack node columns: return position, parent, depth, lower bound of bytes from here to the end; of a recorded value,
# where in the history it began, plus one; whether this node or one below it belongs to a recorded value; of an object,
# its progress.
STK_RETURN: Final = 0
STK_PARENT: Final = 1
STK_DEPTH: Final = 2
STK_REST: Final = 3
STK_START: Final = 4
STK_RECORDED: Final = 5
STK_PROGRESS: Final = 6
STK_SEEN: Final = 7  # has this object or one around it unlisted names that must not come again?
STK_WIDTH: Final = 8

# Objects whose members ask the same whenever they come. NAMES listed names, first row of their INFO, of their RANKS
# (-1: any order), LOW and HIGH number of members (-1: no bound), CAP of the count, FILL bytes that an optional member
# takes at least, POSITION of its member names, OTHERS 0/1 whether there is a class of unlisted ones.
OBJ_NAMES: Final = 0
OBJ_INFO: Final = 1
OBJ_RANKS: Final = 2
OBJ_LOW: Final = 3
OBJ_HIGH: Final = 4
OBJ_CAP: Final = 5
OBJ_FILL: Final = 6
OBJ_POSITION: Final = 7
OBJ_OTHERS: Final = 8
OBJ_WIDTH: Final = 9

# Listed names by number, as they are sorted: place in the declared order, whether required and usable, bytes needed.
INFO_RANK: Final = 0
INFO_REQUIRED: Final = 1
INFO_USABLE: Final = 2
INFO_NEED: Final = 3
INFO_WIDTH: Final = 4

# Ranks of the declared order, from 0 to the number of names: the next required and the next usable rank from there on,
# how many required ones are left, and the bytes that these need.
RNK_REQUIRED: Final = 0
RNK_USABLE: Final = 1
RNK_MISSING: Final = 2
RNK_NEED: Final = 3
RNK_WIDTH: Final = 4

# How far an object is: which OBJECT, COUNT of members (up to its CAP), required names MISSING, declared order: RANK
# from which names may come; any order: names LEFT and a set of those that are gone, BITS row; unlisted names written
# (SEEN, a memo entry; 0 none), bytes NEEDed by what is missing.
PRG_OBJECT: Final = 0
PRG_COUNT: Final = 1
PRG_MISSING: Final = 2
PRG_RANK: Final = 3
PRG_LEFT: Final = 4
PRG_BITS: Final = 5
PRG_SEEN: Final = 6
PRG_NEED: Final = 7
PRG_WIDTH: Final = 8

# Counters and the request a stopped kernel leaves behind.
N_STATES: Final = 0
N_CONFIGS: Final = 1
N_STACK: Final = 2
N_TEXT: Final = 3
N_MEMO: Final = 4
N_OUT: Final = 5
NEED: Final = 6
NEED_A: Final = 7
NEED_B: Final = 8
NEED_C: Final = 9
HISTORY: Final = 10  # of the frontier being built
N_PROGRESS: Final = 11
N_BITS: Final = 12
COUNTERS: Final = 13

# What a kernel can ask for.
ASK_NOTHING: Final = 0
ASK_NODE: Final = 1  # A position to lower
ASK_CHAR: Final = 2  # A character state to lower
ASK_NAME: Final = 3  # A position, B literal index: lower its continuation
ASK_OTHER: Final = 4  # A position, B label, C text: lower the continuation of an unlisted name
ASK_ROOM: Final = 5  # a table is nearly full
ASK_LIMIT: Final = 6  # the frontier outgrew its limit
ASK_ITEM: Final = (
    7  # A position, B history (-1: unknown), C start: lower the continuation of a recorded value
)

# Kinds of memo entries (first key).
M_STACK: Final = 1
M_TEXT: Final = 2
M_OTHER: Final = 3
M_ITEM: Final = 4
M_FRAME: Final = 5  # a stack node with a progress
M_NAME: Final = 6  # progress, name: the progress behind it
M_PROGRESS: Final = 7  # hash of a progress, number of the attempt
M_SEEN: Final = 8  # unlisted names, one more
MEMO_WIDTH: Final = 5  # kind, x, y, z, value

# One int32 array, the memory, holds all tables: a kernel call costs 54 ns for every array argument, and eighteen of
# them passed from function to function inside a kernel cost more than the work. Its head holds the counters above,
# then the offset (AT_*) and capacity in rows (CAP_*) of every table.
AT_CONFIGS: Final = 16
AT_STATES: Final = 17
AT_NEXT: Final = 18
AT_STATE_HASH: Final = 19
AT_MEMO: Final = 20
AT_MEMO_HASH: Final = 21
AT_STACK: Final = 22
AT_TEXTS: Final = 23
AT_POSITIONS: Final = 24
AT_EDGES: Final = 25
AT_CHARS: Final = 26
AT_LITERAL_SETS: Final = 27
AT_LITERAL_OFFSETS: Final = 28
AT_LITERAL_CHARS: Final = 29
AT_LITERAL_NEXT: Final = 30
AT_OUT: Final = 31
AT_WORK: Final = 32
CAP_CONFIGS: Final = 33
CAP_STATES: Final = 34
CAP_NEXT: Final = 35
CAP_STATE_HASH: Final = 36
CAP_MEMO: Final = 37
CAP_MEMO_HASH: Final = 38
CAP_STACK: Final = 39
CAP_TEXTS: Final = 40
CAP_POSITIONS: Final = 41
CAP_EDGES: Final = 42
CAP_CHARS: Final = 43
CAP_LITERAL_SETS: Final = 44
CAP_LITERAL_OFFSETS: Final = 45
CAP_LITERAL_CHARS: Final = 46
CAP_LITERAL_NEXT: Final = 47
CAP_OUT: Final = 48
CAP_WORK: Final = 49
AT_LEVELS: Final = 50
CAP_LEVELS: Final = 51
AT_OBJECTS: Final = 52
CAP_OBJECTS: Final = 53
AT_INFO: Final = 54
CAP_INFO: Final = 55
AT_RANKS: Final = 56
CAP_RANKS: Final = 57
AT_PROGRESS: Final = 58
CAP_PROGRESS: Final = 59
AT_BITS: Final = 60
CAP_BITS: Final = 61
HEADER: Final = 64

TXT_WIDTH: Final = 3  # parent, code point (or byte), length
EDGE_WIDTH: Final = 3  # low, high, target
LITERAL_SET_WIDTH: Final = 2  # first row of the offsets, count
WORK_WIDTH: Final = 2  # position, stack node
LEVELS: Final = 1 << 12  # longest token in bytes, plus one
FORK_LIMIT: Final = 4096  # configurations of one frontier
ROOM: Final = 1024  # rows that every growing table keeps free before a step
NO_ROOM: Final = -2  # what `spell` answers when it asked for room

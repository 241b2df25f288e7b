"""The memory of a parsing automaton: one int32 array, a head of counters and the tables behind it.

As in layout.py, every table has an offset, and kernels read rows through helpers. What an automaton makes while it runs
(stacks, frontiers, duties) is hash-consed through one memo: (kind, x, y, z) -> number. The grammar's tables are
written once, by Python, at the end of the array.
"""

from __future__ import annotations

from typing import Final

# -- the head: what a stopped kernel asks for, counters, capacities, offsets ------------------------
NEED: Final = 0
NEED_A: Final = 1
NEED_B: Final = 2
NEED_C: Final = 3
N_MEMO: Final = 4
N_NODES: Final = 5
N_BUNDLES: Final = 6
N_CONFIGS: Final = 7
N_STATES: Final = 8
N_DUTIES: Final = 9
N_BLOCKS: Final = 10
N_OUT: Final = 11
N_FOUND: Final = 12
N_SETS: Final = 13
N_SCANNER: Final = 14
CAP_MEMO: Final = 15
CAP_HASH: Final = 16
CAP_NODES: Final = 17
CAP_BUNDLES: Final = 18
CAP_CONFIGS: Final = 19
CAP_STATES: Final = 20
CAP_DUTIES: Final = 21
CAP_BLOCKS: Final = 22
CAP_OUT: Final = 23
CAP_SETS: Final = 24
CAP_SCANNER: Final = 25
AT_MEMO: Final = 26
AT_HASH: Final = 27
AT_NODES: Final = 28
AT_BUNDLES: Final = 29
AT_CONFIGS: Final = 30
AT_STATES: Final = 31
AT_NEXT: Final = 32
AT_DUTIES: Final = 33
AT_BLOCKS: Final = 34
AT_OUT: Final = 35
AT_WORK: Final = 36
AT_FOUND: Final = 37
AT_SETS: Final = 38
AT_SCAN_NEXT: Final = 39
AT_SCAN: Final = 40
AT_LEVELS: Final = 41
#: The grammar's tables; see parse_tables.
AT_ROW: Final = 42
AT_TERMINAL: Final = 43
AT_FIRST_ACTION: Final = 44
AT_ACTION: Final = 45
AT_GOTO_ROW: Final = 46
AT_GOTO_RULE: Final = 47
AT_GOTO_STATE: Final = 48
AT_LENGTH: Final = 49
AT_HEAD: Final = 50
AT_STATE_SET: Final = 51
AT_KEYWORD_ROW: Final = 52
AT_KEYWORDS: Final = 53
AT_ROLE: Final = 54
AT_GUARD: Final = 55
AT_CONDITION: Final = 56
#: Facts about the grammar.
TERMINALS: Final = 60
WORDS: Final = 61
LEXICAL: Final = 62
INDENTED: Final = 63
NEWLINE: Final = 64
INDENT: Final = 65
DEDENT: Final = 66
TAB: Final = 67
NULLABLE: Final = 68
GUARDED: Final = 69
START_BUNDLE: Final = 70
N_TEXT: Final = 71
CAP_CONDITIONS: Final = 72
N_CONDITIONS: Final = 73
#: What is made from `begin` on and taken back by `take_back`: counters as they were, 0 where nothing is recorded.
SAVED_MEMO: Final = 74
SAVED_NODES: Final = 75
SAVED_BUNDLES: Final = 76
SAVED_CONFIGS: Final = 77
SAVED_STATES: Final = 78
SAVED_DUTIES: Final = 79
SAVED_BLOCKS: Final = 80
SAVED_TEXT: Final = 81
AT_JOURNAL: Final = 57
#: Where loops over grounds (ground_kernels.py) keep their places, and how many numbers are there.
AT_WAIT: Final = 58
N_WAIT: Final = 83
#: The texts that were read, where guards want to know.
AT_TEXTS: Final = 59
CAP_TEXTS: Final = 84
#: 1 where stacks and configurations are followed one by one: with guards, and for the twin that asks none.
APART: Final = 85
N_JOURNAL: Final = 82
HEADER: Final = 88
#: Transitions of older states that are remembered to be taken back.
JOURNAL: Final = 1 << 16

# -- rows -------------------------------------------------------------------------------------------
MEMO_WIDTH: Final = 5
#: A stack: LR state, what is below, and the span of text of its symbol (a memo entry; 0 where no guard wants to know).
#: Or several stacks (ground_kernels.py): MIXED, or ALIKE - state; then the first of them and the others.
NODE_WIDTH: Final = 3
NODE_STATE: Final = 0
NODE_BELOW: Final = 1
NODE_TEXT: Final = 2
MIXED: Final = -1
ALIKE: Final = -2
#: Numbers that may wait (AT_WAIT), for each node that there is room for.
WAITING: Final = 4
#: Some stacks that read the same text: one of them, the others (a bundle), the blocks they are in, what the lexer
#: looks for. Of a bundle for masks (NODE is a SHADE_*): B is the bundle's set of shiftable terminals, or the terminal
#: that was shifted.
BUNDLE_WIDTH: Final = 6
BND_NODE: Final = 0
BND_REST: Final = 1
BND_BLOCK: Final = 2
BND_SET: Final = 3
#: 0 not known, 1 no, 2 yes: may the text end here?
BND_ENDS: Final = 4
BND_B: Final = 5
#: A bundle of which only the context is known (the terminals it accepts and can shift), and what is behind it.
SHADE: Final = -1
BEHIND_SHADE: Final = -2
#: What a sequence is in the middle of: stacks, scanner state, terminal that matched already (-1), obligations, column,
#: text read, and text read when the lexeme began (both 0 where no guard wants to know).
CONFIG_WIDTH: Final = 7
CFG_BUNDLE: Final = 0
CFG_SCAN: Final = 1
CFG_WON: Final = 2
CFG_DUTY: Final = 3
CFG_COLUMN: Final = 4
CFG_TEXT: Final = 5
CFG_BEGAN: Final = 6
#: A frontier: one configuration, the others (a state), may the text end here (0 not known, 1 no, 2 yes). For walks over
#: contexts: 1 if some configuration is inside, plus 2 if one is behind (0 not known), and the 256 bytes that none of
#: those behind can go on with, as far as that is known.
#: Last: does every character beyond ASCII lead back to the state (0 not known, 1 yes, 2 no)?
STATE_WIDTH: Final = 13
ST_CONFIG: Final = 0
ST_REST: Final = 1
ST_ENDS: Final = 2
ST_SIDES: Final = 3
ST_STAYS: Final = 4
ST_WIDE: Final = 12
#: What must not come: the scanner, gone on from the end of a lexeme, must not flag any of these terminals. Or, with
#: DUTY_NEXT for the scanner state: the next byte must be one of a set.
DUTY_WIDTH: Final = 3
DUTY_SCAN: Final = 0
DUTY_SET: Final = 1
DUTY_REST: Final = 2
DUTY_NEXT: Final = -2
#: Blocks of a text with indentation: width of this block, open brackets, the block around it.
BLOCK_WIDTH: Final = 3
BLK_WIDTH: Final = 0
BLK_BRACKETS: Final = 1
BLK_OUTER: Final = 2
#: A text: the one without its last byte, the byte, whether Python keeps it as a whole (guard_texts.py).
TEXT_WIDTH: Final = 3
TXT_BEFORE: Final = 0
TXT_BYTE: Final = 1
TXT_KEPT: Final = 2
#: Entries of a duty list that one step looks at.
DUTIES: Final = 16
#: Columns of a scanner state in front of flags uint32[words] and live uint32[words]: first condition, how many.
SCAN_CONDITIONS: Final = 0
SCAN_COUNT: Final = 1
SCAN_HEAD: Final = 2
#: A conditional flag: terminal, may it be the end of the text, 8 words of bytes.
CONDITION_WIDTH: Final = 10

# -- kinds of the memo ------------------------------------------------------------------------------
M_NODE: Final = 1
M_BUNDLE: Final = 2
M_BUNDLE_2: Final = 3
M_CONFIG: Final = 4
M_CONFIG_2: Final = 5
M_CONFIG_3: Final = 6
M_STATE: Final = 7
M_DUTY: Final = 8
M_BLOCK: Final = 9
M_SHIFT: Final = 10
M_LINE: Final = 11
M_UP_TO: Final = 12
M_UNION: Final = 13
M_VIABLE: Final = 14
M_TEXT: Final = 15
M_GUARD: Final = 16
M_SHADE: Final = 17
M_MAY_BEGIN: Final = 18
M_SPAN: Final = 19
M_JUMP: Final = 20
M_BUNDLE_3: Final = 21
#: The union of two grounds, what is below one, and what a terminal can be shifted on after reductions.
M_BOTH: Final = 22
M_BELOW: Final = 23
M_REACH: Final = 24
M_UNITED: Final = 25

# -- answers and requests ---------------------------------------------------------------------------
UNKNOWN: Final = 0
DEAD: Final = 1
#: The first state that stands for a frontier; 0 and 1 are the answers above, also for bundles.
FIRST: Final = 2
ASK_NOTHING: Final = 0
ASK_ROOM: Final = 1
ASK_SCAN: Final = 2
ASK_UP_TO: Final = 3
ASK_UNION: Final = 4
ASK_GUARD: Final = 5
ASK_LIMIT: Final = 6
ASK_FULL: Final = 7

# -- roles of a terminal ----------------------------------------------------------------------------
ROLE_PLAIN: Final = 0
ROLE_IGNORED: Final = 1
ROLE_NEWLINE: Final = 2
ROLE_OPENING: Final = 3
ROLE_CLOSING: Final = 4

#: Rows that one step may add to any table, unless it says otherwise.
ROOM: Final = 4096
#: Most stacks or configurations alive at once.
ALIVE_LIMIT: Final = 2048
EOF_BIT: Final = 1

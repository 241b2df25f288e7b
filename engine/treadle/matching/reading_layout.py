"""The memory of readings: what a lexer makes of tokens, without a parser (reading_kernels.py).

One int32 array `r`, a head and tables behind it. The memo has the columns of parse_layout.py, so that its helpers
serve both. Pages come from an anonymous mapping, so capacities cost nothing until they are used.
"""

from __future__ import annotations

from typing import Final

#: Counters, capacities and offsets; N_MEMO, CAP_HASH, AT_MEMO and AT_HASH are those of parse_layout.py.
N_READINGS: Final = 30
N_FLAGSETS: Final = 31
N_OPEN: Final = 32
N_PROFILES: Final = 33
N_GROUPS: Final = 34
N_TOKENS: Final = 35
N_ROOTS: Final = 36
N_ROWS: Final = 37
N_EVENTS: Final = 38
CAP_READINGS: Final = 40
CAP_FLAGSETS: Final = 41
CAP_OPEN: Final = 42
CAP_GROUPS: Final = 43
CAP_TOKENS: Final = 44
CAP_ROOTS: Final = 45
CAP_ROWS: Final = 46
CAP_EVENTS: Final = 47
CAP_MEMOS: Final = 49
AT_READINGS: Final = 50
AT_READ: Final = 51
AT_FLAGSETS: Final = 52
AT_OPEN: Final = 53
AT_PROFILES: Final = 54
AT_GROUPS: Final = 55
AT_TOKENS: Final = 56
AT_ROOTS: Final = 57
AT_ROWS: Final = 58
AT_EVENTS: Final = 59
AT_SEEN: Final = 61
AT_WALK: Final = 62
AT_FRAMES: Final = 63
AT_PREFERRED: Final = 64
AT_SCRATCH: Final = 70
#: The group that a profile is being made behind, minus the reading of a first profile, or 0.
MAKING: Final = 71
#: int32 words of a mask row, and of a set of terminals.
ROW_WORDS: Final = 65
FLAG_WORDS: Final = 66
#: The profile in the making: its first group, root and node to go on from.
BEGUN: Final = 67
NEXT_ROOT: Final = 68
NEXT_NODE: Final = 69
#: Where a mask goes on after an answer: its depth, plus 1 (0: from the beginning).
RESUMED: Final = 72
RESUMED_CELL: Final = 78
RESUMED_PART: Final = 79
#: The configuration that has no start yet.
WANTED: Final = 73
#: Counts how often the memory was emptied: what was known of an emptied one is no longer asked for.
GENERATION: Final = 74
N_STARTS: Final = 75
CAP_STARTS: Final = 76
AT_STARTS: Final = 77
READING_HEADER: Final = 80

#: A reading: scanner state, terminals that were flagged on the way, open duties, column, and whether every character
#: beyond ASCII leads back to it (0 not known, 1 yes, 2 no).
READING_WIDTH: Final = 5
RD_SCAN: Final = 0
RD_FLAGGED: Final = 1
RD_OPEN: Final = 2
RD_COLUMN: Final = 3
RD_WIDE: Final = 4
#: A duty in a reading: scanner state (parse_layout.DUTY_SCAN), what it flagged so far, the terminals that the lexeme
#: it belongs to may be, the level of that lexeme, the other duties. With DUTY_NEXT: its condition for what it flagged.
#: Of one that a configuration brought (level < BROUGHT): the lexeme's terminal, and the terminals that must not match.
OPEN_WIDTH: Final = 5
OP_SCAN: Final = 0
OP_FLAGGED: Final = 1
OP_LEXEME: Final = 2
OP_LEVEL: Final = 3
OP_REST: Final = 4
#: A profile: first group, how many, and the level of lexemes that end in it.
PROFILE_WIDTH: Final = 3
PR_FIRST: Final = 0
PR_COUNT: Final = 1
PR_LEVEL: Final = 2
#: Where the masks of configurations with one scanner state, duties and column start: their own profile (0: none), and
#: another one's (0: none) but for the tokens of a row.
START_WIDTH: Final = 3
STA_PROFILE: Final = 0
STA_BASE: Final = 1
STA_APART: Final = 2
#: Tokens and places with one reading: the reading, the terminal whose condition held (-1: none), its tokens (first and
#: last in the pool, or -1 and a row), the nodes behind it (first and last), and the profile behind them (0: not made).
GROUP_WIDTH: Final = 7
GR_READING: Final = 0
GR_TERMINAL: Final = 1
GR_TOKENS: Final = 2
GR_TOKENS_END: Final = 3
GR_ROOTS: Final = 4
GR_ROOTS_END: Final = 5
GR_BEHIND: Final = 6
#: One place that a walk came by: group, node, what is there.
EVENT_WIDTH: Final = 3
HERE: Final = 0
BELOW: Final = 1
LEAVING: Final = 2
#: A profile that is being looked through: group, last group, bundle, its set, terminal that matched.
FRAME_WIDTH: Final = 5

# -- kinds of the memo
K_READING: Final = 1
K_PLACE: Final = 2
K_FLAGS: Final = 3
K_BIT: Final = 4
K_OPEN: Final = 5
K_OPEN_2: Final = 6
#: In the memo of a parser (parse_layout.M_*): (scanner state, duties, column and generation) -> start.
M_START: Final = 40

#: Levels of the duties that a configuration brings along; those of lexemes within the token come behind them.
BROUGHT: Final = 16
#: Tokens from which on a group is a row.
DENSE: Final = 1024
#: Profiles of one grammar, and lexemes within one token.
PROFILES: Final = 1 << 18
DEPTH: Final = 4096 + 64

"""The layer below generation: compile once, then ask for a mask at each step. Needs no model and no torch.

This is what an inference server does with treadle: one compiled constraint for all requests, one matcher for each.
"""

from __future__ import annotations

import numpy as np

import treadle

# A toy vocabulary: every single byte is a token, and number 256 ends the text. A real one is read from a tokenizer:
# treadle.Vocabulary.from_tokenizer("folder/with/tokenizer.json").
vocabulary = treadle.Vocabulary([bytes([i]) for i in range(256)] + [None], eos_ids=256)
compiled = treadle.compile(treadle.Choice(["warp", "weft", "weave"]), vocabulary)

matcher = compiled.matcher()
row = np.zeros((len(vocabulary) + 31) // 32, dtype=np.int32)
written = b""
while not matcher.is_terminated:
    matcher.fill_bitmask(row)
    allowed = [token for token in range(len(vocabulary)) if row[token // 32] >> (token % 32) & 1]
    print(f"after {written!r:10} allowed: {[vocabulary.tokens[token] or 'end' for token in allowed]}")
    token = allowed[-1]
    matcher.accept_token(token)
    written += vocabulary.tokens[token] or b""

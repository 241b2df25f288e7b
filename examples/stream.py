"""Print a text while it is written. The pieces joined are what `treadle.generate` would have returned."""

from __future__ import annotations

import treadle

PROMPT = "Suggest a name and a one-line description for a small weaving studio."
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 30},
        "description": {"type": "string", "maxLength": 120},
    },
    "required": ["name", "description"],
    "additionalProperties": False,
}

for piece in treadle.stream(PROMPT, schema=SCHEMA, max_tokens=80):
    print(piece, end="", flush=True)
print()

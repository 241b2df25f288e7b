"""What is measured: a schema with instances that it accepts or refuses."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from treadle.bench.keywords import keywords_of


@dataclass(frozen=True, slots=True)
class Instance:
    valid: bool
    data: Any
    description: str = ""

    @property
    def text(self) -> str:
        """Written as MaskBench does: `json.dumps`, characters outside ASCII kept."""
        return json.dumps(self.data, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Task:
    #: Unique in its collection; a run is resumed by it.
    id: str
    schema: Any
    #: The part of the collection, by which coverage is shown.
    split: str
    instances: tuple[Instance, ...] = field(default=())
    #: What a model is asked; "" for an instance of the schema.
    prompt: str = ""
    #: What it should answer under the schema's member `answer`; None where that is not known.
    answer: Any = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def about(self) -> dict[str, Any]:
        """What its records say of the task itself."""
        return {"id": self.id, "split": self.split, "keywords": sorted(keywords_of(self.schema))}

    @staticmethod
    def from_json(line: str) -> Task:
        row = json.loads(line)
        instances = tuple(Instance(**instance) for instance in row.pop("instances"))
        return Task(**row, instances=instances)

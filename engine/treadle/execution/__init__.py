"""Judging texts by what they do: programs in a sandbox, queries on a database, JSON values, any function.

A judge is called with a text and gives a number from 0 to 1; `judge.verdict(text)` says more. A judge is a reward for
tree search as it is, `as_check` and `as_scorer` (components.py) make a hard condition or a preference of it.
"""

from treadle.execution.components import as_check, as_scorer
from treadle.execution.documents import Document
from treadle.execution.programs import Program
from treadle.execution.queries import Query
from treadle.execution.sandbox import Limits, Sandbox, Verdict

__all__ = ["Document", "Limits", "Program", "Query", "Sandbox", "Verdict", "as_check", "as_scorer"]

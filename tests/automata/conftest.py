"""Lets these tests import oracles and laws as the other folders do."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [folder for folder in [str(Path(__file__).resolve().parents[1])] if folder not in sys.path]

"""`python -m treadle`: the command line, for where the script is not on the path."""

from __future__ import annotations

import sys

from treadle.cli import main

sys.exit(main())

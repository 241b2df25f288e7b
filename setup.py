"""Ship the top-level folders grammars/ and schemas/ inside the wheel, as treadle/_data/.

They stand at the top of the checkout because people read and edit them; setuptools packages only what lies in the
source root. Everything else about the build is in pyproject.toml. An editable installation copies nothing:
`treadle.library` then reads the checkout.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
FOLDERS = ("grammars", "schemas")


class BuildWithData(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for folder in FOLDERS:
                target = Path(self.build_lib, "treadle", "_data", folder)
                # A file deleted from the checkout must not live on in build/ and slip into the next wheel.
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(ROOT / folder, target)


setup(cmdclass={"build_py": BuildWithData})

"""Standard output of processes that answer through it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os
from tcn_search.workers.standard_output import reserve_standard_output
answers = reserve_standard_output()
print("printed in Python")
os.write(1, b"written below Python")
answers.write("the answer")
answers.close()
"""


def test_only_answers_reach_standard_output() -> None:
    process = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "the answer"
    assert "printed in Python" in process.stderr
    assert "written below Python" in process.stderr

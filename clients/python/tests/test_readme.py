"""The examples of README.md do what they say: each prints what stands behind its `# →`."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path

from gateway import Gateway

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


async def run(code: str) -> str:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=pipe, stderr=pipe, env=surroundings)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_every_example_runs_and_prints_what_it_says() -> None:
    words = shlex.split(next(block for block in blocks("sh") if block.startswith("tidegate serve")))
    settings = [after for word, after in pairwise(words) if word == "--set"]
    examples = blocks("python")
    assert len(examples) >= 5
    with Gateway(*settings) as gateway:
        for example in examples:
            promised = re.findall(r"# → (.*?)(?= # →|$)", example, re.MULTILINE)
            printed = await run(example.replace("ws://127.0.0.1:8080/ws", gateway.url))
            assert printed.splitlines() == promised, example

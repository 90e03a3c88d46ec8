"""The sandbox in a process of its own; prints how to reach it, and writes down the subject of each
message that it takes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from smtps.sandbox.server import Sandbox


async def main(into: Path) -> None:
    """Serve until killed."""
    async with Sandbox("healthy") as box:
        print(json.dumps(box.as_json()), flush=True)
        seen = "0"
        with into.open("a", buffering=1) as file:
            while True:
                for stored in await box.inbox.after(seen):
                    seen = stored.id
                    file.write(f"{stored.summary()['subject']}\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

"""Generated inputs over units, configs and traces: no traceback, none over 5 s, no memory over 1 GiB.

    python -m tests.fuzz --count 1000000 --seed 1

The same seed gives the same inputs. Most are units; --kind takes one kind only, for several processes.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from swaptiers.testing.memory import peak_bytes
from tests.fuzz.drive import drive

SHARES = {"units": 0.9, "yaml": 0.03, "traces": 0.07}


def main() -> int:
    """Drive each kind and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--kind", choices=SHARES, help="all inputs of this kind")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    total = 0

    def progress(done: int) -> None:
        print(f"{done:,} so far", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for kind, share in {options.kind: 1.0}.items() if options.kind else SHARES.items():
            started = time.perf_counter()
            done, longest = drive(kind, round(options.count * share), options.seed, Path(folder), progress)
            took = time.perf_counter() - started
            total += done
            print(f"{kind:7} {done:>9,} inputs in {took:,.0f} s, the longest example {longest:.2f} s", flush=True)
    print(f"{total:,} inputs, {peak_bytes() >> 20} MiB at most: no traceback, none over 5 s, none over 1 GiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

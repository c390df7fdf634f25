"""Real programs at several memory sizes: what does swapping to zswap, SSD and disk cost sqlite3 and sort?

python examples/trace_replay.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import swaptiers as st

TRACES = Path(__file__).parent / "traces"
MEMORY = ("512K", "1M", "2M", "4M")
CONFIG = """
version: 1
tiers:
  zswap: {{kind: zswap, max_pool: 1M, latency: {{read: 8us, write: 9us}}}}
  ssd:   {{kind: file, capacity: 2M, latency: {{read: 70us, write: 20us, call: 2us}}, bandwidth: 2G/s}}
  disk:  {{kind: file, capacity: 64M, latency: {{read: 4ms, write: 4ms, call: 4ms}}, bandwidth: 150M/s}}
charge_zswap: false
cgroups:
  /app: {{memory.max: 1M}}
workloads:
  - {{cgroup: /app, kind: trace, path: {trace}, think: 100ns}}
run: {{payload: sizes}}
variants:
  overflow: {{edges: [], on_full: spill}}
  demotion: {{}}
"""


def main() -> None:
    """Replay each trace with each amount of memory, both ways."""
    print(f"{'program':8} {'memory':>6} {'faults':>9} {'waited, overflow':>17} {'waited, demotion':>17}")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "trace.yaml"
        for trace in sorted(TRACES.glob("*.zst")):
            config.write_text(CONFIG.format(trace=trace))
            for memory in MEMORY:
                result = st.run(config, sets=[f"cgroups./app.memory.max={memory}"])
                waited = {name: variant.time.stall_s for name, variant in result.variants.items()}
                program = trace.name.split(".")[0]
                faults = result.variants["demotion"].faults
                print(f"{program:8} {memory:>6} {faults:9,} {waited['overflow']:15.2f} s {waited['demotion']:15.2f} s")
    print()
    print("waited: virtual time that the program stood still for its pages; with enough memory it would be 0.")


if __name__ == "__main__":
    main()

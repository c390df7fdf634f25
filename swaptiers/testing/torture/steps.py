"""The text of a script that repeats a failure: its head, and a function for each kind of operation, of which it has those
that it uses."""

from __future__ import annotations

HEAD = '''"""Found by `{command}`:

{what}

Prints what comes of each step, and fails where something does not hold.
"""

import atexit
import os
import random
import resource
import tempfile
import threading
import time

import numpy as np

import swaptiers as st
from swaptiers.testing import Fault, FaultyTier, SlowTier
{imports}

{page_of}

now, slow_ns, faulty, slowed = [{start}], {{}}, {{}}, {{}}
held, kept, gone = {{}}, {{}}, {{}}  # page number -> entry id
may_raise = True


def wrap(tier):
    name = tier.name
    slowed[name] = SlowTier(tier, lambda call, pages: now.__setitem__(0, now[0] + slow_ns.get(name, 0)))
    faulty[name] = FaultyTier(slowed[name], armed=False)
    return faulty[name]


folder = tempfile.TemporaryDirectory()
atexit.register(folder.cleanup)
swap = st.SwapSystem(
{world}    folder=folder.name,
    clock=lambda: now[0],
{wrap}    max_entries={max_entries},
)


def array_of(numbers):
    return np.frombuffer(b"".join(map(page_of, numbers)), np.uint8).reshape(-1, 4096)


def compare(numbers, pages):
    for number, page in zip(numbers, pages, strict=True):
        assert page.tobytes() == page_of(number), f"page {{number}} came back with other bytes"


def attempt(what, call):
    """What it returns; None if it raised what may be raised."""
    result = None
    try:
        result = call()
        print(what)
    except st.StoreRefusedError as refused:
        print(what, "-> refused:", refused.reasons)
        result = refused.ids
    except (st.SwapTiersError, ValueError, MemoryError, KeyboardInterrupt) as error:
        if not may_raise:
            raise
        print(what, "->", type(error).__name__, error)
    return result


def check():
    swap.check()
    assert len(swap) == len(held), f"the system holds {{len(swap)}} entries, and should hold {{len(held)}}"


def give_up(numbers):
    """Discard those that their device lost."""
    for number in numbers:
        try:
            compare([number], swap.peek([held[number]]))
        except st.SwapTiersError as error:
            print("page", number, "is lost by its device:", error)
            swap.discard([held[number]])
            gone[number] = held.pop(number)


def finish():
    """All pages are there."""
    for tier in faulty.values():
        tier.disarm()
    check()
    give_up(list(held))
    compare(list(held), swap.swap_in(list(held.values())))
    held.clear()
    swap.forget_clean(list(kept.values()))
    kept.clear()
    check()
    swap.close()
    print("nothing failed")'''

STEPS = {
    "swap_out": """
def swap_out(numbers, cgroup="/", age_ns=0):
    numbers = [n for n in numbers if n not in held and n not in kept]
    uses = np.maximum(now[0] - age_ns - np.arange(len(numbers)), 0)
    ids = attempt(f"swap_out {numbers}", lambda: swap.swap_out(array_of(numbers), swap.cgroup(cgroup), last_used_ns=uses))
    if ids is not None:
        held.update({n: int(entry) for n, entry in zip(numbers, ids, strict=True) if entry})
    check()
""",
    "swap_out_page": """
def swap_out_page(number, cgroup="/"):
    if number not in held and number not in kept:
        entry = attempt(f"swap_out_page {number}", lambda: swap.swap_out_page(page_of(number), swap.cgroup(cgroup)))
        if isinstance(entry, int):
            held[number] = entry
    check()
""",
    "swap_out_again": """
def swap_out_again(numbers, others, cgroup="/"):
    pairs = [(old, new) for old, new in zip(numbers, others, strict=True) if old in kept]
    new = [new for _, new in pairs]
    clean = [kept.pop(old) for old, _ in pairs]
    ids = attempt(f"swap_out {new} clean={clean}", lambda: swap.swap_out(array_of(new), swap.cgroup(cgroup), clean=clean))
    if ids is not None:
        held.update({n: int(entry) for n, entry in zip(new, ids, strict=True) if entry})
    check()
""",
    "swap_in": """
def swap_in(numbers, keep_clean=False):
    numbers = [n for n in numbers if n in held]
    ids = [held[n] for n in numbers]
    pages = attempt(f"swap_in {numbers}", lambda: swap.swap_in(ids, keep_clean=keep_clean))
    if pages is not None:
        compare(numbers, pages)
        for n in numbers:
            (kept if keep_clean else gone)[n] = held.pop(n)
    check()
""",
    "swap_in_page": """
def swap_in_page(number):
    if number in held:
        page = attempt(f"swap_in_page {number}", lambda: swap.swap_in_page(held[number]))
        if page is not None:
            compare([number], [np.frombuffer(page, np.uint8)])
            gone[number] = held.pop(number)
    check()
""",
    "peek": """
def peek(pages=()):
    numbers = [n for n in pages if n in held] if pages else list(held)
    got = attempt(f"peek {numbers}", lambda: swap.peek([held[n] for n in numbers]))
    if got is not None:
        compare(numbers, got)
    check()
""",
    "discard": """
def discard(numbers):
    numbers = [n for n in numbers if n in held]
    attempt(f"discard {numbers}", lambda: swap.discard([held[n] for n in numbers]))
    for n in numbers:
        gone[n] = held.pop(n)
    check()
""",
    "forget_clean": """
def forget_clean():
    attempt("forget_clean", lambda: swap.forget_clean(list(kept.values())))
    kept.clear()
    check()
""",
    "use_gone": """
def use_gone(number, others=(), way="swap_in"):
    if number in gone:
        ids = [*(held[n] for n in others if n in held), gone[number]]
        try:
            swap.swap_in_page(ids[-1]) if way == "swap_in_page" else getattr(swap, way)(ids)
        except st.StaleEntryError:
            print(f"{way} of page {number}, which is gone: StaleEntryError")
        else:
            raise AssertionError(f"{way} took the id of page {number}, which is gone")
    check()
""",
    "use_twice": """
def use_twice(number, way="swap_in"):
    if number in held:
        try:
            getattr(swap, way)([held[number]] * 2)
        except st.BusyEntryError:
            print(f"{way} of page {number} twice: BusyEntryError")
        else:
            raise AssertionError(f"{way} took an id that stood twice in the call")
    check()
""",
    "demote": """
def demote(nbytes, source, target=None, cgroup="/", referenced="ignore", is_planned=False):
    asked = {"source": source, "target": target, "cgroup": swap.cgroup(cgroup), "referenced": referenced}
    if is_planned:
        attempt(f"plan {nbytes} {source}", lambda: swap.plan(nbytes, **asked))
    attempt(f"demote {nbytes} {source}", lambda: swap.demote(nbytes, **asked))
    check()
""",
    "evacuate": """
def evacuate(tier, batches=None):
    count = iter(range(1, 1 << 30))
    attempt(f"evacuate {tier}", lambda: swap.evacuate(tier, progress=lambda _: batches is None or next(count) < batches))
    check()
""",
    "readmit": """
def readmit(tier):
    attempt(f"readmit {tier}", lambda: swap.readmit(tier))
    check()
""",
    "quarantine": """
def quarantine(tier):
    attempt(f"quarantine {tier}", lambda: swap.quarantine(tier))
    check()
""",
    "remove_tier": """
def remove_tier(tier):
    attempt(f"remove_tier {tier}", lambda: swap.remove_tier(tier))
    check()
""",
    "run_background": """
def run_background(steps=1 << 20):
    attempt("run_background", lambda: swap.run_background(steps))
    check()
""",
    "set_limits": """
def set_limits(cgroup, zswap_max=None, swap_max=None, zswap_writeback=True, tiers_max=(), tiers_low=()):
    swap.limit(
        st.CgroupSpec(
            path=cgroup, zswap_max=zswap_max, swap_max=swap_max, zswap_writeback=zswap_writeback,
            tiers_max=dict(tiers_max), tiers_low=dict(tiers_low),
        )
    )
    check()
""",
    "set_zswap": """
def set_zswap(tier, compressor, enabled=True, accept_threshold_percent=90):
    changes = {"compressor": compressor, "enabled": enabled, "accept_threshold_percent": accept_threshold_percent}
    if tier in swap.zswap_tiers:
        attempt(f"set_zswap {tier} {changes}", lambda: swap.set_zswap(tier, **changes))
    check()
""",
    "remove_cgroup": """
def remove_cgroup(cgroup):
    attempt(f"remove_cgroup {cgroup}", lambda: swap.remove_cgroup(cgroup))
    check()
""",
    "look": """
def look():
    swap.stats()
    swap.inversion()
""",
    "move_clock": """
def move_clock(ns):
    now[0] = max(0, min(now[0] + ns, 1 << 60))
""",
    "arm": """
def arm(tier, faults):
    faulty[tier].arm(faults)
""",
    "disarm": """
def disarm(tier):
    faulty[tier].disarm()
""",
    "slow": """
def slow(tier, ns):
    slow_ns[tier] = ns
""",
    "limit_files": """
def limit_files(nbytes):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if nbytes is None else nbytes, hard))
""",
    "cut_file": """
def cut_file(tier, nbytes):
    if hasattr(faulty[tier], "file"):
        os.ftruncate(faulty[tier].file.fd, nbytes)
""",
    "unlink_file": """
def unlink_file(tier):
    if getattr(faulty[tier], "file", None) is not None and faulty[tier].file.path is not None:
        faulty[tier].file.path.unlink(missing_ok=True)
""",
    "fork": """
def fork(number):
    if number in held:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                swap.peek([held[number]])
            except st.ForkedError:
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0, "a forked child could use its parent's system"
""",
    "hanging": """
def hanging(tier, call, first, then):
    global check
    hang, checked = slowed[tier].hang(call), check
    check = lambda: None  # it would wait for the one that hangs
    thread = threading.Thread(target=first)
    thread.start()
    while thread.is_alive() and not hang.is_reached():
        time.sleep(0.001)
    if not hang.is_reached():
        hang.release()
    for each in then:
        each()
    hang.release()
    thread.join()
    check = checked
    check()
""",
}
"""By the name that it has in the script."""

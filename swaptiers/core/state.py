"""The one state of the core: its tables, and how a kernel reaches them.

Every part takes one argument, `st`: the header record. The header holds the scalars, the tiers and the edges, and the
addresses of the growing tables, which live in address space that is reserved up front and populated as it is touched:
growth copies nothing. Python gives a kernel the header's address: a number costs next to nothing per call, a record 0.2 us,
a tuple of the same tables 1.5 us.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import interpreted, part
from swaptiers.core.constants import MAX_TIERS, PENDING_MAX, PLAN_MAX
from swaptiers.core.layout import (
    CELL,
    CGROUP,
    CHUNK_RECORD,
    CLUSTER_RECORD,
    HEADER,
    PENDING,
    PICK,
    PLAN,
    QUARANTINE,
    RECORD,
    RECORD_BYTES,
    RING,
    SEGMENT,
    Header,
)

ARRAYS: dict[int, Any] = {}
"""Tables by address, for the interpreted kernels only."""

if interpreted():

    def pointer(address: Any) -> Any:
        return int(address)

    def carray(address: Any, shape: Any, dtype: Any) -> Any:
        return ARRAYS[address]

    def prefetch(address: Any) -> None:
        """Nothing to fetch early."""

else:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np.numpy_support import carray  # type: ignore[assignment]

    @intrinsic
    def pointer(typing_context: Any, address: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], cgutils.voidptr_t)

        return types.voidptr(types.int64), code

    @intrinsic
    def prefetch(typing_context: Any, address: Any) -> Any:
        """Have the processor fetch a line of memory; an address where nothing is does no harm."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
            to_read, keep_in_all, data = number(0), number(3), number(1)
            builder.call(function, [builder.inttoptr(arguments[0], cgutils.voidptr_t), to_read, keep_in_all, data])
            return context.get_dummy_value()

        return types.none(types.int64), code


State = int
"""The address of the header: an array of one record would cost 0.2 us a call."""


@part
def header_at(address: int) -> Header:
    return carray(pointer(address), (1,), HEADER)[0]


@part
def records(st: Header) -> Any:
    return carray(pointer(st.records_at), (st.records_n,), RECORD)


@part
def checksums(st: Header) -> Any:
    """Per record the xxh3 of the stored payload, 63 bits. Not in the record: the laboratory, which compares bytes, has none,
    and memory that nobody touches costs nothing."""
    return carray(pointer(st.checksums_at), (st.records_n,), np.int64)


@part
def fetch(address: int, nbytes: int) -> None:
    """A hint: what stands there will be wanted soon. It may lie across two lines."""
    prefetch(address)
    prefetch(address + nbytes - 1)


@part
def fetch_record(st: Header, row: int) -> None:
    fetch(st.records_at + row * RECORD_BYTES, RECORD_BYTES)


@part
def cgroups(st: Header) -> Any:
    return carray(pointer(st.cgroups_at), (st.cgroups_n,), CGROUP)


@part
def preorder(st: Header) -> Any:
    return carray(pointer(st.preorder_at), (st.cgroups_n,), np.int32)


@part
def cells(st: Header) -> Any:
    return carray(pointer(st.cells_at), (st.cells_n,), CELL)


@part
def rings(st: Header) -> Any:
    return carray(pointer(st.rings_at), (st.rings_n,), RING)


@part
def chunks(st: Header) -> Any:
    return carray(pointer(st.chunks_at), (st.chunks_n,), CHUNK_RECORD)


@part
def clusters(tier: Any) -> Any:
    return carray(pointer(tier.clusters_at), (tier.clusters_n,), CLUSTER_RECORD)


@part
def plan_entries(st: Header) -> Any:
    return carray(pointer(st.plan_at), (PLAN_MAX,), PLAN)


@part
def picks(st: Header) -> Any:
    return carray(pointer(st.picks_at), (PLAN_MAX,), PICK)


@part
def scores(st: Header) -> Any:
    return carray(pointer(st.scores_at), (st.records_n,), np.int64)


@part
def pending_pages(st: Header) -> Any:
    return carray(pointer(st.pending_at), (PENDING_MAX,), PENDING)


@part
def segments(tier: Any) -> Any:
    return carray(pointer(tier.segments_at), (tier.segments_n,), SEGMENT)


@part
def quarantined(st: Header) -> Any:
    return carray(pointer(st.quarantine_at), (st.quarantine_n,), QUARANTINE)


@part
def cell_of(st: Header, cgroup: int, tier: int) -> Any:
    return cells(st)[cgroup * MAX_TIERS + int(tier)]  # interpreted, a record's tier would make it a sum of 8 bits

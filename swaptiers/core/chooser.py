"""The way out of a kernel to a policy that is written in Python: a function's address in the state, called under the GIL."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from swaptiers.core.compile import interpreted, part
from swaptiers.core.layout import Header

Choose = Callable[[int, int, int], int]
"""(edge, cgroup, wanted) -> how many rows it put into `picks`, at most `wanted`. With wanted = -n: the first n of them have
their outcomes now. It must not raise."""

CHOOSE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
CHOOSERS: dict[int, Choose] = {}
"""By address, for the interpreted kernels."""

if interpreted():

    def _call(address: Any, edge: Any, cgroup: Any, wanted: Any) -> int:
        return CHOOSERS[int(address)](int(edge), int(cgroup), int(wanted))

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def _call(typing_context: Any, address: Any, edge: Any, cgroup: Any, wanted: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number = ir.IntType(64)
            function = ir.FunctionType(number, [number] * 3)
            return builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])

        return types.int64(types.int64, types.int64, types.int64, types.int64), code


@part
def call_chooser(st: Header, edge: int, cgroup: int, wanted: int) -> int:
    """Ask for suggestions, or (wanted < 0) tell what became of them; 0 where nobody can be asked."""
    if st.chooser_at == 0:
        return 0
    return int(_call(st.chooser_at, edge, cgroup, wanted))

"""Calls of C functions by their addresses, for compiled code; interpreted kernels have none.

What is where is `swaptiers.libraries`' business; calling a wrong address ends the process.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import interpreted

if interpreted():  # nobody calls these then
    call_digest: Any = None
    call_reset: Any = None
    call_lz4_out: Any = None
    call_lz4_in: Any = None
    call_zstd: Any = None
    call_pread: Any = None
    call_pwritev: Any = None
else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    _I32, _I64 = ir.IntType(32), ir.IntType(64)

    def _call(builder: Any, arguments: Any, widths: list[Any], result: Any) -> Any:
        """Call the function at the address arguments[0]; a pointer is passed as an integer of its width is."""
        function = builder.inttoptr(arguments[0], ir.FunctionType(result, widths).as_pointer())
        cut = [
            builder.trunc(each, width) if width is _I32 else each
            for each, width in zip(arguments[1:], widths, strict=True)
        ]
        found = builder.call(function, cut)
        return builder.sext(found, _I64) if result is _I32 else found

    @intrinsic
    def _digest(typing_context: Any, function: Any, data: Any, size: Any) -> Any:
        """XXH3_64bits(data, size)."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _call(builder, arguments, [_I64, _I64], _I64)

        return types.int64(types.int64, types.int64, types.int64), code

    @intrinsic
    def _reset(typing_context: Any, function: Any, own: Any) -> Any:
        """LZ4_resetStream(own)."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _call(builder, arguments, [_I64], ir.VoidType())
            return _I64(0)

        return types.int64(types.int64, types.int64), code

    @intrinsic
    def _lz4_out(
        typing_context: Any, function: Any, own: Any, page: Any, to: Any, size: Any, room: Any, level: Any
    ) -> Any:
        """LZ4_compress_fast_continue(own, page, to, size, room, acceleration)."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _call(builder, arguments, [_I64, _I64, _I64, _I32, _I32, _I32], _I32)

        return types.int64(*[types.int64] * 7), code

    @intrinsic
    def _lz4_in(typing_context: Any, function: Any, payload: Any, to: Any, size: Any, room: Any) -> Any:
        """LZ4_decompress_safe(payload, to, size, room)."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _call(builder, arguments, [_I64, _I64, _I32, _I32], _I32)

        return types.int64(*[types.int64] * 5), code

    @intrinsic
    def _zstd(typing_context: Any, function: Any, own: Any, to: Any, room: Any, data: Any, size: Any) -> Any:
        """ZSTD_compress2(own, to, room, data, size), and ZSTD_decompressDCtx, which takes the same.

        Errors are sizes near 2**64: negative here.
        """

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _call(builder, arguments, [_I64] * 5, _I64)

        return types.int64(*[types.int64] * 6), code

    @intrinsic
    def _pread(typing_context: Any, function: Any, fd: Any, to: Any, size: Any, offset: Any) -> Any:
        """pread(fd, to, size, offset)."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _call(builder, arguments, [_I32, _I64, _I64, _I64], _I64)

        return types.int64(*[types.int64] * 5), code

    @intrinsic
    def _pwritev(typing_context: Any, function: Any, fd: Any, vectors: Any, count: Any, offset: Any) -> Any:
        """pwritev(fd, vectors, count, offset)."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _call(builder, arguments, [_I32, _I64, _I32, _I64], _I64)

        return types.int64(*[types.int64] * 5), code

    call_digest, call_reset, call_lz4_out, call_lz4_in, call_zstd = _digest, _reset, _lz4_out, _lz4_in, _zstd
    call_pread, call_pwritev = _pread, _pwritev

"""Every error the package raises: one base class, each also the builtin that a caller would expect.

An error carries what it is about as fields, and its message says what happened, where the data is now, and what to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


MAX_SENTENCE = 500
"""Characters; whoever wrote the config may have written anything into it."""


def on_one_line(sentence: str) -> str:
    """A sentence without what would move the cursor or fill the screen."""
    if len(sentence) > MAX_SENTENCE:
        sentence = f"{sentence[: MAX_SENTENCE - 3]}..."
    return "".join(letter if letter.isprintable() else " " for letter in sentence)


class SwapTiersError(Exception):
    """The base of all of them. They go from one process to another with all their fields."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[SwapTiersError], args: tuple[Any, ...], fields: dict[str, Any]) -> SwapTiersError:
    builtin: Any = OSError if issubclass(kind, OSError) else BaseException
    error: SwapTiersError = builtin.__new__(kind, *args)
    builtin.__init__(error, *args)
    error.__dict__.update(fields)
    return error


class ConfigError(SwapTiersError, ValueError):
    """A configuration that can't be used: one sentence, with where it stands.

    Fields: `file` (or None), `line` and `column` (1-based, or None), `what`.
    """

    def __init__(
        self, what: str, *, file: str | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        place = file or ""
        if line is not None:
            place += f":{line}:{column if column is not None else 1}"
        what = on_one_line(what)
        super().__init__(f"{on_one_line(place)}: {what}" if place else what)
        self.what = what
        self.file = file
        self.line = line
        self.column = column


class ResultError(SwapTiersError, ValueError):
    """A folder of results that can't be used: missing, broken, of a newer version, or not of one run."""

    def __init__(self, what: str) -> None:
        super().__init__(on_one_line(what))


class GraphError(ConfigError):
    """A tier graph that can't work: a cycle, an unknown tier, a tier that nothing reaches."""


class StaleEntryError(SwapTiersError, KeyError):
    """An entry id that names no page of this system: taken, discarded, or never given out here. Nothing was changed."""

    def __init__(self, entry: int, what: str) -> None:
        super().__init__(what)
        self.entry = entry

    def __str__(self) -> str:  # KeyError would show the repr
        return str(self.args[0])


class BusyEntryError(SwapTiersError, RuntimeError):
    """An entry that another thread is taking at this moment."""

    def __init__(self, entry: int, what: str) -> None:
        super().__init__(what)
        self.entry = entry


class CorruptEntryError(SwapTiersError, OSError):
    """Stored bytes that fail their checksum. They are never returned; the entry stays where it is, unreadable.

    Fields: `entry`, `tier`, `slot`.
    """

    def __init__(self, entry: int, tier: str, slot: int) -> None:
        super().__init__(f"entry {entry:#x}: the bytes in slot {slot} of tier {tier!r} are not those that were stored")
        self.entry = entry
        self.tier = tier
        self.slot = slot


class StoreRefusedError(SwapTiersError, OSError):
    """A tier or a limit said no to a page, and nowhere else was allowed.

    Fields: `ids` (one per page of the call, 0 where the page is *not* in: the others are stored and acknowledged),
    `reasons` (refusal reason -> pages), `cgroup`.
    """

    def __init__(self, ids: npt.NDArray[np.uint64], reasons: dict[str, int], cgroup: str) -> None:
        refused = sum(reasons.values())
        why = ", ".join(f"{reason}: {pages}" for reason, pages in sorted(reasons.items()))
        super().__init__(
            f"{refused} of {len(ids)} pages of {cgroup} were refused ({why}); "
            f"the other {len(ids) - refused} are stored under the ids in this error"
        )
        self.ids = ids
        self.reasons = reasons
        self.cgroup = cgroup


class TierIOError(SwapTiersError, OSError):
    """A tier's file could not be read or written. The message says where the data is now.

    Fields: `tier`, `operation`, `slot` (the first that a read was for; -1 elsewhere).
    """

    def __init__(self, tier: str, operation: str, cause: OSError, where: str, slot: int = -1) -> None:
        super().__init__(cause.errno, f"tier {tier!r}: {operation} failed ({cause.strerror or cause}); {where}")
        self.tier = tier
        self.operation = operation
        self.slot = slot

    def __str__(self) -> str:
        return str(self.args[1])


class TierBusyError(SwapTiersError, RuntimeError):
    """A tier that can't be removed, since entries are left in it. They are where they were. Fields: `tier`, `left`,
    `refused` (reason -> how often it stopped them)."""

    def __init__(self, tier: str, left: int, refused: dict[str, int]) -> None:
        why = ", ".join(f"{reason}: {count}" for reason, count in sorted(refused.items())) or "nowhere to go"
        super().__init__(
            f"tier {tier!r} still holds {left} entries ({why}); it takes no new ones until it is readmitted"
        )
        self.tier = tier
        self.left = left
        self.refused = refused


class ControlFileError(SwapTiersError, OSError):
    """A control file that refused, with the errno that the kernel gives. Fields: `errno`, `path` (of the file, or None).

    Nothing was changed, except where the message says so.
    """

    def __init__(self, code: int, what: str, path: str | None = None) -> None:
        super().__init__(code, on_one_line(f"{path}: {what}" if path else what))
        self.what = what
        self.path = path

    def __str__(self) -> str:
        return str(self.args[1])


class MountError(SwapTiersError, RuntimeError):
    """A directory on which nothing can be mounted, or a machine that can't mount; the message says what to do."""


class ClosedError(SwapTiersError, ValueError):
    """A system used after it was closed."""


class ForkedError(ClosedError):
    """A system used in a forked child of the process that made it. Nothing was touched; in the parent it goes on.

    Fields: `owner`, the process that the system belongs to.
    """

    def __init__(self, owner: int, here: int) -> None:
        super().__init__(
            f"this SwapSystem belongs to process {owner}, and process {here} is a fork of it: both would write the same "
            f"files; make a system of its own here, or start the process with multiprocessing's spawn"
        )
        self.owner = owner


class CoreFullError(SwapTiersError, MemoryError):
    """The core's reserved address space is used up: more entries than the system was made for."""


class IntegrityError(SwapTiersError, RuntimeError):
    """A page came back different from what was swapped out, or an account does not balance: a defect of this program."""


class PolicyError(SwapTiersError, RuntimeError):
    """A policy of a user's own that raised, or suggested what is not there. Nothing was moved by it. Fields: `policy`,
    `edge`."""

    def __init__(self, policy: str, edge: str, cause: BaseException) -> None:
        super().__init__(f"policy {policy} of edge {edge}: {type(cause).__name__}: {cause}; nothing was moved")
        self.policy = policy
        self.edge = edge
        self.__cause__ = cause


class ExperimentError(SwapTiersError, RuntimeError):
    """A run that failed; the message says which variant and what was finished."""

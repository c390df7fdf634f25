"""The kernel's control files, existing and proposed, over one engine: `ControlTree` reads and writes them by path."""

from swaptiers.control.tree import ControlTree

__all__ = ["ControlTree"]

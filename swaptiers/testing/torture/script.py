"""A failing episode as a short program of its own, which uses the public API and nothing of this room."""

from __future__ import annotations

import inspect
from typing import Any

import attrs

from swaptiers.testing.torture import operations as ops
from swaptiers.testing.torture.arena import MAX_ENTRIES, START_NS
from swaptiers.testing.torture.episode import Episode
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.pages import page_of
from swaptiers.testing.torture.python_text import as_python
from swaptiers.testing.torture.steps import HEAD, STEPS
from swaptiers.testing.torture.threads import ThreadedEpisode
from swaptiers.testing.torture.world import World

CALLED: dict[type[Any], str] = {
    ops.SwapOut: "swap_out",
    ops.SwapOutPage: "swap_out_page",
    ops.SwapOutAgain: "swap_out_again",
    ops.SwapIn: "swap_in",
    ops.SwapInPage: "swap_in_page",
    ops.Peek: "peek",
    ops.Discard: "discard",
    ops.ForgetClean: "forget_clean",
    ops.UseGone: "use_gone",
    ops.UseTwice: "use_twice",
    ops.Demote: "demote",
    ops.Evacuate: "evacuate",
    ops.Readmit: "readmit",
    ops.Quarantine: "quarantine",
    ops.RemoveTier: "remove_tier",
    ops.RunBackground: "run_background",
    ops.SetLimits: "set_limits",
    ops.SetZswap: "set_zswap",
    ops.RemoveCgroup: "remove_cgroup",
    ops.Look: "look",
    ops.MoveClock: "move_clock",
    ops.Arm: "arm",
    ops.Disarm: "disarm",
    ops.Slow: "slow",
    ops.LimitFiles: "limit_files",
    ops.CutFile: "cut_file",
    ops.UnlinkFile: "unlink_file",
    ops.Fork: "fork",
    ops.Hanging: "hanging",
}


def write_script(episode: Episode, failure: TortureError) -> str:
    """The program's text."""
    known: set[type[Any]] = set()
    world = _arguments(episode.world, known)
    lines = [_line(each, known) for each in episode.operations]
    if failure.kind.startswith("unexpected") and lines:
        lines.insert(-1, "may_raise = False")
    used = {type(each) for each in _flat(episode.operations)}
    steps = [text for name, text in STEPS.items() if name in {CALLED[kind] for kind in used}]
    head = HEAD.format(
        command=f"swaptiers torture --seed {episode.seed} --episode {episode.number}",
        what=_quoted(f"{failure.kind}: {failure}"),
        imports="".join(
            _import(kind) for kind in sorted(known, key=lambda kind: kind.__name__) if kind.__name__ != "Fault"
        ),
        page_of=inspect.getsource(page_of),
        world=world,
        wrap="" if episode.is_bare else "    wrap=wrap,\n",
        start=START_NS,
        max_entries=MAX_ENTRIES,
    )
    return "\n\n\n".join([head, *(text.strip("\n") for text in steps), "\n".join([*lines, "", "finish()", ""])])


def write_threaded_script(episode: ThreadedEpisode, failure: TortureError) -> str:
    """A program that runs the threads again and again: what they do is the same, what happens is not."""
    known: set[type[Any]] = set()
    text = as_python(episode, known)
    imports = "".join(_import(kind) for kind in sorted(known, key=lambda kind: kind.__name__))
    return (
        f'"""Found by `swaptiers torture --seed {episode.seed} --episode {episode.number}`:\n\n'
        f'{_quoted(f"{failure.kind}: {failure}")}\n"""\n\nimport tempfile\nfrom pathlib import Path\n\n{imports}'
        f"from swaptiers.testing.torture.threads import run_threaded\n\nepisode = {text}\n\n"
        f"for attempt in range(100):\n    with tempfile.TemporaryDirectory() as folder:\n"
        f"        outcome = run_threaded(episode, Path(folder))\n    if outcome.failure is not None:\n"
        f"        raise outcome.failure\n"
    )


def _quoted(text: str) -> str:
    """Fit for a docstring."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def _import(kind: type[Any]) -> str:
    return f"from {kind.__module__} import {kind.__name__}\n"


def _arguments(world: World, known: set[type[Any]]) -> str:
    made = []
    for field in attrs.fields(World):
        held = getattr(world, field.name)
        if field.default is attrs.NOTHING or held != field.default:
            made.append(f"    {field.name}={_spread(held, known)},\n")
    return "".join(made)


def _spread(held: Any, known: set[type[Any]]) -> str:
    """Tiers and edges one a line."""
    if not isinstance(held, tuple) or not held:
        return as_python(held, known)
    return "(\n" + "".join(f"        {as_python(each, known)},\n" for each in held) + "    )"


def _flat(operations: tuple[ops.Operation, ...]) -> list[ops.Operation]:
    """With those that stand inside others."""
    flat: list[ops.Operation] = []
    for each in operations:
        flat.append(each)
        if isinstance(each, ops.Hanging):
            flat += _flat((each.first, *each.then))
    return flat


def _line(operation: ops.Operation, known: set[type[Any]]) -> str:
    return f"{CALLED[type(operation)]}({', '.join(_given(operation, known))})"


def _given(operation: ops.Operation, known: set[type[Any]]) -> list[str]:
    if isinstance(operation, ops.Hanging):
        meanwhile = ", ".join(f"lambda: {_line(each, known)}" for each in operation.then)
        return [
            repr(operation.tier),
            repr(operation.call),
            f"lambda: {_line(operation.first, known)}",
            f"[{meanwhile}]",
        ]
    value: Any = operation
    made = []
    for field in attrs.fields(type(value)):
        held = getattr(value, field.name)
        if field.default is attrs.NOTHING:
            made.append(as_python(held, known))
        elif held != field.default:
            made.append(f"{field.name}={as_python(held, known)}")
    return made

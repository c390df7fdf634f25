"""`swaptiers torture`: a seeded storm over random systems, with every page compared."""

from __future__ import annotations

import secrets
import sys

import click

from swaptiers.testing.torture.session import Report, Session
from swaptiers.units import format_bytes

DEFAULT_MINUTES = 1.0
BROKEN, INTERRUPTED = 3, 130
READS, ERRORS, LOST = "page reads compared", "errors that say where the data is", "pages lost by a device, and named"


@click.command()
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=DEFAULT_MINUTES, show_default=True)
@click.option("--seed", type=click.IntRange(0), help="The same seed, the same episodes; default: a new one.")
@click.option("--episode", type=click.IntRange(0), help="Only this episode of the seed.")
def torture(minutes: float, seed: int | None, episode: int | None) -> int:
    """Torture random systems with every fault of the model, and compare every page.

    Ends with 3 if something does not hold, and writes a short program that shows it.
    """
    seed = secrets.randbits(32) if seed is None else seed
    click.echo(f"seed {seed}: repeat with --seed {seed}")
    session = Session(seed)
    if episode is not None:
        session.one(episode)
        report = session.report()
    else:
        report = session.run(minutes * 60, _progress if sys.stderr.isatty() else lambda _: None)
        _clear()
    click.echo(table(report))
    if report.found is not None:
        click.echo(failure(report), err=True)
        return BROKEN
    return INTERRUPTED if report.is_interrupted else 0


def _progress(session: Session) -> None:
    click.echo(f"\r{session.episodes} episodes, {session.counts[READS]:,} page reads compared ", nl=False, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


def table(report: Report) -> str:
    """What was done, what was injected, and what was found."""
    counts = report.counts
    faults = {name: n for name, n in counts.items() if n and name not in (READS, ERRORS, LOST) and "errno" not in name}
    errnos = {name: n for name, n in counts.items() if "errno" in name}
    rows = [
        ("episodes", f"{report.episodes:,} ({report.threaded:,} with threads, {report.repeated:,} run twice)"),
        ("seconds", f"{report.seconds:.0f}"),
        (READS, f"{counts[READS]:,}"),
        ("faults injected", f"{sum(faults.values()):,}"),
        *((f"  {name}", f"{faults[name]:,}") for name in sorted(faults)),
        ("errors out of tiers", ", ".join(f"{name} {n:,}" for name, n in sorted(errnos.items())) or "none"),
        (ERRORS, f"{counts[ERRORS]:,}"),
        (LOST, f"{counts[LOST]:,}"),
        ("resident memory", " / ".join(map(format_bytes, (report.start_bytes, report.peak_bytes, report.end_bytes)))
         + " (start / peak / end)"),
        ("open descriptors", " / ".join(map(str, report.descriptors)) + " (start / end)"),
        ("found", "nothing" if report.found is None else report.found.failure.kind),
    ]  # fmt: skip
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def failure(report: Report) -> str:
    """What does not hold, and how to see it again."""
    found = report.found
    assert found is not None
    if found.episode < 0:
        return f"swaptiers: {found.failure}"
    where = f"episode {found.episode}" + (f", {found.operation}" if found.operation else "")
    return (
        f"swaptiers: {found.failure.kind}: {found.failure}\n"
        f"seed {report.seed}, {where}; again with: swaptiers torture --seed {report.seed} --episode {found.episode}\n"
        f"{found.script} shows it in {found.steps} operations (of {found.steps_before})"
    )

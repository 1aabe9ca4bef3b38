"""What is said at the end: what was found, and the commands that come next."""

from __future__ import annotations

from rs_da_mm.datasets.splits import PARTS
from rs_da_mm.projects.commands import commands
from rs_da_mm.projects.estimate import spelled_seconds
from rs_da_mm.projects.project import REPORT, Project


def summary(project: Project) -> str:
    """Sum a project up for the terminal.

    Args:
        project: The project.

    Returns:
        Lines of text; the last are commands.
    """
    return "\n".join([*_found(project), "", *commands(project.folder, project.found)])


def _found(project: Project) -> list[str]:
    found, parts, training = project.found, project.parts, project.training
    facts = found.scenes[0].facts
    pixel = f", pixels of {facts.pixel.width:.3g} m" if facts.pixel is not None and facts.pixel.unit == "metre" else ""
    lines = [
        f"{len(found.scenes)} images of {facts.kind}{pixel}; labels: {found.content.kind}, {found.labels.how}",
        f"classes: {', '.join(f'{one.name} {100 * one.share:.1f} %' for one in parts.statistics.classes)} (of the training part)",
        f"windows of {parts.window}: "
        + ", ".join(f"{part} {len(parts.datasets[part])}" for part in PARTS)
        + f" (split: {parts.settings['split']['type']})",
    ]
    far = parts.notes.get("distances", {})
    if far:
        told = [f"{pair.replace('-', ' and ')} {metres:,.0f} m" for pair, metres in far.items()]
        lines.append(f"between the nearest windows of {', '.join(told)}")
    lines.append(f"{training.epochs} epochs of {training.steps} steps, {training.batch_size} windows each")
    measured = project.estimate
    if measured is not None and measured.step_seconds is not None:
        memory = "" if measured.peak_bytes is None else f", {measured.peak_bytes / 2**30:.1f} GiB of memory"
        lines.append(
            f"measured on {measured.device}: {measured.step_seconds:.3g} s a step, "
            f"{spelled_seconds(measured.epoch_seconds or 0)} an epoch, "
            f"{spelled_seconds(measured.total_seconds or 0)} in all{memory}"
        )
    advice = () if measured is None else measured.advice
    lines.append(f"report: {project.folder / REPORT}")
    return [*lines, *(f"note: {note}" for note in [*found.notes, *parts.remarks, *advice])]

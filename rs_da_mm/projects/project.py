"""Making a project, from the look at the files to the folder that trains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rs_da_mm.datasets.statistics import save_statistics
from rs_da_mm.files import atomic_write_text
from rs_da_mm.projects.commands import commands
from rs_da_mm.projects.config_text import config_text
from rs_da_mm.projects.estimate import Estimate, estimate
from rs_da_mm.projects.images import absolute
from rs_da_mm.projects.model_settings import model_settings
from rs_da_mm.projects.parts import Parts, divide
from rs_da_mm.projects.report import report_page
from rs_da_mm.projects.request import ProjectRequest
from rs_da_mm.projects.scene_table import NAME, scene_table
from rs_da_mm.projects.settings import TrainingSettings, training_settings
from rs_da_mm.projects.survey import Survey, survey
from rs_da_mm.projects.writing import CONFIG, project_folder, require_free

STATISTICS = "statistics.json"
REPORT = "report.html"


@dataclass(frozen=True)
class Project:
    """A project that was made.

    Attributes:
        folder: Where it lies.
        found: What was found.
        parts: Its windows, divided.
        training: How it is trained.
        estimate: Memory and time, if they were measured.
    """

    folder: Path
    found: Survey
    parts: Parts
    training: TrainingSettings
    estimate: Estimate | None = None


def make_project(request: ProjectRequest, command: str = "tools/new_project.py …") -> Project:
    """Look at images and labels, and write config, table of scenes, split, statistics and report.

    Args:
        request: What is asked for.
        command: The command line, for the config and the report.

    Returns:
        What was made.

    Raises:
        InputError: With everything that stands in the way; nothing is written then.
    """
    request = replace(request, out=absolute(request.out))
    require_free(request.out, request.overwrite)
    found = survey(request)
    with project_folder(request.out, request.overwrite) as folder:
        atomic_write_text(folder / NAME, scene_table(found))
        parts = divide(request, found, folder)
        training = training_settings(request, parts.statistics, parts.window)
        model = model_settings(request, parts.statistics, training, parts.window)
        save_statistics(parts.statistics, folder / STATISTICS)
        atomic_write_text(folder / CONFIG, config_text(request, parts.settings, model, training, command))
        measured = estimate(folder / CONFIG, training, len(parts.datasets["val"])) if request.estimate else None
        project = Project(request.out, found, parts, training, measured)
        next_steps = commands(request.out, found)
        page = report_page(request.out.name, found, parts, training, measured, next_steps, command)
        atomic_write_text(folder / REPORT, page)
    return project

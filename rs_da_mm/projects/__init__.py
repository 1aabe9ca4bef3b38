"""From a folder of images and labels to a config that trains: what ``tools/new_project.py`` does."""

from __future__ import annotations

from rs_da_mm.projects.project import Project, make_project
from rs_da_mm.projects.request import ProjectRequest

__all__ = ["Project", "ProjectRequest", "make_project"]

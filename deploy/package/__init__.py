"""Casebook as an OpenEnv package: triage environments for AI agents, written as YAML."""

from .client import CasebookEnv

__all__ = ["CasebookEnv"]

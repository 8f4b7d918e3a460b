"""The client: OpenEnv's generic one, since actions and observations are what the pack says they are."""

from openenv import GenericEnvClient


class CasebookEnv(GenericEnvClient):
    """Plays episodes of one environment; `http://HOST:PORT/envs/NAME` names one that is not at the root."""

"""The HTTP server on a Ray cluster: the app of `serving`, as many times as there are replicas.

serve.run(ray_endpoint(ServerSettings(tokens=tokens), replicas=4))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attngs.errors import ConfigError, MissingDependencyError, check_whole

if TYPE_CHECKING:
    from ray.serve import Application

    from attngs.scale.serving.metrics import AsgiApp
    from attngs.scale.serving.settings import ServerSettings

NAME = "attngs"
"""Of the deployment."""


def ray_endpoint(settings: ServerSettings, *, replicas: int = 1, cpus: float = 1.0, gpus: float = 0.0) -> Application:
    """The server as an application of Ray Serve.

    Each replica is a process with a marker, limits and metrics of its own. It also remembers for itself what chats were shown: if Ray sends
    the turns of a chat to different replicas, the answers are as good, but a provider's cache helps less. With a `memory`, all replicas
    must be on one machine, because SQLite needs a local disk. Ray copies the settings, with the key of an upstream, to where replicas run.

    Args:
        settings: What is served, to whom, and how much of it.
        replicas: How many.
        cpus: Cores of each.
        gpus: Of each; a share is enough for several to use one.

    Raises:
        MissingDependencyError: The extra `ray` is not installed.
        ConfigError: A number is outside its range.
    """
    check_whole("replicas", replicas)
    for name, value in (("cpus", cpus), ("gpus", gpus)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ConfigError(f"`{name}` must be a number from 0, got {value!r}.")
    try:
        from ray import serve
    except ImportError as error:
        raise MissingDependencyError("`attngs.scale.endpoint` needs Ray Serve: pip install 'attngs[ray]'") from error

    def build() -> AsgiApp:
        from attngs.scale.serving.app import create_app

        return create_app(settings)

    options = {"num_cpus": cpus, "num_gpus": gpus}
    deployment: Any = serve.deployment(serve.ingress(build)(), name=NAME, num_replicas=replicas, ray_actor_options=options)
    application: Application = deployment.bind()
    return application

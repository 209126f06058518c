"""JupyterLab's side of the house: the Jupyter server extension, its routes, its jobs and its doorbell."""

API = 1
"""Version of the routes; the front end compares it with the one that it was built for."""

EVENTS = "https://mlops-nb.github.io/events/changed/v1"
"""Schema id of the doorbell on Jupyter's event bus."""

"""From marks to a short text in the writer's words."""

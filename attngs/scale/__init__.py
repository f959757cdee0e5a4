"""Where one process ends: servers for other programs, and many machines."""

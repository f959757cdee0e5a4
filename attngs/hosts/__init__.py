"""What packages for frameworks share: settings, one driver, one marker a process, one budget."""

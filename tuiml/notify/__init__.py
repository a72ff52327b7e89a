"""Says that a run is over or ill: by the terminal's bell, title and notifications, and by a command."""

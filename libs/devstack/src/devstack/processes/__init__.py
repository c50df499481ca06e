"""Child processes: how one is started, watched and ended, and the supervisor of many."""

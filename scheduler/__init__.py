"""When cameras work: schedules, nights and field lists become planned runs; their reports say what became of them."""

"""Running programs: cells in, rollouts out, nothing lost on the way."""

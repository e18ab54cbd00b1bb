"""Plans: how long one takes, how independent its draws are, and whether targets are reached."""

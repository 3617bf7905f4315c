"""Which weights and channels to prune, and how they go."""

"""A map of a scene: how it is made, what is kept while it is made, and its files."""

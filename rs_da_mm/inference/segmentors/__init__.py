"""Trained segmentors, made ready to map."""

"""From a source of pixels to a sink of scores, for any dense model: windows, batches, blending, three threads."""

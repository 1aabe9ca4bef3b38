"""Output that survives being stopped at any moment: rows in a working file, a journal of them, a lock."""

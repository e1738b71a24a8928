"""Shared by the store's modules, below their tables: rows, encodings, errors, moments, the write probe."""

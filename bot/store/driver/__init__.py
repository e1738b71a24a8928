"""What the store's modules share below their tables: rows, encodings, errors, moments, the probe for a writable store."""

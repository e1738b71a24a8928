"""Child processes that never outlive the demo."""

"""Who may do what: the access table asked with all that it needs to know, and break-glass access."""

"""The HTTP edge: it validates, hands over, and answers after the commit. The only ASGI in the house."""

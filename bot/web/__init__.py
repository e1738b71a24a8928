"""The HTTP edge: it validates, hands over, and answers after the commit. The only ASGI code in the program."""

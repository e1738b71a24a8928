"""Answers people's questions: names, status, report cards, the daily digest, App Home."""

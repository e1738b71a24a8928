"""Questions that people ask: names, status, report cards, the daily digest, App Home."""

# The bot alone: no Airflow, no sandbox's browser, no build tools. State lives in /data or in PostgreSQL.
FROM python:3.11-slim AS build
COPY requirements/bot.txt /tmp/bot.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /tmp/bot.txt

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home windsock && mkdir /data && chown windsock /data
COPY --from=build /venv /venv
COPY bot /app/bot
COPY runbooks /app/runbooks
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 \
    WINDSOCK_SERVER__HOST=0.0.0.0 WINDSOCK_STORE__URL=sqlite:////data/windsock.db WINDSOCK_RUNBOOKS__PATH=/app/runbooks
USER 10001
VOLUME /data
EXPOSE 8090
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8090/livez', timeout=2)"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["serve"]

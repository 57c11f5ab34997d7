# One image for web, worker and beat; the database and the broker are other containers.
# Written to the documentation, not yet run by the project's own tests.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/base.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r base.txt

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /var/lib/playhead playhead
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
ENV PATH=/venv/bin:$PATH \
    PLAYHEAD_HOME=/var/lib/playhead \
    PLAYHEAD_BIND=0.0.0.0 \
    DJANGO_SETTINGS_MODULE=timeline.settings \
    PYTHONUNBUFFERED=1
USER playhead
EXPOSE 8000
CMD ["python", "manage.py", "serve"]

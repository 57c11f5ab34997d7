"""The JSON API below `/api/v1`: one router per resource; `api.api` puts them together."""

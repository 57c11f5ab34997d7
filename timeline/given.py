"""Prepares a PostgreSQL of somebody's own: the same three roles that the embedded one has."""

import secrets
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from timeline import embedded
from timeline.embedded import APP, BROKER, OWNER

OLDEST = 150_000
ROLES = (OWNER, APP, BROKER)


class CannotPrepare(Exception):
    """Why the server cannot be prepared, in one line."""


def prepare(admin: str, database: str, *, new_passwords: bool = False) -> dict[str, str]:
    """Make roles, database, rights and queue where they are missing; the environment to work with.

    `admin` is a connection string of somebody who may create roles and databases. Roles that are
    there keep their passwords, and then the environment shows *** in their place.
    """
    try:
        with psycopg.connect(admin, autocommit=True, connect_timeout=5) as conn:
            if conn.info.server_version < OLDEST:
                raise CannotPrepare("PostgreSQL 15 or newer is needed")
            passwords = {role: _role(conn, role, new_passwords) for role in ROLES}
            if not embedded._exists(conn, "SELECT 1 FROM pg_database WHERE datname = %s", database):
                # Who makes a database for another role has to be a member of it.
                conn.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
                make = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
                names = sql.Identifier(database), sql.Identifier(OWNER)
                conn.execute(sql.SQL(make).format(*names))
        inside = make_conninfo(admin, dbname=database)
        with psycopg.connect(inside, autocommit=True, connect_timeout=5) as conn:
            embedded.grant_roles(conn, database)
            embedded.install_pgmq(conn, BROKER)
    except psycopg.Error as error:
        raise CannotPrepare(str(error).strip().splitlines()[0]) from None
    place = conninfo_to_dict(inside)
    broker = {key: str(place[key]) for key in ("host", "port") if key in place}
    return {
        "DATABASE_URL": _url(place, APP, passwords[APP]),
        "DATABASE_OWNER_URL": _url(place, OWNER, passwords[OWNER]),
        "PLAYHEAD_BROKER_CONN": make_conninfo(
            **broker, dbname=database, user=BROKER, password=passwords[BROKER]
        ),
    }


def _role(conn: psycopg.Connection[tuple[object, ...]], role: str, new_password: bool) -> str:
    there = embedded._exists(conn, "SELECT 1 FROM pg_roles WHERE rolname = %s", role)
    if there and not new_password:
        return "***"
    password = secrets.token_urlsafe(24)
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if there else "CREATE ROLE {} LOGIN PASSWORD {}"
    conn.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password)))
    return password


def _url(place: Mapping[str, object], role: str, password: str) -> str:
    host = str(place.get("host") or "")
    port = str(place.get("port") or "")
    name = f"/{quote(str(place['dbname']), safe='')}"
    sign_in = f"{role}:{password}"
    if host.startswith("/"):  # a socket's folder cannot stand before the path
        return f"postgresql://{sign_in}@{name}?{urlencode({'host': host, 'port': port or '5432'})}"
    return f"postgresql://{sign_in}@{host}{f':{port}' if port else ''}{name}"

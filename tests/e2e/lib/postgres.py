# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A PostgreSQL server of a story's own, on a UNIX socket in a directory that
goes with it."""
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from .addresses import ROOT
from .story import SCALE, Failed, wait_for

BIN = "/usr/lib/postgresql/15/bin"
PG_DATA = os.path.join(ROOT, "tests/support/pg-data")


def unprivileged():
    """A server does not run as root."""
    if os.geteuid() == 0:
        who = pwd.getpwnam("postgres")
        os.setgroups([])
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)


CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_PRIVATE_ALL = 0x44000


class SmallDisk:
    """A directory that is a disk of so many bytes, for one process and its
    children: nobody else sees it."""

    def __init__(self, directory, size):
        self.directory, self.size = directory, size
        self.uid = os.geteuid() or pwd.getpwnam("postgres").pw_uid
        self.libc = ctypes.CDLL(None, use_errno=True)

    def _do(self, result):
        if result != 0:
            raise OSError(ctypes.get_errno(), "not allowed")

    def _enter(self):
        """Who is not root becomes somebody who may mount, and stays himself."""
        if os.geteuid() == 0:
            self._do(self.libc.unshare(CLONE_NEWNS))
            return
        uid, gid = os.geteuid(), os.getegid()
        self._do(self.libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                           ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as f:
                f.write(text)

    def mount(self):
        """In the process that is to have it, before its program."""
        self._enter()
        self._do(self.libc.mount(b"none", b"/", None, MS_PRIVATE_ALL, None))
        options = f"size={self.size},uid={self.uid},mode=700"
        self._do(self.libc.mount(b"none", self.directory.encode(), b"tmpfs",
                                 0, options.encode()))
        unprivileged()

    def is_allowed(self):
        try:
            return subprocess.run(["/bin/true"], preexec_fn=self.mount,
                                  check=False).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False


class Postgres:
    def __init__(self, databases, **settings):
        self.databases, self.begin = databases, unprivileged
        self.settings = {"max_slot_wal_keep_size": "1GB", **settings}
        self.process = None
        self.dir = tempfile.mkdtemp(prefix="portolan-pg-")
        if os.geteuid() == 0:
            who = pwd.getpwnam("postgres")
            os.chown(self.dir, who.pw_uid, who.pw_gid)
        os.chmod(self.dir, 0o755)

    def __enter__(self):
        try:
            self._make_files()
            with open(f"{self.dir}/data/postgresql.conf", "a") as f:
                for name, value in self.settings.items():
                    f.write(f"{name} = {value}\n")
            self.start()
            for name in self.databases:
                self.ask("postgres", f"create database {name}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, kind=None, *exc):
        if self.process is not None:
            self.end(signal.SIGQUIT)    # nothing is to be kept
        if kind is not None and os.path.exists(f"{self.dir}/log"):
            with open(f"{self.dir}/log", errors="replace") as f:
                print(f"{self.dir}/log:", f.read()[-5000:])
        shutil.rmtree(self.dir, ignore_errors=True)

    def _make_files(self):
        done = subprocess.run([PG_DATA, f"{self.dir}/data"],
                              capture_output=True, text=True,
                              timeout=60 * SCALE)
        if done.returncode != 0:
            raise Failed(f"pg-data: {done.stdout}{done.stderr}")

    def _run(self, program, *args):
        done = subprocess.run([f"{BIN}/{program}", *args], cwd=self.dir,
                              preexec_fn=unprivileged, capture_output=True,
                              text=True, timeout=60 * SCALE)
        if done.returncode != 0:
            raise Failed(f"{program}: {done.stderr}")
        return done.stdout.strip()

    def start(self):
        with open(f"{self.dir}/log", "ab") as log:
            self.process = subprocess.Popen(
                [f"{BIN}/postgres", "-D", f"{self.dir}/data", "-k", self.dir,
                 "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                 "wal_level=logical", "-c", "shared_buffers=16MB"],
                cwd=self.dir, preexec_fn=self.begin, stdout=log, stderr=log)

        def answers():
            if self.process.poll() is not None:
                with open(f"{self.dir}/log") as f:
                    raise Failed(f"the server ended: {f.read()[-2000:]}")
            return subprocess.run([f"{BIN}/pg_isready", "-q", "-h", self.dir],
                                  check=False).returncode == 0

        wait_for("a server that answers", answers, 60)

    def end(self, signo=signal.SIGINT):
        self.process.send_signal(signo)
        self.process.wait(60 * SCALE)
        self.process = None

    def kill(self):
        """kill -9, and started again; its children go a moment later, and until
        then it does not start."""
        self.process.kill()
        self.process.wait()

        def starts():
            try:
                self.start()
            except Failed:
                return False
            return True

        wait_for("a killed server starts again", starts, 60)

    def conninfo(self, database, user="flow_engine"):
        return f"host={self.dir} user={user} dbname={database}"

    def ask(self, database, sql):
        """What a superuser gets, as lines of values."""
        return self._run("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1",
                         "-d", self.conninfo(database, "postgres"), "-c", sql)


class Tap:
    """Another socket of the same server, on which all that it sends to those
    who come this way is kept.  It may stop passing anything, either way, as a
    network does that was cut, and go on later."""

    def __init__(self, server, name="tap"):
        self.server, self.dir = server, os.path.join(server.dir, name)
        self.sent = bytearray()
        self.passes = threading.Event()
        self.passes.set()
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.dir}/.s.PGSQL.5432")
        os.chmod(f"{self.dir}/.s.PGSQL.5432", 0o777)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def conninfo(self, database, user="flow_engine"):
        return f"host={self.dir} user={user} dbname={database}"

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(f"{self.server.dir}/.s.PGSQL.5432")
            except OSError:
                client.close()
                server.close()
                continue
            for ends in ((client, server, None), (server, client, self.sent)):
                threading.Thread(target=self._pump, args=ends,
                                 daemon=True).start()

    def _pump(self, source, target, kept):
        try:
            while data := source.recv(65536):
                self.passes.wait()
                if kept is not None:
                    kept += data
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

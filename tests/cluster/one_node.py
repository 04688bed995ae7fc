"""A real Slurm of one node on this machine, for tests and benchmarks.

munged, slurmctld and slurmd are started as root with a configuration in a folder of their own and on free ports, not as
services of the system, and end with the context.

    python -m tests.cluster.one_node    # until a key is pressed; tells the environment to use it with
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import children

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0
CPUS = 4  # that the node says it has, whatever this machine has: so many tasks of one processor run at once
_SYSTEM = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
_WHILE_WE_LIVE = '"$@" & cat > /dev/null; kill $!; wait $!'  # a daemon ends when its stdin is closed, as by our end
_CONFIGURATION = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=1,sched_interval=2,requeue_setup_env_fail
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why it can't be started here; empty where it can."""
    if missing := [name for name in PROGRAMS if shutil.which(name, path=_SYSTEM) is None]:
        return f"{', '.join(missing)}: not installed (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "slurmd is started by root only"


@contextlib.contextmanager
def one_node() -> Iterator[dict[str, str]]:
    """The cluster at work; yields the environment in which its commands are called."""
    folder = Path(tempfile.mkdtemp(prefix="cytpix-slurm-"))
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        environment = {**os.environ, "PATH": _SYSTEM, "SLURM_CONF": str(folder / "slurm.conf")}
        environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "XDG_STATE_HOME": str(folder)}
        _configure(folder)
        for command in _commands(folder):
            with (folder / f"{command[0]}.out").open("wb") as output:
                words = ["sh", "-c", _WHILE_WE_LIVE, "sh", *command]
                daemons.append(children.serve(words, stdout=output, stderr=output, env=environment, cwd=folder))
            if command[0] == "munged":
                _until((folder / "munge.socket").exists, folder)
        _until(lambda: _idle(environment), folder)
        try:
            yield environment
        finally:
            _asked(environment, "scancel", "--user", "root")
            _until(lambda: not _asked(environment, "squeue", "--noheader"), folder)
    finally:
        for daemon in reversed(daemons):
            assert daemon.stdin is not None
            daemon.stdin.close()
            daemon.wait(LIMIT)
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path) -> None:
    folder.chmod(0o755)  # munged looks for that
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(2)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in sockets]
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(folder=folder, host=host, ports=ports, cpus=CPUS))
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)


def _commands(folder: Path) -> list[list[str]]:
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge.{end}" for option, end in files.items()]
    conf = ["-D", "-f", f"{folder}/slurm.conf"]
    return [["munged", "--foreground", "--force", *options], ["slurmctld", *conf], ["slurmd", *conf]]


def _asked(environment: dict[str, str], *command: str) -> str:
    return children.run(command, env=environment, capture_output=True, text=True).stdout.strip()


def _idle(environment: dict[str, str]) -> bool:
    return _asked(environment, "sinfo", "--noheader", "--format=%T") == "idle"


def _until(reached: Callable[[], object], folder: Path) -> None:
    limit = time.monotonic() + LIMIT
    while not reached():
        if time.monotonic() > limit:
            told = "\n".join(
                f"{path.name}: {path.read_text()[-1500:]}" for path in sorted(folder.glob("*.[lo][ou][gt]"))
            )
            raise AssertionError(f"the cluster doesn't come to it:\n{told}")
        time.sleep(0.2)


def verb(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """Calls tui-cytpix there, to its end."""
    command = [sys.executable, "-P", "-m", "tui_cytpix", *map(str, words)]
    return children.run(command, env=environment, capture_output=True, text=True)


def tasks(environment: dict[str, str]) -> dict[str, str]:
    """Of all arrays, what is not at its end: the state of each task, as `JOB_TASK`."""
    lines = _asked(environment, "squeue", "--noheader", "--array", "--format=%F_%K %T").splitlines()
    return dict(line.split() for line in lines)


def wait_for(reached: Callable[[], object], seconds: float = 600) -> None:
    limit = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.1)


if __name__ == "__main__":
    with one_node() as told:
        print(f"export SLURM_CONF={told['SLURM_CONF']}")
        input("Enter ends it. ")

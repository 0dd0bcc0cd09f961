"""The private PostgreSQL of an instance: whether it can run here, and what is in it."""
import glob
import os
import pwd
import subprocess

BINARIES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
SETTINGS: list[str] = []
if os.geteuid() == 0:
    SETTINGS = ["--set", "db.user=postgres"]  # no new user for a measurement


def there() -> bool:
    if not BINARIES:
        return False
    try:
        return os.geteuid() != 0 or bool(pwd.getpwnam("postgres"))
    except KeyError:
        return False


def sql(instance, query: str) -> str:
    return subprocess.run([BINARIES[-1] + "/psql", "-h", str(instance.runtime / "db"), "-U", "prot", "-d", "prot", "-Atc",
                           query], capture_output=True, text=True, timeout=20, check=True).stdout.strip()

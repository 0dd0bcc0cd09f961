#!/usr/bin/env python3
"""with_postgres.py FOLDER PROGRAM [ARGUMENT...]: runs PROGRAM with PROT_TEST_POSTGRES naming the programs of the PostgreSQL that
FOLDER holds somewhere (.../pginstall/bin). They are copied first: the user that runs the server cannot enter root's cache."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


@contextlib.contextmanager
def postgres_programs(folder):
    """The bin folder of a copy that everybody can enter."""
    with tempfile.TemporaryDirectory(prefix="prot-postgres-") as copy:
        os.chmod(copy, 0o755)
        shutil.copytree(folder, pathlib.Path(copy) / "all", symlinks=True)
        for path, _, files in os.walk(copy):
            for file in (path, *(os.path.join(path, file) for file in files)):
                if not os.path.islink(file):
                    os.chmod(file, 0o755)
        yield str(next(pathlib.Path(copy).glob("all/*/pginstall/bin")))


if __name__ == "__main__":
    with postgres_programs(sys.argv[1]) as programs:
        sys.exit(subprocess.run(sys.argv[2:], env={**os.environ, "PROT_TEST_POSTGRES": programs}).returncode)

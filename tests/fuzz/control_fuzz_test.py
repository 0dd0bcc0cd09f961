#!/usr/bin/env python3
"""Runs the fuzzer of control.sock from its own seeds. usage: control_fuzz_test.py FUZZER [SECONDS]"""
import os
import pathlib
import subprocess
import sys
import tempfile


def main():
    fuzzer, seconds = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "10"
    with tempfile.TemporaryDirectory(prefix="prot-fuzz-") as name:
        seeds = pathlib.Path(name, "seeds")
        seeds.mkdir()
        subprocess.run([fuzzer, "--seeds", seeds], check=True, timeout=30)
        assert len(list(seeds.iterdir())) >= 50, "the seeds are missing"
        done = subprocess.run([fuzzer, f"-max_total_time={seconds}", "-seed=1", "-max_len=4096", "-timeout=10",
                               "-rss_limit_mb=2048", f"-artifact_prefix={name}/", "-print_final_stats=1", seeds],
                              env=dict(os.environ, TMPDIR=name),
                              capture_output=True, text=True, errors="replace", timeout=float(seconds) + 120, check=False)
        lines = done.stderr.splitlines()
        if done.returncode != 0:
            print("\n".join(lines[-60:]))
            for artifact in pathlib.Path(name).glob("*-*"):
                print(f"{artifact.name}: {artifact.read_bytes()[:4000].hex()}")
            return 1
        print(next(line for line in reversed(lines) if "cov:" in line))
    return 0


if __name__ == "__main__":
    sys.exit(main())

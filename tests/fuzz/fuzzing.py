"""One run of a libFuzzer program from the seeds that it makes itself."""
import os
import pathlib
import subprocess
import tempfile


def run(fuzzer, seeds_there, options, timeout) -> int:
    """0: no fault; else what the fuzzer said and the inputs that it kept are printed. `seeds_there`: are the seeds
    all there, by their number?"""
    with tempfile.TemporaryDirectory(prefix="prot-fuzz-") as name:
        seeds = pathlib.Path(name, "seeds")
        seeds.mkdir()
        subprocess.run([fuzzer, "--seeds", seeds], check=True, timeout=30)
        assert seeds_there(len(list(seeds.iterdir()))), "the seeds are missing"
        done = subprocess.run([fuzzer, *options, "-seed=1", "-timeout=10", "-rss_limit_mb=2048",
                               f"-artifact_prefix={name}/", "-print_final_stats=1", seeds],
                              env=dict(os.environ, TMPDIR=name), capture_output=True, text=True, errors="replace",
                              timeout=timeout, check=False)
        lines = done.stderr.splitlines()
        if done.returncode != 0:
            print("\n".join(lines[-60:]))
            for artifact in pathlib.Path(name).glob("*-*"):
                print(f"{artifact.name}: {artifact.read_bytes()[:4000].hex()}")
            return 1
        print(next(line for line in reversed(lines) if "cov:" in line))
    return 0

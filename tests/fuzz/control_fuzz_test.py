#!/usr/bin/env python3
"""Runs the fuzzer of control.sock from its own seeds. usage: control_fuzz_test.py FUZZER [SECONDS]"""
import sys

import fuzzing

if __name__ == "__main__":
    seconds = sys.argv[2] if len(sys.argv) > 2 else "10"
    sys.exit(fuzzing.run(sys.argv[1], lambda count: count >= 50, [f"-max_total_time={seconds}", "-max_len=4096"],
                         timeout=float(seconds) + 120))

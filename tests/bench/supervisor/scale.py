"""How much of everything: --quick whether it works, --short what ./test does, else what the targets say."""
import dataclasses


@dataclasses.dataclass
class Scale:
    anchors: bool = True
    t1_kills: int = 200
    t2_kills: int = 25
    t3_rounds: int = 200          # of the stages, over all states
    t3_servers: int = 200         # of db and llm
    storm_s: float = 60
    t5_jobs: int = 500
    t6_kills: int = 5
    load_s: float = 600           # no false kill
    gdb_s: float = 60
    hangs: int = 5
    crash_s: float = 60
    idle_s: float = 30
    downs: int = 10
    fuzz_s: int = 600
    top_lines: int = 1000
    held_s: float = 10            # a dead stage that gdb holds


FULL = Scale()
SHORT = Scale(t1_kills=6, t2_kills=1, t3_rounds=18, t3_servers=3, storm_s=5, t5_jobs=500, t6_kills=1, load_s=20, gdb_s=8,
              hangs=1, crash_s=10, idle_s=4, downs=1, fuzz_s=10, top_lines=100, held_s=3)
QUICK = Scale(t1_kills=6, t2_kills=1, t3_rounds=6, t3_servers=1, storm_s=2, t5_jobs=60, t6_kills=1, load_s=3, gdb_s=3,
              hangs=1, crash_s=3, idle_s=2, downs=1, fuzz_s=2, top_lines=50, held_s=1)

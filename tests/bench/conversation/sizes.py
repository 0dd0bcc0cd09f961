"""How much of everything: --quick whether it works, else what the bars say."""
import dataclasses


@dataclasses.dataclass
class Scale:
    turns: int = 200
    demos: int = 4
    interruptions: int = 200
    piper_interruptions: int = 50
    kills: int = 20          # of each stage
    faults: int = 0          # 0: the whole menu
    soak_s: float = 3600
    quick: bool = False


FULL = Scale()
QUICK = Scale(turns=3, demos=0, interruptions=3, piper_interruptions=0, kills=1, faults=2, soak_s=6, quick=True)

"""How much of everything: --quick whether it works, else what the bars say."""
import dataclasses


@dataclasses.dataclass
class Scale:
    faults: int = 0          # of each service; 0: its whole menu
    turns: int = 60          # for the first bytes of each service
    cancels: int = 200       # of each service
    requests: int = 1000
    quick: bool = False


FULL = Scale()
QUICK = Scale(faults=2, turns=3, cancels=3, requests=12, quick=True)

"""How much of everything: --quick whether it works, else what the bars say."""
import dataclasses


@dataclasses.dataclass
class Scale:
    faults: int = 0          # of each service; 0: its whole menu
    turns: int = 60          # for the first bytes of each service
    anchors: int = 300       # bytes over a bare socket, beside each conversation
    cancels: int = 200       # of each service
    requests: int = 1000     # to each service
    messages: int = 400      # while vectors are slow
    quick: bool = False


FULL = Scale()
QUICK = Scale(faults=2, turns=3, anchors=20, cancels=3, requests=12, messages=12, quick=True)

"""How much of everything, and what counts as growth."""
import dataclasses


@dataclasses.dataclass
class Scale:
    turns: int = 10_000
    warm_up: int = 1_000
    every: int = 100           # turns between two samples
    calm_s: float = 1          # so long a sample waits at most for an end of what is under way
    speed: int = 6             # prot's clock against the machine's
    interrupt_every: int = 5
    session: int = 7           # typed messages of one client
    # A leak of the allocator's smallest block (32 bytes) in every second turn is seen in the heap; the rest comes and
    # goes by pages, and is judged by 16 of them.
    heap_kib: float = 16       # each 1,000 turns
    anonymous_kib: float = 64
    resident_kib: float = 64   # 0: not judged
    kept_kib: float = 0        # memory's index, until it is full
    profile: int = 0           # 1: with the heap profile, whose growth is told at the end; the heaps are not judged
    quick: bool = False


FULL = Scale()
# Some buffers have not had their largest content yet, and code is read for the first time: a leak has to be half a
# kibibyte a turn to be seen. Pages are not judged: the allocator takes them in steps, and one step is most of what these
# turns could show.
QUICK = Scale(turns=180, warm_up=70, every=10, calm_s=0.2, session=1, heap_kib=512, anonymous_kib=0, resident_kib=0, kept_kib=3072,
              quick=True)

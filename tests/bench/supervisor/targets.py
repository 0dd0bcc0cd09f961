"""Name of a target -> what measures it."""
import costs
import drains
import hangs
import kills
import orphans
import stops
import storm

TARGETS = {"T1": kills.t1, "T2": kills.t2, "T3": orphans.t3, "T4": storm.storms, "T5": drains.t5, "T6": stops.t6, "T7": hangs.t7, "T8": costs.t8,
           "T9": costs.t9, "T10": stops.t10, "T14": hangs.t14}

"""Name of a target -> what measures it. T4 tells the part of T11 that is about `status` in a storm."""
import costs
import drains
import hangs
import kills
import orphans
import stops
import storm
import tools

TARGETS = {"T1": kills.t1, "T2": kills.t2, "T3": orphans.t3, "T4": storm.storms, "T5": drains.t5, "T6": stops.t6,
           "T7": hangs.t7, "T8": costs.t8, "T9": costs.t9, "T10": stops.t10, "T11": tools.t11, "T12": tools.t12,
           "T13": tools.t13, "T14": hangs.t14}

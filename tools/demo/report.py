"""From events and recordings to the report and the latency table."""
import re
import statistics

NUMBERS = {w: str(i) for i, w in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve".split())}


def words(text: str) -> list[str]:
    found = re.findall(r"[\w']+", text.lower().replace("colour", "color").replace("favourite", "favorite"))
    return [NUMBERS.get(w.replace("'", ""), w.replace("'", "")) for w in found]


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Substitutions, omissions and insertions by words of the reference (Levenshtein)."""
    a, b = words(reference), words(hypothesis)
    if not a:
        return 0.0 if not b else 1.0
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / len(a)


def ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 1)


def turn_row(number: int, said: str, event: dict, speech_end: float, audible: float | None) -> dict:
    """One turn of the report. speech_end and audible: seconds, from the recordings of microphone and loudspeaker."""
    row = {"n": number, "said": said, "heard": event.get("heard", ""), "reply": event.get("reply", ""),
           "interrupted": bool(event.get("interrupted")), "silence_after_interrupt_ms": None}
    row["speech_end_ns"] = int(speech_end * 1e9)
    for key in ("final_transcript_ns", "first_token_ns", "first_segment_ns", "first_pcm_ns"):
        row[key] = event.get(key, 0)
    row["audible_ns"] = int(audible * 1e9) if audible else 0
    row["notice_ns"] = event.get("notice_ns", 0)
    if row["notice_ns"]:
        audible = None  # "One moment." was heard first: the sound says nothing of the answer
    decided = event.get("end_decided_ns", 0)
    row["voice_to_voice_ms"] = ms(row["audible_ns"] - row["speech_end_ns"]) if audible else None
    row["end_of_turn_wait_ms"] = ms(max(0, decided - row["speech_end_ns"]))
    # Only what stands on the path to the answer counts: what began in the pause overlaps the wait.
    row["recognition_ms"] = ms(max(0, event.get("decode_end_ns", 0) - max(decided, event.get("decode_start_ns", 0))))
    row["model_ms"] = ms(max(0, event.get("first_segment_ns", 0) - max(decided, event.get("request_ns", 0))))
    row["voice_ms"] = ms(max(0, event.get("first_pcm_ns", 0) - event.get("synthesis_start_ns", 0)))
    row["device_ms"] = ms(row["audible_ns"] - event["written_ns"]) if audible and event.get("written_ns") else None
    row["added_ms"] = None
    if audible:
        engines = sum(row[k] or 0 for k in ("end_of_turn_wait_ms", "recognition_ms", "model_ms", "voice_ms", "device_ms"))
        row["added_ms"] = round(row["voice_to_voice_ms"] - engines, 1)
    return row


def table(rows: list[dict]) -> str:
    columns = [("n", "#"), ("voice_to_voice_ms", "voice-to-voice"), ("end_of_turn_wait_ms", "end-of-turn wait"),
               ("recognition_ms", "recognition"), ("model_ms", "model"), ("voice_ms", "voice"),
               ("device_ms", "device"), ("added_ms", "prot adds"), ("silence_after_interrupt_ms", "stopped after")]

    def cell(value) -> str:
        return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.0f} ms"

    lines = ["  ".join(f"{title:>16}" if i else f"{title:>3}" for i, (_, title) in enumerate(columns))]
    for row in rows:
        lines.append("  ".join(f"{cell(row[key]):>16}" if i else f"{cell(row[key]):>3}"
                               for i, (key, _) in enumerate(columns)))
    medians = {key: statistics.median(values) for key, _ in columns[1:]
               if (values := [r[key] for r in rows if r[key] is not None])}
    lines.append("  ".join(f"{cell(medians.get(key)):>16}" if i else "p50" for i, (key, _) in enumerate(columns)))
    return "\n".join(lines)


def merge_rings(statuses: list[dict]) -> dict:
    rings: dict = {}
    for status in statuses:
        for ring in status["rings"]:
            row = rings.setdefault(ring["name"], {"frames": 0, "drops": 0, "high_water_bytes": 0, "late_wakes": 0})
            for key in ("frames", "drops", "late_wakes"):
                row[key] += ring.get(key, 0)
            row["high_water_bytes"] = max(row["high_water_bytes"], ring["high_water_bytes"])
    return rings


def merge_stages(statuses: list[dict]) -> dict:
    stages: dict = {}
    for status in statuses:
        for stage in status["stages"]:
            row = stages.setdefault(stage["name"], {"pid": 0, "restarts": 0, "rss_bytes": 0, "cpu_ms": 0})
            row["pid"] = stage["pid"]
            row["restarts"] += stage["restarts"]
            row["rss_bytes"] = max(row["rss_bytes"], stage.get("rss_bytes", 0))
            row["cpu_ms"] += stage.get("cpu_ms", 0)
    return stages

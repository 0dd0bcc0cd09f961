#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "observed.hpp"

namespace prot::top::test {

inline StageRow stage_row(std::string name, std::uint32_t pid, double cpu) {
  StageRow row;
  row.name = std::move(name);
  row.state = "ready";
  row.pid = pid;
  row.alive = true;
  row.process_state = 'S';
  row.generation = 1;
  row.up_ns = 75 * kSecond;
  row.heartbeat_age_ns = 12 * kMillisecond;
  row.cpu_percent = cpu;
  row.busy_percent = cpu / 2;
  row.loops_per_s = 31.25;
  row.rss_bytes = 12'000'000;
  row.engine = "null";
  row.counters = {{"frames", 17}, {"bad", 0}};
  return row;
}

inline RingRow ring_row(std::string name, std::string producer, std::string consumer, double rate) {
  RingRow row;
  row.name = std::move(name);
  row.producer = {std::move(producer), 100, 1, "attached", false};
  row.consumer = {std::move(consumer), 101, 1, "attached", false};
  row.policy = "block";
  row.capacity_bytes = 262'144;
  row.frames = 1000;
  row.bytes = 1'000'000;
  row.used_frames = 0;
  row.frames_per_s = rate;
  row.bytes_per_s = rate * 1072;
  row.released_per_s = rate;
  row.wakes_per_s = rate;
  row.blocked_ns_per_s = 0;
  row.p99_lag_ns = 250 * kMicrosecond;
  row.wait_ns = 120 * kMicrosecond;
  row.busy_ns = 2 * kMillisecond;
  row.age_ns = 32 * kMillisecond;
  row.high_water_bytes = 4288;
  return row;
}

/// A run in which something of each kind happens.
inline ipc::TurnTimes turn_times(std::uint32_t turn, std::string model) {
  ipc::TurnTimes made;
  made.turn = turn;
  made.utterance = turn + 1;
  made.prompt_tokens = 431;
  made.cached_tokens = 400;
  made.model = std::move(model);
  made.at(ipc::TurnStamp::kSpeechEnd) = 900 * kSecond;
  Nanos at = 900 * kSecond;
  for (const ipc::TurnStep& step : ipc::kTurnSteps) made.at(step.stamp) = at += 123'456 * kMicrosecond;
  return made;
}

inline Snapshot busy_snapshot() {
  Snapshot s;
  s.instance = "default";
  s.run = "a1b2c3d4e5f6";
  s.at_ns = 1000 * kSecond;
  s.interval_ns = kSecond;
  s.supervisor_pid = 4200;
  s.supervisor_alive = true;
  s.supervisor_heartbeat_age_ns = 120 * kMillisecond;
  s.conversation = "speaking";
  s.turn = 7;
  s.turns = {turn_times(7, "llama-server"), turn_times(6, "gpt-x"), turn_times(5, "\x1b[2J")};
  s.turns[0].at(ipc::TurnStamp::kFirstPcm) = s.turns[0].at(ipc::TurnStamp::kAudible) = 0;
  s.turns[0].flags = ipc::kTurnFailed;
  s.turns[1].flags = ipc::kTurnInterrupted | ipc::kTurnPreemptive;
  s.stages = {stage_row("memory", 4201, 0.1), stage_row("player", 4202, 1.2),
              stage_row("tts", 4203, 38.4),   stage_row("brain", 4204, 0.5),
              stage_row("stt", 4205, 101.7),  stage_row("capture", 4206, 1.1)};
  StageRow& stt = s.stages[4];
  stt.restarts = 2;
  stt.generation = 3;
  stt.last_exit = -11;
  stt.heartbeat_age_ns = 3 * kSecond;
  StageRow& tts = s.stages[2];
  tts.state = "backoff";
  tts.pid = 0;
  tts.alive = false;
  tts.up_ns.reset();
  tts.heartbeat_age_ns.reset();
  tts.cpu_percent.reset();
  tts.busy_percent.reset();
  tts.loops_per_s.reset();
  tts.rss_bytes.reset();
  tts.last_exit = 1;
  s.stages[3].process_state = 't';
  s.rings = {ring_row("mic", "capture", "stt", 31.3), ring_row("transcript", "stt", "brain", 0.4),
             ring_row("pcm", "tts", "player", 50.0), ring_row("playback", "player", "brain", 20.1)};
  RingRow& mic = s.rings[0];
  mic.used_bytes = 201'000;
  mic.used_frames = 187;
  mic.lag_ns = 5984 * kMillisecond;
  mic.p99_lag_ns = 5984 * kMillisecond;
  mic.in_hand = true;
  mic.drops = 12;
  mic.high_water_bytes = 201'000;
  RingRow& pcm = s.rings[2];
  pcm.blocked = true;
  pcm.used_bytes = 262'000;
  pcm.lag_ns = 100 * kMillisecond;
  pcm.consumer.generation = 3;
  pcm.stale = 5;
  pcm.poison = 1;
  pcm.poison_sequences = {811};
  RingRow& playback = s.rings[3];
  playback.p99_lag_ns.reset();
  playback.wait_ns.reset();
  playback.busy_ns.reset();
  return s;
}

/// The file under golden/, or what it would have to be when PROT_WRITE_GOLDEN is set: then it is written.
inline std::string golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(PROT_SOURCE_ROOT) + "/tests/top/golden/" + name;
  if (std::getenv("PROT_WRITE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace prot::top::test

#include "top_model.hpp"

#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "json/json.hpp"
#include "wire/topology.hpp"

namespace prot::top {
namespace {

constexpr double kNanosPerMilli = 1e6;

bool alive(std::uint64_t pid) {
  return pid != 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

std::int64_t rss_of(std::uint32_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  return file >> total >> resident ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

// "/prot.INSTANCE.RUN.board" -> RUN
std::string run_of(const std::string& segment) {
  const std::size_t last = segment.rfind('.');
  const std::size_t first = segment.rfind('.', last - 1);
  return segment.substr(first + 1, last - first - 1);
}

double rate(std::uint64_t now, std::uint64_t before, double seconds) {
  return seconds > 0 && now >= before ? static_cast<double>(now - before) / seconds : 0;
}

// Age of the record at the head. Read without the consumer's leave, so it is a glance: checked for sense
// only.
double lag_of(const ipc::RingMemory& memory, std::uint64_t head, std::int64_t now) {
  ipc::RecordHeader record{};
  std::uint64_t offset = head & (memory.header->capacity - 1);
  std::memcpy(&record, memory.data + offset, 16);
  if (record.kind == 0xFF && record.version == 0xFF) offset = 0;
  if (offset + sizeof(record) > memory.header->capacity) return 0;
  std::memcpy(&record, memory.data + offset, sizeof(record));
  const double lag = static_cast<double>(now - record.published_ns) / kNanosPerMilli;
  return record.published_ns > 0 && lag >= 0 ? lag : 0;
}

}  // namespace

TopModel::TopModel(const std::string& instance) : instance_(instance) {
  std::string chosen;
  for (const std::string& name : ipc::list_segments(instance)) {
    if (!name.ends_with(".board")) continue;
    ipc::Board board = ipc::Board::open(name);
    const bool living = alive(board.supervisor().pid.load());
    if (!chosen.empty() && !living) continue;
    chosen = name;
    board_ = std::move(board);
    if (living) break;
  }
  if (!board_)
    throw Error("no prot instance '" + instance + "' here, running or dead (start it with: prot up)", 3);
  run_ = run_of(chosen);
  for (const wire::RingInfo& ring : wire::kRings) {
    const std::string name = ipc::segment_name(instance_, run_, std::string(ring.name));
    rings_.push_back(ipc::RingSegment::open(name, ipc::Role::kObserver));
  }
  busy_before_.resize(ipc::kMaxPrograms);
  loops_before_.resize(ipc::kMaxPrograms);
}

Snapshot TopModel::read() {
  const std::int64_t now = monotonic_now();
  const double seconds = before_ ? static_cast<double>(now - before_->at_ns) / 1e9 : 0;
  const ipc::SupervisorPage& supervisor = board_->supervisor();
  Snapshot snapshot;
  snapshot.instance = instance_;
  snapshot.run = run_;
  snapshot.at_ns = now;
  snapshot.supervisor_pid = static_cast<std::uint32_t>(supervisor.pid.load());
  snapshot.supervisor_alive = alive(supervisor.pid.load());
  snapshot.supervisor_heartbeat_age_ms =
      (now - static_cast<std::int64_t>(supervisor.heartbeat_ns.load())) / kMillisecond;
  const auto state = board_->conversation().state.load();
  snapshot.conversation = ipc::to_string(static_cast<ipc::ConversationState>(state));
  snapshot.turn = board_->conversation().voice_turn.load();
  const Snapshot* before = before_ ? &*before_ : nullptr;
  for (std::size_t i = 0; i < board_->header().program_count && i < ipc::kMaxPrograms; ++i) {
    StageRow row = read_stage(i, now, seconds, before);
    busy_before_[i] = board_->stage(i).busy_ns.load();
    loops_before_[i] = board_->stage(i).loops.load();
    if (row.state != "down" || row.generation > 0) snapshot.stages.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < rings_.size(); ++i)
    snapshot.rings.push_back(
        read_ring(rings_[i], now, seconds, before != nullptr ? &before->rings[i] : nullptr));
  before_ = snapshot;
  return snapshot;
}

StageRow TopModel::read_stage(std::size_t index, std::int64_t now, double seconds,
                              const Snapshot* before) const {
  const ipc::ProgramEntry& entry = board_->supervisor().programs[index];
  const ipc::StagePage& page = board_->stage(index);
  StageRow row;
  row.name = std::string(board_->header().programs[index], strnlen(board_->header().programs[index], 16));
  row.engine = std::string(page.engine, strnlen(page.engine, sizeof(page.engine)));
  row.state = ipc::to_string(static_cast<ipc::ProgramState>(entry.state.load()));
  row.pid = entry.pid.load();
  row.generation = entry.generation.load();
  row.restarts = entry.restarts.load();
  row.last_exit = entry.last_exit.load();
  const auto started = static_cast<std::int64_t>(entry.started_ns.load());
  if (row.pid != 0 && started > 0) row.uptime_ms = (now - started) / kMillisecond;
  const auto heartbeat = static_cast<std::int64_t>(page.heartbeat_ns.load());
  if (heartbeat > 0) row.heartbeat_age_ms = (now - heartbeat) / kMillisecond;
  row.asleep = page.asleep.load() != 0;
  row.rss_bytes = row.pid != 0 ? rss_of(row.pid) : 0;
  if (before != nullptr) {
    row.busy_percent = rate(page.busy_ns.load(), busy_before_[index], seconds) / 1e9 * 100;
    row.loops_per_s = rate(page.loops.load(), loops_before_[index], seconds);
  }
  return row;
}

RingRow TopModel::read_ring(const ipc::RingSegment& segment, std::int64_t now, double seconds,
                            const RingRow* before) {
  const ipc::RingMemory& memory = segment.memory();
  const ipc::RingProducerPage& producer = *memory.producer;
  const ipc::RingConsumerPage& consumer = *memory.consumer;
  RingRow row;
  row.name = std::string(memory.header->name, strnlen(memory.header->name, sizeof(memory.header->name)));
  row.from =
      std::string(memory.header->producer, strnlen(memory.header->producer, sizeof(memory.header->producer)));
  row.to =
      std::string(memory.header->consumer, strnlen(memory.header->consumer, sizeof(memory.header->consumer)));
  row.capacity_bytes = memory.header->capacity;
  // head, tail, head: stable enough that used is never nonsense.
  std::uint64_t head = consumer.head.load();
  std::uint64_t tail = producer.tail.load();
  for (int i = 0; i < 8 && consumer.head.load() != head; ++i) {
    head = consumer.head.load();
    tail = producer.tail.load();
  }
  row.used_bytes = tail >= head && tail - head <= row.capacity_bytes ? tail - head : 0;
  row.high_water_bytes = producer.high_water_bytes.load();
  row.frames = producer.frames.load();
  row.bytes = producer.bytes.load();
  row.drops = producer.drops.load();
  row.stale = consumer.stale_frames.load() + consumer.skipped_frames.load();
  row.faults = producer.fault.load() + consumer.faults.load();
  row.late_wakes = producer.late_wakes.load() + consumer.late_wakes.load();
  row.in_hand = consumer.processing_seq.load() != 0;
  if (row.used_bytes > 0) row.lag_ms = lag_of(memory, head, now);
  const auto published = static_cast<std::int64_t>(producer.last_publish_ns.load());
  if (published > 0) row.age_ms = static_cast<double>(now - published) / kNanosPerMilli;
  if (before != nullptr) {
    row.frames_per_s = rate(row.frames, before->frames, seconds);
    row.bytes_per_s = rate(row.bytes, before->bytes, seconds);
  }
  return row;
}

std::string to_json(const Snapshot& s) {
  json::Writer w;
  w.begin_object()
      .member("schema", 1)
      .member("instance", s.instance)
      .member("run", s.run)
      .member("at_ns", s.at_ns);
  w.key("supervisor").begin_object().member("pid", s.supervisor_pid).member("alive", s.supervisor_alive);
  w.member("heartbeat_age_ms", s.supervisor_heartbeat_age_ms).end_object();
  w.member("conversation", s.conversation).member("turn", s.turn);
  w.key("stages").begin_array();
  for (const StageRow& r : s.stages) {
    w.begin_object().member("name", r.name).member("pid", r.pid).member("state", r.state);
    w.member("generation", r.generation).member("restarts", r.restarts).member("last_exit", r.last_exit);
    w.member("uptime_ms", r.uptime_ms)
        .member("heartbeat_age_ms", r.heartbeat_age_ms)
        .member("asleep", r.asleep);
    w.member("busy_percent", r.busy_percent)
        .member("loops_per_s", r.loops_per_s)
        .member("rss_bytes", r.rss_bytes);
    w.member("engine", r.engine).end_object();
  }
  w.end_array().key("rings").begin_array();
  for (const RingRow& r : s.rings) {
    w.begin_object().member("name", r.name).member("from", r.from).member("to", r.to);
    w.member("used_bytes", r.used_bytes).member("capacity_bytes", r.capacity_bytes);
    w.member("high_water_bytes", r.high_water_bytes)
        .member("frames", r.frames)
        .member("frames_per_s", r.frames_per_s);
    w.member("bytes_per_s", r.bytes_per_s).member("lag_ms", r.lag_ms).member("age_ms", r.age_ms);
    w.member("drops", r.drops)
        .member("stale", r.stale)
        .member("faults", r.faults)
        .member("late_wakes", r.late_wakes);
    w.member("in_hand", r.in_hand).end_object();
  }
  w.end_array().end_object();
  return w.str();
}

}  // namespace prot::top

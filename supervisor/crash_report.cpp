#include "crash_report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/crash_handler.hpp"
#include "base/error.hpp"
#include "base/log_record.hpp"
#include "base/paths.hpp"
#include "ipc/spsc_ring.hpp"
#include "json/json.hpp"

namespace prot::supervisor {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostFramesLookedAt = 4096;
constexpr std::string_view kPrefix = "crash-";

std::string text(const char* field, std::size_t size) { return {field, ::strnlen(field, size)}; }

struct Frame {
  std::string module;
  std::string offset;
};

// "crash: #0 /usr/bin/prot-stt+0x1234" of this process.
std::vector<Frame> frames_in(const std::vector<std::string>& log, pid_t pid) {
  std::vector<Frame> frames;
  for (const std::string& line : log) {
    if (line.find(kCrashMark) == std::string::npos) continue;
    const json::Document document = json::parse(line);
    const std::string message(document.get("msg").as_string());
    const std::size_t plus = message.rfind("+0x");
    const std::size_t space = message.find(' ', std::strlen("crash: #"));
    if (document.get("pid").as_int() != pid || !message.starts_with("crash: #")) continue;
    if (plus == std::string::npos || space == std::string::npos || space > plus) continue;
    frames.push_back({message.substr(space + 1, plus - space - 1), message.substr(plus + 1)});
  }
  return frames;
}

void write_rings(json::Writer& out, const std::vector<RingPosition>& rings) {
  out.key("rings").begin_array();
  for (const RingPosition& ring : rings)
    out.begin_object()
        .member("name", ring.name)
        .member("from", ring.from)
        .member("to", ring.to)
        .member("head", ring.head)
        .member("tail", ring.tail)
        .member("used", ring.tail - std::min(ring.head, ring.tail))
        .member("capacity", ring.capacity)
        .member("sequence", static_cast<std::int64_t>(ring.published) - 1)
        .member("released", ring.released)
        .end_object();
  out.end_array();
}

void write_frame(json::Writer& out, const FrameInHand& frame) {
  out.key("frame");
  if (!frame.found) {
    out.null();
    return;
  }
  out.begin_object().member("ring", frame.ring).member("sequence", frame.sequence);
  if (frame.in_ring)
    out.member("kind", frame.kind)
        .member("version", frame.version)
        .member("flags", frame.flags)
        .member("turn", frame.turn)
        .member("size", frame.size)
        .member("age_ms", frame.age / kMillisecond);
  out.end_object();
}

}  // namespace

std::string CrashReport::id() const { return fmt::format("{}-{}-{}", stage, generation, run); }

std::string to_json(const CrashReport& report) {
  json::Writer out;
  out.begin_object()
      .member("id", report.id())
      .member("time", rfc3339(report.wall_ns))
      .member("stage", report.stage)
      .member("what", report.what)
      .member("uptime_ms", report.uptime / kMillisecond)
      .member("was_ready", report.was_ready)
      .member("pid", report.pid)
      .member("generation", report.generation)
      .member("run", report.run);
  if (report.status.by_signal()) {
    const char* name = ::sigabbrev_np(-report.status.code);
    out.member("signal", -report.status.code);
    out.member("signal_name", name != nullptr ? std::string("SIG") + name : std::string());
    out.member("core", report.status.core);
  } else {
    out.member("exit_code", report.status.code);
  }
  out.member("decision", report.decision)
      .member("build_id", report.build_id)
      .member("version", PROT_VERSION)
      .key("backtrace")
      .begin_array();
  for (const Frame& frame : frames_in(report.log, report.pid))
    out.begin_object().member("module", frame.module).member("offset", frame.offset).end_object();
  out.end_array();
  write_frame(out, report.frame);
  write_rings(out, report.rings);
  out.key("log").begin_array();
  for (const std::string& line : report.log) out.raw(line);
  return out.end_array().end_object().str();
}

std::vector<RingPosition> positions_of(const std::vector<ipc::RingSegment>& rings, std::string_view stage) {
  std::vector<RingPosition> found;
  for (const ipc::RingSegment& ring : rings) {
    const ipc::RingMemory& memory = ring.memory();
    RingPosition position;
    position.from = text(memory.header->producer, sizeof memory.header->producer);
    position.to = text(memory.header->consumer, sizeof memory.header->consumer);
    if (position.from != stage && position.to != stage) continue;
    position.name = text(memory.header->name, sizeof memory.header->name);
    position.capacity = memory.header->capacity;
    position.head = memory.consumer->head.load();
    position.tail = memory.producer->tail.load();
    position.published = memory.producer->frames.load();
    position.released = memory.consumer->frames.load();
    found.push_back(std::move(position));
  }
  return found;
}

FrameInHand frame_in_hand(const std::vector<ipc::RingSegment>& rings, std::string_view stage,
                          std::uint32_t generation, Nanos now) {
  FrameInHand frame;
  const ipc::RingMemory* ring = nullptr;
  std::uint64_t newest = 0;
  for (const ipc::RingSegment& segment : rings) {
    const ipc::RingMemory& memory = segment.memory();
    if (text(memory.header->consumer, sizeof memory.header->consumer) != stage) continue;
    // A process that died before it had attached left its predecessor's page.
    if (memory.consumer->generation.load(std::memory_order_acquire) != generation) continue;
    const std::uint64_t in_hand = memory.consumer->processing_seq.load();
    const std::uint64_t taken = memory.consumer->last_take_ns.load();
    if (in_hand == 0 || (frame.found && taken <= newest)) continue;
    frame.found = true;
    frame.sequence = in_hand - 1;
    frame.ring = text(memory.header->name, sizeof memory.header->name);
    ring = &memory;
    newest = taken;
  }
  if (ring == nullptr) return frame;
  ipc::RingConsumerPage page{};  // a page of our own: the real one is not ours to write
  page.head.store(ring->consumer->head.load());
  ipc::RingMemory view = *ring;
  view.consumer = &page;
  ipc::RingConsumer reader(view);
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  for (std::size_t i = 0; i < kMostFramesLookedAt; ++i) {
    if (reader.peek(info, payload) != ipc::TakeResult::kFrame || info.sequence > frame.sequence) break;
    if (info.sequence < frame.sequence) continue;
    frame.in_ring = true;
    frame.kind = info.kind;
    frame.version = info.version;
    frame.flags = info.flags;
    frame.turn = info.turn;
    frame.size = payload.size();
    frame.age = now - info.published_ns;
    break;
  }
  return frame;
}

void write_crash_report(const fs::path& folder, const std::string& id, std::string_view json) {
  make_private_directory(folder);
  const fs::path file = folder / (std::string(kPrefix) + id + ".json");
  const fs::path half = file.string() + ".new";
  {
    const UniqueFd fd(::open(half.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) throw errno_error("cannot open " + half.string());
    const ssize_t n = ::write(fd.get(), json.data(), json.size());
    if (n != static_cast<ssize_t>(json.size())) {
      const int error = n < 0 ? errno : ENOSPC;
      ::unlink(half.c_str());
      throw errno_error("cannot write " + half.string(), error);
    }
  }
  if (::rename(half.c_str(), file.c_str()) != 0) throw errno_error("cannot write " + file.string());
  std::error_code error;
  const std::vector<fs::path> all = crash_reports_in(folder);
  for (std::size_t i = kMostCrashReports; i < all.size(); ++i) fs::remove(all[i], error);
}

std::vector<fs::path> crash_reports_in(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(".json"))
      found.emplace_back(entry.last_write_time(error), entry.path());
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  std::vector<fs::path> files;
  files.reserve(found.size());
  for (auto& [time, path] : found) files.push_back(std::move(path));
  return files;
}

}  // namespace prot::supervisor

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "batch.hpp"
#include "frame_tail.hpp"
#include "json/json.hpp"
#include "observed.hpp"
#include "output.hpp"
#include "text_format.hpp"
#include "top_json.hpp"

namespace prot::top {
namespace {

constexpr Nanos kLookEvery = 20 * kMillisecond;
constexpr Nanos kCheckEvery = 500 * kMillisecond;

const ipc::RingSegment& find_ring(const RunView& run, const std::string& name) {
  std::string names;
  for (const ipc::RingSegment& ring : run.rings) {
    const std::string found = field_text(ring.memory().header->name);
    if (found == name) return ring;
    names += " " + found;
  }
  throw UsageError(fmt::format("there is no ring '{}':{}", name, names));
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

/// What one run of --tail prints.
class TailPrinter {
 public:
  TailPrinter(Output& output, const FrameTail& tail, const Options& options)
      : output_(&output), tail_(&tail), options_(&options) {}

  bool header() {
    if (options_->json) return true;
    return output_->print(fmt::format("{:>10} {:<15} {:>6} {:>7} {:>8} {:>8} {}{}", "SEQ", "KIND", "TURN",
                                      "SIZE", "AGE-ms", "MADE-ms", "FLAGS",
                                      options_->content ? " CONTENT" : ""));
  }

  bool frame(const SeenRecord& record) {
    ++frames_;
    return output_->print(options_->json ? json_frame(record) : text_frame(record));
  }

  bool missed() {
    missed_ += tail_->missed();
    if (!options_->json)
      return output_->print(
          fmt::format("+++ {} frames were written over before they were read", tail_->missed()));
    json::Writer w;
    w.begin_object().member("schema", kJsonSchema).member("ring", options_->ring);
    w.member("missed_frames", tail_->missed()).end_object();
    return output_->print(w.str());
  }

  [[nodiscard]] bool enough() const {
    return options_->iterations > 0 && frames_ >= static_cast<std::uint64_t>(options_->iterations);
  }
  void summary() const { fmt::print(stderr, "prot-top: {} frames shown, {} missed\n", frames_, missed_); }

 private:
  std::string text_frame(const SeenRecord& record) const {
    const ipc::RecordHeader& h = record.header;
    std::string line =
        fmt::format("{:>10} {:<15} {:>6} {:>7} {:>8} {:>8} {}", h.sequence, kind_name(h.kind), h.turn,
                    h.length, ms_text(std::max<Nanos>(monotonic_now() - h.published_ns, 0)),
                    ms_text(std::max<Nanos>(h.published_ns - h.made_ns, 0)), flags_text(h.flags));
    if (!options_->content) return line;
    const auto payload = tail_->payload(record);
    return line + " " + (payload ? escaped(*payload) : "(written over while it was read)");
  }

  std::string json_frame(const SeenRecord& record) const {
    const ipc::RecordHeader& h = record.header;
    json::Writer w;
    w.begin_object()
        .member("schema", kJsonSchema)
        .member("ring", options_->ring)
        .member("sequence", h.sequence);
    w.member("kind", kind_name(h.kind)).member("version", h.version).member("turn", h.turn);
    w.member("flags", flags_text(h.flags)).member("size_bytes", h.length).member("made_ns", h.made_ns);
    w.member("published_ns", h.published_ns);
    w.member("age_ns", std::max<Nanos>(monotonic_now() - h.published_ns, 0));
    if (options_->content) {
      w.key("content_hex");
      if (const auto payload = tail_->payload(record))
        w.value(hex(*payload));
      else
        w.null();
    }
    return w.end_object().str();
  }

  Output* output_;
  const FrameTail* tail_;
  const Options* options_;
  std::uint64_t frames_ = 0;
  std::uint64_t missed_ = 0;
};

enum class Pass { kAll, kStop };

// Everything that is there now.
Pass print_new(FrameTail& tail, TailPrinter& printer, Output& output, const std::string& ring) {
  SeenRecord record;
  for (;;) {
    if (printer.enough()) return Pass::kStop;
    switch (tail.next(record)) {
      case FrameTail::Step::kFrame:
        if (!printer.frame(record)) return Pass::kStop;
        break;
      case FrameTail::Step::kMissed:
        if (!printer.missed()) return Pass::kStop;
        break;
      case FrameTail::Step::kNothing:
        return output.flush() ? Pass::kAll : Pass::kStop;
      case FrameTail::Step::kDamaged:
        static_cast<void>(output.flush());
        throw Error(fmt::format("ring {}: there is no whole record at position {}", ring, tail.position()));
    }
  }
}

}  // namespace

int run_tail(const Options& options) {
  const auto run = open_run(options.instance);
  const ipc::RingSegment& ring = find_ring(*run, options.ring);
  Output output;
  bool alive = run->alive;
  if (!alive)
    fmt::print(stderr, "prot-top: post-mortem: supervisor is dead; these frames it left in the ring\n");
  FrameTail tail(ring.memory(), options.waiting || !alive);
  TailPrinter printer(output, tail, options);
  if (!printer.header()) return 0;
  Nanos checked = monotonic_now();
  for (;;) {
    if (print_new(tail, printer, output, options.ring) == Pass::kStop || !alive) break;
    const Nanos now = monotonic_now();
    if (!output.wait_until(now + kLookEvery)) break;
    if (now - checked < kCheckEvery) continue;
    checked = now;
    alive = supervisor_alive(run->board);  // dead: once more, then nothing can come
    if (!alive) fmt::print(stderr, "prot-top: the supervisor has ended\n");
  }
  static_cast<void>(output.flush());
  printer.summary();
  return 0;
}

}  // namespace prot::top

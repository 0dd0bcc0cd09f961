// A stage for the supervisor's process tests: named by its file (prot-stt, ...), it forwards no content, only
// the end of the stream. What else it does is said by the environment:
//   PROT_FIXTURE_FAIL=stage[,stage]       exits with 1 at start
//   PROT_FIXTURE_CONFIG=stage             exits with 2 at start
//   PROT_FIXTURE_SLOW=stage               is never ready
//   PROT_FIXTURE_LATE=stage               works, and says that it is not ready,
//   PROT_FIXTURE_LATE_UNTIL=file          until that file is there
//   PROT_FIXTURE_HANG=stage               is ready, then makes no progress
//   PROT_FIXTURE_DEAF=stage               ignores the drain
//   PROT_FIXTURE_CRASH_IN_DRAIN=stage     crashes when the drain reaches it, in its first generation
//   PROT_FIXTURE_TURNS=n                  brain puts n frames on turns at start; memory leaves them unless
//   PROT_FIXTURE_EXCHANGES=n              brain puts n exchanges there: "I own item1.", "Noted.", ...
//   PROT_FIXTURE_PUSH_AFTER=file          it puts them there whenever that file is there, and takes it away
//   PROT_FIXTURE_STORE=1                  it takes (and counts) them in the drain
//   PROT_FIXTURE_STORE_EVERY=ms           it takes one of them each so many ms
//   PROT_FIXTURE_TAKE_AFTER=file          memory takes them once that file is there
//   PROT_FIXTURE_DEFER=n                  memory's account names so many deferred jobs
//   PROT_FIXTURE_POISON=n                 the n-th of brain's messages says "poison": who takes it aborts,
//   PROT_FIXTURE_POISON_EXIT=code         or ends with that exit code
//   PROT_FIXTURE_SECRET=NAME              says how long that secret is
//   PROT_FIXTURE_DAEMON=stage             leaves one with a session of its own
//   PROT_FIXTURE_CHILD=stage              leaves a child process of its own
//   PROT_FIXTURE_SLEEPER=stage            starts a program, sleep
//   PROT_FIXTURE_HOARD=stage              takes 12 MiB of memory, in pieces of 64 KiB,
//   PROT_FIXTURE_HOARD_AFTER=file         as soon as that file is there
//   PROT_FIXTURE_CHATTY=stage             logs a line, and one for debug, every 20 ms
//   PROT_FIXTURE_FLOOD=stage              logs ten long lines every 5 ms
//   PROT_FIXTURE_TURN=brain               is within voice turn 1
//   PROT_FIXTURE_TURN_LOG=brain           has had voice turn 7, audible 1500 ms after the speech
//   PROT_FIXTURE_SEGV=stage               reads through a null pointer once it has run for 100 ms
//   PROT_FIXTURE_SHOW=key                 shows that key of its configuration in the place of its engine
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "stage/stage_runner.hpp"
#include "wire/memory.hpp"
#include "wire/topology.hpp"

namespace {
using namespace prot;

std::string order(const char* name) {
  const char* value = std::getenv((std::string("PROT_FIXTURE_") + name).c_str());
  return value != nullptr ? value : "";
}

bool meant(const char* name, const std::string& stage) {
  return ("," + order(name) + ",").find("," + stage + ",") != std::string::npos;
}

// Which ends of stream must have come before this stage ends the rings behind the arrow.
struct Hop {
  const char* stage;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};
const std::vector<Hop> kHops = {
    {"stt", {"mic"}, {"transcript"}},          {"brain", {"hearing", "transcript"}, {"speech"}},
    {"brain", {"playback"}, {"turns"}},        {"tts", {"speech"}, {"pcm"}},
    {"player", {"pcm"}, {"playback", "echo"}}, {"memory", {"turns"}, {"recall"}},
};

class FixtureStage final : public stage::Stage {
 public:
  explicit FixtureStage(stage::StageContext& context)
      : context_(&context), name_(context.environment().stage) {}

  void start() override {
    if (meant("CHILD", name_) && ::fork() == 0)
      for (;;) ::pause();
    if (meant("DAEMON", name_) && ::fork() == 0) {
      ::setsid();
      for (;;) ::pause();
    }
    if (meant("SLEEPER", name_) && ::fork() == 0) {
      ::execlp("sleep", "sleep", "1000", nullptr);
      ::_exit(127);
    }
    if (meant("FAIL", name_)) throw Error("fixture: told to fail");
    if (meant("CONFIG", name_)) throw UsageError("fixture: told to dislike its configuration");
    if (meant("SLOW", name_))
      for (;;) ::pause();
    for (const wire::RingInfo* ring : wire::inputs_of(name_))
      static_cast<void>(context_->input(ring->name));  // throws when it is not there
    if (const std::string name = order("SECRET"); !name.empty())
      std::fprintf(stderr, "secret of %zu characters\n",
                   context_->environment().secrets.find(name).value_or("").size());
    if (meant("TURN_LOG", name_)) log_turn();
    const std::string key = order("SHOW");
    context_->set_engine(key.empty() ? "fixture" : context_->config().text(key));
    if (name_ == "brain" && context_->environment().generation == 1) {
      send_turns();
      if (order("PUSH_AFTER").empty()) send_exchanges();
    }
    if (name_ == "brain" && !order("PUSH_AFTER").empty()) interval_ = 20 * kMillisecond;
    if (meant("CHATTY", name_) || meant("TURN", name_) || meant("SEGV", name_)) interval_ = 20 * kMillisecond;
    if (meant("HOARD", name_) || meant("LATE", name_)) interval_ = 20 * kMillisecond;
    if (name_ == "memory") store_every_ = std::atoi(order("STORE_EVERY").c_str()) * kMillisecond;
    if (store_every_ > 0) interval_ = store_every_;
    if (name_ == "memory" && !order("TAKE_AFTER").empty()) interval_ = 20 * kMillisecond;
    if (meant("FLOOD", name_)) interval_ = 5 * kMillisecond;
  }

  int do_work(Nanos now) override {
    if (meant("HANG", name_))
      for (;;) ::pause();
    talk(now);
    int items = 0;
    for (const wire::RingInfo* ring : wire::inputs_of(name_)) items += take(std::string(ring->name));
    if (context_->drain() == ipc::Drain::kNone || meant("DEAF", name_)) return items;
    if (name_ == "capture" && !finished_) {
      end("mic");
      end("hearing");
      finished_ = true;
    }
    for (const Hop& hop : kHops) forward(hop);
    return items;
  }
  [[nodiscard]] bool ready(Nanos) const override {
    return !meant("LATE", name_) || std::filesystem::exists(order("LATE_UNTIL"));
  }
  [[nodiscard]] bool finished() const override { return finished_; }
  [[nodiscard]] Nanos next_deadline(Nanos now) const override {
    return interval_ == 0 ? kNever : now + interval_;
  }
  void stop() noexcept override {
    if (finished_ && name_ == "memory")
      std::fprintf(stderr, "DRAINED=%d DEFERRED=%d\n", stored_, std::atoi(order("DEFER").c_str()));
  }

 private:
  void log_turn() {
    ipc::TurnTimes turn;
    turn.turn = 7;
    turn.model = "fixture-model";
    turn.at(ipc::TurnStamp::kSpeechEnd) = kSecond;
    turn.at(ipc::TurnStamp::kFinalTranscript) = kSecond + 700 * kMillisecond;
    turn.at(ipc::TurnStamp::kAudible) = kSecond + 1500 * kMillisecond;
    ipc::write_turn(context_->board().conversation().turns, turn);
  }

  void talk(Nanos now) {
    if (interval_ == 0 || now < talk_at_) return;
    talk_at_ = now + interval_;
    if (const std::string file = order("PUSH_AFTER"); name_ == "brain" && !file.empty())
      if (std::error_code none; std::filesystem::remove(file, none)) send_exchanges();
    if (meant("HOARD", name_) && hoard_.empty() && std::filesystem::exists(order("HOARD_AFTER"))) hoard();
    if (meant("TURN", name_)) {
      context_->board().conversation().voice_turn.store(1);
      context_->board().conversation().turn_began_ns.store(static_cast<std::uint64_t>(now));
    }
    if (meant("CHATTY", name_)) {
      log_with(LogLevel::kInfo, {{"number", ++number_}}, "chatter");
      log_debug("whisper");
    }
    for (int i = 0; i < 10 && meant("FLOOD", name_); ++i)
      log_info("{} {}", ++number_, std::string(3500, 'x'));
    if (meant("SEGV", name_) && now > born_ + 100 * kMillisecond) read_through(nothing_);
  }

  [[gnu::noinline]] void hoard() {
    constexpr std::size_t kPieces = 192;
    for (std::size_t i = 0; i < kPieces; ++i)
      hoard_.push_back(std::make_unique_for_overwrite<char[]>(64 * 1024));
  }

  [[gnu::noinline]] void read_through(const volatile int* place) { number_ = *place; }

  template <typename Message>
  void send_turn(const Message& message, std::string_view text) {
    if (wire::send(context_->output("turns"), message, wire::as_bytes(text), {}) != ipc::PublishResult::kOk)
      throw Error("fixture: turns is full");
  }

  void send_exchanges() {
    const auto count = static_cast<std::uint64_t>(std::atoi(order("EXCHANGES").c_str()));
    const wire::ConversationId conversation{0x5072'6F74, 1};
    for (std::uint64_t n = 1; n <= count; ++n) {
      wire::UserMessage question{conversation, 2 * n, wall_now(), wire::Channel::kVoice};
      send_turn(question, "I own item" + std::to_string(n) + ".");
      wire::ReplyEnd reply{conversation, 2 * n + 1, wall_now(), 0, wire::Channel::kVoice};
      send_turn(reply, "Noted.");
    }
  }

  void send_turns() {
    const int count = std::atoi(order("TURNS").c_str());
    for (int n = 1; n <= count; ++n) {
      wire::UserMessage message{};
      message.sequence = static_cast<std::uint64_t>(n);
      send_turn(message, n == std::atoi(order("POISON").c_str()) ? "poison" : "remember me");
    }
  }

  // Takes frames; an end of stream stays in the ring until it was handed on.
  int take(const std::string& ring) {
    ipc::Input& input = context_->input(ring);
    if (input.producer_closed() && !input.has_data()) ended_.insert(ring);
    if (ended_.contains(ring)) return 0;
    const bool draining = context_->drain() != ipc::Drain::kNone && !meant("DEAF", name_);
    const std::string file = order("TAKE_AFTER");
    const bool stores = !order("STORE").empty() || (!file.empty() && std::filesystem::exists(file));
    if (ring == "turns" && !stores && !draining) return 0;
    if (ring == "turns" && monotonic_now() < store_at_) return 0;
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    int items = 0;
    while (input.peek(info, payload) == ipc::TakeResult::kFrame) {
      ++items;
      if (wire::is<wire::EndOfStream>(info)) {
        ended_.insert(ring);
        break;
      }
      if (wire::as_text(payload).ends_with("poison")) {
        if (order("POISON_EXIT").empty()) std::abort();
        std::_Exit(std::atoi(order("POISON_EXIT").c_str()));
      }
      if (ring == "turns") ++stored_;
      input.release();
      if (store_every_ == 0 || ring != "turns") continue;
      store_at_ = monotonic_now() + store_every_;
      break;
    }
    return items;
  }

  void forward(const Hop& hop) {
    if (hop.stage != name_ || forwarded_.contains(hop.outputs.front())) return;
    for (const std::string& ring : hop.inputs)
      if (!ended_.contains(ring)) return;
    if (meant("CRASH_IN_DRAIN", name_) && context_->environment().generation == 1) std::abort();
    for (const std::string& ring : hop.outputs) end(ring);
    for (const std::string& ring : hop.inputs) context_->input(ring).release();
    forwarded_.insert(hop.outputs.front());
    finished_ = name_ != "brain" || hop.outputs.front() == "turns";
  }

  void end(const std::string& ring) {
    if (wire::send(context_->output(ring), wire::EndOfStream{}, {}, {}) != ipc::PublishResult::kOk)
      throw Error("fixture: " + ring + " is full");
  }

  stage::StageContext* context_;
  std::string name_;
  std::set<std::string> ended_;
  std::set<std::string> forwarded_;
  int stored_ = 0;
  Nanos interval_ = 0;  // between two lines; 0: none
  Nanos talk_at_ = 0;
  Nanos store_every_ = 0;
  Nanos store_at_ = 0;
  Nanos born_ = monotonic_now();
  int number_ = 0;
  std::vector<std::unique_ptr<char[]>> hoard_;
  const int* volatile nothing_ = nullptr;
  bool finished_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string name = std::filesystem::path(argv[0]).filename().string().substr(5);  // "prot-stt"
  return prot::stage::run_stage(argc, argv, name.c_str(), [](prot::stage::StageContext& context) {
    return std::make_unique<FixtureStage>(context);
  });
}

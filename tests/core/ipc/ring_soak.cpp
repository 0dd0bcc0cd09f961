// Random deaths under load. A writer and a mover (one input, one output: it is a consumer and a producer) are
// real processes that sleep on real bells; this process reads what comes out, and kills, stops and replaces
// them at moments that a seed decides. Every frame must come once, whole and in order, and nobody may be
// stuck.
//
// usage: ring-soak [BLOWS [SEED]]
//
// First comes a control, a mover that releases its frame before the output is published: it must be caught.
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "base/error.hpp"
#include "segment_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

constexpr int kBeltMs = 1000;
constexpr int kStuckMs = 10'000;
constexpr std::size_t kLongest = 3000;

/// What the processes share beside the rings.
struct Shared {
  std::atomic<std::uint64_t> stop_at{UINT64_MAX};  // frames that are made in all
  std::atomic<std::uint64_t> torn{0};              // the mover's verdict on its input
};

std::size_t length_of(std::uint64_t number) { return 8 + number * 7919 % (kLongest - 8); }

/// Content that follows from the number, and from how often it was moved.
void fill(std::span<std::byte> payload, std::uint64_t number, unsigned moves) {
  std::memset(payload.data(), static_cast<int>(number * 31 + moves), payload.size());
  std::memcpy(payload.data(), &number, sizeof number);
}

bool is_right(std::span<const std::byte> payload, std::uint64_t number, unsigned moves) {
  std::array<std::byte, kLongest> expected;
  if (payload.size() != length_of(number)) return false;
  fill(std::span(expected).first(payload.size()), number, moves);
  return std::memcmp(expected.data(), payload.data(), payload.size()) == 0;
}

/// The ends of a child, driven as the stage runner drives them.
template <typename Work, typename... Ends>
void run_loop(const Doorbell& bell, Work work, Ends&... ends) {
  for (;;) {
    (ends.disarm(), ...);
    bell.clear();
    const int moved = work();
    if (moved < 0) return;
    if (moved > 0) continue;
    (ends.arm(), ...);
    if ((ends.changed() || ...)) continue;
    pollfd wait{bell.fd(), POLLIN, 0};
    const bool late = ::poll(&wait, 1, kBeltMs) == 0;
    (ends.count_wake(late), ...);
  }
}

class Soak {
 public:
  enum class Mover { kRight, kReleasesFirst };

  Soak(std::uint64_t seed, Mover mover, Shared& shared) : random_(seed), mover_(mover), shared_(shared) {
    input_.emplace(second_.open(Role::kConsumer), &bells_[1], clock_);
  }

  bool run(int deaths) {
    for (const int who : {kWriter, kMover}) start(who);
    for (int i = 0; i < deaths && !failed_; ++i) {
      read(random_() % 4 == 0 ? 0 : random_() % 400);
      if (random_() % 4 == 0) wait_until_full();
      strike(random_() % 2 == 0 ? kWriter : kMover);
    }
    // Far enough ahead that nobody is past it.
    const std::uint64_t end = first_.producer_page().frames + 2000;
    shared_.stop_at = end;
    while (expected_ < end && !failed_) read(1);
    // A mover that has lost frames waits for ones that will not come.
    const bool waits = failed_ || mover_ == Mover::kReleasesFirst;
    for (const int who : {kWriter, kMover}) end_of(who, waits ? SIGKILL : 0);
    FrameInfo info;
    std::span<const std::byte> payload;
    if (input_->peek(info, payload) != TakeResult::kEmpty) fail("something is left");
    return report(deaths);
  }

 private:
  enum { kWriter, kMover };

  [[noreturn]] void write() {
    Output output(first_.open(Role::kProducer), &bells_[1], clock_, generation_[kWriter]);
    std::array<std::byte, kLongest> payload;
    run_loop(
        bells_[0],
        [&] {
          const std::uint64_t number = output.next_sequence();
          if (number >= shared_.stop_at) return -1;
          const auto bytes = std::span(payload).first(length_of(number));
          fill(bytes, number, 0);
          FrameInfo info;
          info.kind = 1;
          const PublishResult result = output.publish(info, bytes);
          if (result == PublishResult::kFaulted) std::_Exit(2);
          return result == PublishResult::kOk ? 1 : 0;
        },
        output);
    std::_Exit(0);
  }

  [[noreturn]] void move() {
    Input input(first_.open(Role::kConsumer), &bells_[0], clock_, generation_[kMover]);
    Output output(second_.open(Role::kProducer), &bells_[2], clock_, generation_[kMover]);
    input.resume(output.resume_sources().seq[0]);
    std::array<std::byte, kLongest> payload;
    bool held = false;
    std::size_t length = 0;
    FrameInfo info;
    std::span<const std::byte> got;
    run_loop(
        bells_[1],
        [&] {
          if (output.next_sequence() >= shared_.stop_at) return -1;
          if (!held) {
            const TakeResult result = input.peek(info, got);
            if (result == TakeResult::kFaulted) std::_Exit(2);
            if (result == TakeResult::kEmpty) return 0;
            held = true;
            if (!is_right(got, info.sequence, 0)) ++shared_.torn;
            length = got.size();
            if (mover_ == Mover::kReleasesFirst) input.release();
          }
          const auto bytes = std::span(payload).first(length);
          fill(bytes, info.sequence, 1);
          Sources sources;
          sources.seq[0] = info.sequence + 1;
          const PublishResult result = output.publish(info, bytes, sources);
          if (result == PublishResult::kFaulted) std::_Exit(2);
          if (result != PublishResult::kOk) return 0;
          if (mover_ == Mover::kRight) input.release();
          held = false;
          return 1;
        },
        input, output);
    std::_Exit(0);
  }

  /// As the supervisor does it: the generation first, then the process, then everybody is woken.
  void start(int who) {
    ++generation_[who];
    RingSupervisorPage& first = *first_.supervisor->supervisor_page();
    if (who == kWriter) {
      first.producer_generation = generation_[who];
    } else {
      first.consumer_generation = generation_[who];
      second_.supervisor->supervisor_page()->producer_generation = generation_[who];
    }
    const pid_t parent = ::getpid();
    pids_[who] = ::fork();
    if (pids_[who] < 0) throw errno_error("fork");
    if (pids_[who] > 0) return;
    try {
      if (::getppid() == parent) who == kWriter ? write() : move();
    } catch (const Error& error) {
      std::printf("%s\n", error.what());
    }
    std::_Exit(3);
  }

  void end_of(int who, int signal) {
    if (signal != 0) ::kill(pids_[who], signal);
    int status = 0;
    if (::waitpid(pids_[who], &status, 0) != pids_[who]) throw errno_error("waitpid");
    if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) &&
        !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
      fail("a child ended by itself");
  }

  void strike(int who) {
    const auto how = random_() % 4;
    if (how == 0) {  // stopped for a while: the others go on until they starve
      ::kill(pids_[who], SIGSTOP);
      ++stops_;
      drain_what_is_there();
      ::kill(pids_[who], SIGCONT);
      return;
    }
    if (how == 1) {  // a zombie: it is dead and reaped before its successor begins
      ::kill(pids_[who], SIGSTOP);
      ++zombies_;
      drain_what_is_there();
    }
    end_of(who, SIGKILL);
    ++kills_;
    for (const Doorbell& bell : bells_) bell.ring();
    start(who);
  }

  bool take() {
    FrameInfo info;
    std::span<const std::byte> payload;
    const TakeResult result = input_->peek(info, payload);
    if (result == TakeResult::kFaulted) fail("the output is damaged");
    if (result != TakeResult::kFrame) return false;
    std::uint64_t number = 0;
    std::memcpy(&number, payload.data(), std::min(sizeof number, payload.size()));
    if (number < expected_) ++duplicated_;
    if (number > expected_) lost_ += number - expected_;
    if (!is_right(payload, number, 1)) ++shared_.torn;
    expected_ = number + 1;
    input_->release();
    return true;
  }

  void drain_what_is_there() {
    while (take()) {
    }
  }

  /// So many frames, sleeping on the bell between them.
  void read(std::uint64_t frames) {
    int waited = 0;
    for (std::uint64_t got = 0; got < frames && !failed_;) {
      input_->disarm();
      bells_[2].clear();
      if (take()) {
        ++got;
        waited = 0;
        continue;
      }
      input_->arm();
      if (input_->changed()) continue;
      pollfd wait{bells_[2].fd(), POLLIN, 0};
      const bool late = ::poll(&wait, 1, kBeltMs) == 0;
      input_->count_wake(late);
      if (late && (waited += kBeltMs) >= kStuckMs) fail("stuck: no frame comes");
    }
  }

  /// Until the writer sleeps for space: both rings are full.
  void wait_until_full() {
    const Nanos until = clock_.now() + static_cast<Nanos>(kStuckMs) * kMillisecond;
    while ((first_.producer_page().space_ticket & 1U) == 0) {
      if (clock_.now() > until) return fail("stuck: the writer neither writes nor sleeps");
      ::sched_yield();
    }
    ++full_;
  }

  void fail(const char* what) {
    std::printf("FAILED: %s\n", what);
    failed_ = true;
  }

  bool report(int deaths) {
    const std::uint64_t late = first_.producer_page().late_wakes + first_.consumer_page().late_wakes +
                               second_.producer_page().late_wakes + second_.consumer_page().late_wakes;
    std::printf(
        "%s: %d blows, %d kills (%d of a stopped process), %d stops, %d with both rings full; %llu frames: "
        "lost %llu "
        "duplicated %llu torn %llu, late wakes %llu\n",
        mover_ == Mover::kRight ? "the rings" : "control: released before published", deaths, kills_,
        zombies_, stops_, full_, static_cast<unsigned long long>(expected_),
        static_cast<unsigned long long>(lost_), static_cast<unsigned long long>(duplicated_),
        static_cast<unsigned long long>(shared_.torn.load()), static_cast<unsigned long long>(late));
    std::fflush(stdout);  // else the next children print it again
    return !failed_ && lost_ + duplicated_ + shared_.torn + late == 0;
  }

  std::mt19937_64 random_;
  Mover mover_;
  Shared& shared_;
  SteadyClock clock_;
  std::array<Doorbell, 3> bells_{Doorbell::create(), Doorbell::create(),
                                 Doorbell::create()};  // writer, mover, we
  TestSegment first_{Policy::kBlock, 65536, kLongest, "mic"};
  TestSegment second_{Policy::kBlock, 65536, kLongest, "pcm"};
  std::optional<Input> input_;
  std::array<pid_t, 2> pids_{};
  std::array<std::uint32_t, 2> generation_{};
  std::uint64_t expected_ = 0, lost_ = 0, duplicated_ = 0;
  int kills_ = 0, zombies_ = 0, stops_ = 0, full_ = 0;
  bool failed_ = false;
};

bool soak(std::uint64_t seed, Soak::Mover mover, int blows) {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw errno_error("mmap");
  return Soak(seed, mover, *new (memory) Shared).run(blows);
}

}  // namespace

int main(int argc, char** argv) {
  const int blows = argc > 1 ? std::atoi(argv[1]) : 400;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20240607;
  try {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    const bool caught = !soak(seed, Soak::Mover::kReleasesFirst, 100);
    if (!caught) std::puts("FAILED: the control was not caught");
    return soak(seed, Soak::Mover::kRight, blows) && caught ? 0 : 1;
  } catch (const Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}

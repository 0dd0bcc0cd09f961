#include "player/audio_thread.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

namespace prot::player {
namespace {

/// What was done to a device, in order.
class Acts {
 public:
  void add(const std::string& act) {
    const std::lock_guard lock(mutex_);
    if (acts_.empty() || acts_.back() != act) acts_.push_back(act);
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return acts_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> acts_;
};

class WatchedSink final : public PcmSink {
 public:
  explicit WatchedSink(std::shared_ptr<Acts> acts) : acts_(std::move(acts)) { acts_->add("open"); }
  ~WatchedSink() override { acts_->add("close"); }
  void start() override {}
  void write(std::span<const std::int16_t>) override { acts_->add("write"); }
  Nanos latency() override { return 0; }
  void drain() override { acts_->add("drain"); }
  void flush() override {}
  unsigned rate() const noexcept override { return 24'000; }
  std::string name() const override { return "fake"; }

 private:
  std::shared_ptr<Acts> acts_;
};

struct Rig {
  std::shared_ptr<Acts> acts = std::make_shared<Acts>();
  SteadyClock clock;
  ipc::Doorbell bell = ipc::Doorbell::create();
  ipc::ConversationPage page{};
  std::unique_ptr<AudioThread> thread = std::make_unique<AudioThread>(std::make_shared<Playout>(
      [told = acts] { return std::make_unique<WatchedSink>(told); }, 24'000, page, bell, clock));
};

}  // namespace

TEST_CASE("stop closes the device before it returns, after what it holds where that is wanted") {
  for (const bool play_out : {true, false}) {
    CAPTURE(play_out);
    Rig rig;
    CHECK(rig.thread->start(false) == "fake");
    rig.thread->stop(play_out);
    const std::vector<std::string> acts = rig.acts->all();
    CHECK(acts.front() == "open");
    CHECK(acts.back() == "close");
    CHECK((std::find(acts.begin(), acts.end(), "drain") != acts.end()) == play_out);
    rig.thread->stop(play_out);
    CHECK(rig.acts->all() == acts);  // once
  }
}

TEST_CASE("a thread that nobody stopped closes its device when it goes") {
  Rig rig;
  CHECK(rig.thread->start(false) == "fake");
  rig.thread.reset();
  CHECK(rig.acts->all().back() == "close");
}

}  // namespace prot::player

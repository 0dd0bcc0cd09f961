#include "capture/audio_thread.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "base/error.hpp"

namespace prot::capture {
namespace {

/// Delivers `windows` windows, then fails.
class FrailSource final : public PcmSource {
 public:
  explicit FrailSource(int windows) : left_(windows) {}
  void start() override {}
  bool read(std::span<std::int16_t> samples) override {
    if (left_-- == 0) throw Error("fake: unplugged");
    std::fill(samples.begin(), samples.end(), std::int16_t{7});
    return true;
  }
  Nanos latency() override { return 10 * kMillisecond; }
  std::string name() const override { return "fake"; }

 private:
  int left_;
};

/// Waits for the bell until `done`, at most 10 s.
template <typename Done>
bool wait_for(const ipc::Doorbell& bell, Done done) {
  const Nanos deadline = monotonic_now() + 10 * kSecond;
  while (!done()) {
    const Nanos left = deadline - monotonic_now();
    if (left <= 0) return false;
    pollfd waiting{bell.fd(), POLLIN, 0};
    (void)::poll(&waiting, 1, static_cast<int>(left / kMillisecond) + 1);
    bell.clear();
  }
  return true;
}

TEST_CASE("windows arrive in order with their time, and a lost device is opened again") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  const auto openings = std::make_shared<std::atomic<int>>(0);
  AudioThread thread(
      [openings] {
        openings->fetch_add(1);
        return std::make_unique<FrailSource>(3);
      },
      bell);
  thread.start(false);
  std::vector<Window> windows;
  Window window;
  CHECK(wait_for(bell, [&] {
    while (thread.pop(window)) windows.push_back(window);
    return windows.size() >= 6;
  }));
  REQUIRE(windows.size() >= 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(windows[i].first_sample == windows[0].first_sample + i * wire::kMicWindow);
    CHECK(windows[i].opening == (i < 3 ? 1 : 2));
    CHECK(windows[i].samples[0] == 7);
    CHECK(windows[i].at < monotonic_now() - 9 * kMillisecond);
  }
  CHECK(thread.status().lost >= 1);
  thread.close();
  CHECK(wait_for(bell, [&] { return thread.closed(); }));
}

/// Never fails; counts how many of them are open.
class CountedSource final : public PcmSource {
 public:
  explicit CountedSource(std::shared_ptr<std::atomic<int>> open) : open_(std::move(open)) { ++*open_; }
  ~CountedSource() override { --*open_; }
  void start() override {}
  bool read(std::span<std::int16_t> samples) override {
    std::fill(samples.begin(), samples.end(), std::int16_t{7});
    std::this_thread::yield();
    return true;
  }
  Nanos latency() override { return 0; }
  std::string name() const override { return "fake"; }

 private:
  std::shared_ptr<std::atomic<int>> open_;
};

TEST_CASE("the device is closed before the thread says so, and before the object is gone") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  const auto open = std::make_shared<std::atomic<int>>(0);
  Window window;
  {
    AudioThread thread([open] { return std::make_unique<CountedSource>(open); }, bell);
    thread.start(false);
    CHECK(wait_for(bell, [&] { return thread.pop(window); }));
    CHECK(open->load() == 1);
    thread.close();
    CHECK(wait_for(bell, [&] { return thread.closed(); }));
    CHECK(open->load() == 0);
  }
  {
    AudioThread thread([open] { return std::make_unique<CountedSource>(open); }, bell);
    thread.start(false);
    CHECK(wait_for(bell, [&] { return thread.pop(window); }));
  }
  CHECK(open->load() == 0);
}

TEST_CASE("a queue that nobody empties drops and counts") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  AudioThread thread([] { return std::make_unique<FrailSource>(200); }, bell);
  thread.start(false);
  CHECK(wait_for(bell, [&] { return thread.status().lost > 0; }));
  CHECK(thread.status().dropped > 0);
  CHECK(thread.status().dropped % wire::kMicWindow == 0);
}

TEST_CASE("without a microphone the start says what to do") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  AudioThread thread(open_first_of({"wav:/nonexistent/a.wav", "wav:/nonexistent/b.wav"}, {}), bell);
  try {
    thread.start(false);
    FAIL("no error");
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.starts_with("no microphone: "));
    CHECK(text.find("/nonexistent/a.wav") != std::string::npos);
    CHECK(text.find("/nonexistent/b.wav") != std::string::npos);
    CHECK(text.find("capture.source") != std::string::npos);
    CHECK(error.exit_code() == 78);
  }
}

TEST_CASE("a patient start goes on without one") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  AudioThread thread(open_first_of({"wav:/nonexistent/a.wav"}, {}), bell);
  thread.start(true);
  CHECK_FALSE(thread.status().open);
}

}  // namespace
}  // namespace prot::capture

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "end_of_turn/backends.hpp"
#include "end_of_turn/log_mel.hpp"
#include "onnx/session.hpp"

namespace prot::capture {
namespace {

/// Smart Turn v3 by ONNX Runtime: about 0.1 s of one core for a question. The worker loads the model, too, so
/// that capture listens at once. A model that cannot be loaded costs the grading, not the conversation.
class SmartTurn final : public EndOfTurnModel {
 public:
  explicit SmartTurn(std::string file) : file_(std::move(file)) {
    question_.reserve(LogMel::kSamples);
    thread_ = std::thread([this] { run(); });
  }
  SmartTurn(const SmartTurn&) = delete;
  SmartTurn& operator=(const SmartTurn&) = delete;
  ~SmartTurn() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void start(std::span<const std::int16_t> samples) override {
    if (samples.size() > LogMel::kSamples) samples = samples.last(LogMel::kSamples);
    {
      const std::lock_guard lock(mutex_);
      question_.assign(samples.begin(), samples.end());
      asked_ = true;
      ++number_;
      answer_.reset();
    }
    changed_.notify_one();
  }
  std::optional<float> poll() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(answer_, std::nullopt);
  }
  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    asked_ = false;
    ++number_;
    answer_.reset();
  }
  bool failed() const noexcept override {
    const std::lock_guard lock(mutex_);
    return failed_;
  }
  std::size_t reach() const noexcept override { return LogMel::kSamples; }
  std::string_view name() const noexcept override { return "smart-turn"; }

 private:
  void run() noexcept {
    try {
      work();
    } catch (const std::exception& error) {
      log_error("the end-of-turn model {}: {}; silence alone ends a turn", file_, full_message(error));
      const std::lock_guard lock(mutex_);
      failed_ = true;
    }
  }

  void work() {
    onnx::Session session(file_);
    if (session.inputs() != 1 || session.outputs() != 1) throw Error("it is not a Smart Turn model");
    LogMel log_mel;
    std::vector<std::int16_t> samples;
    samples.reserve(LogMel::kSamples);
    (void)judge(session, log_mel.features({}));  // the first call allocates; the person should not wait
    for (;;) {
      std::uint64_t number = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ending_ || asked_; });
        if (ending_) return;
        asked_ = false;
        number = number_;
        samples.swap(question_);
      }
      const float probability = judge(session, log_mel.features(samples));
      const std::lock_guard lock(mutex_);
      if (number == number_) answer_ = probability;
    }
  }

  static float judge(onnx::Session& session, std::span<const float> features) {
    constexpr std::array<std::int64_t, 3> kShape{1, LogMel::kMels, LogMel::kFrames};
    const onnx::Input input{"input_features", kShape, features};
    const std::vector<float> output = session.run(std::span(&input, 1), "logits");  // past its sigmoid
    if (output.size() != 1 || !(output[0] >= 0 && output[0] <= 1)) throw Error("it gives no probability");
    return output[0];
  }

  const std::string file_;
  mutable std::mutex mutex_;  // guards the six below
  std::condition_variable changed_;
  std::vector<std::int16_t> question_;
  bool asked_ = false;
  std::uint64_t number_ = 0;  // of the newest question; answers to older ones are void
  std::optional<float> answer_;
  bool ending_ = false;
  bool failed_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<EndOfTurnModel> make_smart_turn(const std::string& file) {
  return std::make_unique<SmartTurn>(file);
}

}  // namespace prot::capture

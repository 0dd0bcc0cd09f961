#include <cerrno>

#include "base/error.hpp"
#include "stage/stage_runner.hpp"

namespace {

using namespace prot;

/// A stage that does nothing but hand each frame on: what is left is what every stage costs.
class EmptyStage final : public stage::Stage {
 public:
  explicit EmptyStage(stage::StageContext& context)
      : in_(context.input("mic")), out_(context.output("transcript")) {}

  void start() override { in_.resume(out_.resume_sources().seq[0]); }

  int do_work(Nanos now) override {
    (void)now;
    int items = 0;
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    while (in_.peek(info, payload) == ipc::TakeResult::kFrame) {
      ipc::Sources sources;
      sources.seq[0] = info.sequence + 1;
      if ((info.flags & ipc::kFlagResync) == 0 &&
          out_.publish(info, payload, sources) == ipc::PublishResult::kFull) {
        in_.rewind();
        break;
      }
      in_.release();
      ++items;
    }
    return items;
  }

  [[nodiscard]] bool finished() const override { return false; }
  void stop() noexcept override {}

 private:
  ipc::Input& in_;
  ipc::Output& out_;
};

}  // namespace

int main(int argc, char** argv) {
  return stage::run_stage(argc, argv, "stt",
                          [](stage::StageContext& context) { return std::make_unique<EmptyStage>(context); });
}

#include "echo_probe.hpp"

#include <cstdio>
#include <string>

#include "audio/tape.hpp"
#include "base/error.hpp"
#include "device_choice.hpp"
#include "echo_report.hpp"
#include "stage/echo_choice.hpp"

namespace prot::capture {
namespace {

constexpr std::size_t kRecorded = 9 * wire::kMicRate / wire::kMicWindow;  // windows

audio::Tape record(PcmSource& source) {
  audio::Tape tape{.rate = wire::kMicRate, .block = wire::kMicWindow};
  tape.samples.resize(kRecorded * wire::kMicWindow);
  for (std::size_t i = 0; i < kRecorded; ++i) {
    const bool more = source.read(std::span(tape.samples).subspan(i * wire::kMicWindow, wire::kMicWindow));
    tape.times.push_back(monotonic_now() - source.latency() -
                         audio::frames_to_nanos(wire::kMicWindow, wire::kMicRate));
    if (!more) break;
  }
  tape.samples.resize(tape.blocks() * wire::kMicWindow);
  return tape;
}

/// Leaves everything as it is: what was heard is judged without a canceller.
class NoCanceller final : public EchoCanceller {
 public:
  void process(std::span<std::int16_t, kEchoBlock> /*near*/,
               std::span<const std::int16_t, kEchoBlock> /*far*/) noexcept override {}
  void reset() noexcept override {}
  std::size_t delay() const noexcept override { return 0; }
  std::string_view name() const noexcept override { return "none"; }
};

std::string read_all(std::FILE* file) {
  std::string bytes;
  char buffer[65536];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) bytes.append(buffer, n);
  return bytes;
}

int judge(const stage::Config& config) {
  const std::string bytes = read_all(stdin);
  std::string_view rest = bytes;
  const audio::Tape played = audio::take_tape(rest);
  const audio::Tape recorded = audio::take_tape(rest);
  const std::string_view name = stage::echo_canceller(config);
  std::unique_ptr<EchoCanceller> canceller = make_echo_canceller(name);
  if (!canceller) canceller = std::make_unique<NoCanceller>();
  EchoRemover remover(std::move(canceller));
  const EchoMeasurement echo = measure_echo(played, recorded, remover);
  int code = 0;
  for (const stage::Finding& finding : echo_findings(echo, name, config.get_bool("player.headphones"))) {
    std::printf("%s\n", stage::to_json(finding).c_str());
    if (finding.verdict == stage::Verdict::kFail) code = 1;
  }
  std::printf("%s\n", to_json(echo).c_str());
  return code;
}

}  // namespace

int probe_capture(const stage::CheckContext& context, std::string_view name) {
  if (name == "echo") return judge(context.config);
  if (name != "record") throw UsageError("prot-capture has no probe '" + std::string(name) + "'");
  const std::string bytes = audio::to_bytes(record(*open_configured(context.config, {})()));
  return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() ? 0 : 1;
}

}  // namespace prot::capture

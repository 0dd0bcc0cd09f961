#pragma once

#include <memory>

#include "ipc/doorbell.hpp"
#include "voice.hpp"

namespace prot::tts {

/// A local voice behind the interface of all voices: one worker thread speaks with it. A voice that could not
/// be loaded is loaded again by the next request. Thread safety: as Synthesizer. Lifetime: `bell` and `clock`
/// must outlive it, unless the voice hangs at stop(): then its thread is left behind and touches neither.
///
///   state   | begin()  | cancel()            | the voice returns
///   idle    | speaking | idle                | -
///   speaking| a bug    | idle (pieces void)  | idle, after kDone or kFailed was polled
class WorkerSynthesizer final : public Synthesizer {
 public:
  WorkerSynthesizer(std::unique_ptr<Voice> voice, const ipc::Doorbell* bell, const Clock& clock);
  ~WorkerSynthesizer() override;
  WorkerSynthesizer(const WorkerSynthesizer&) = delete;
  WorkerSynthesizer& operator=(const WorkerSynthesizer&) = delete;

  void start() override;
  void begin(const SpeechRequest& request) override;
  [[nodiscard]] bool poll(Piece& piece) override;
  void cancel() noexcept override;
  void stop() noexcept override;
  [[nodiscard]] bool idle() const override;
  [[nodiscard]] std::string name() const override;

 private:
  struct Shared;
  class Collector;
  static void work(const std::shared_ptr<Shared>& shared);
  void run();

  std::shared_ptr<Shared> shared_;
  bool running_ = false;  // there is a thread
};

}  // namespace prot::tts

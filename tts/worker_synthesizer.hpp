#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "ipc/doorbell.hpp"
#include "voice.hpp"

namespace prot::tts {

/// Local voices behind the interface of all voices: one worker thread speaks with the voice of the request's
/// language. Thread safety: as Synthesizer. Lifetime: `bell` must outlive it.
///
///   state   | begin()  | cancel()            | the voice returns
///   idle    | speaking | idle                | -
///   speaking| a bug    | idle (pieces void)  | idle, after kDone or kFailed was polled
class WorkerSynthesizer final : public Synthesizer {
 public:
  /// `voices` by language; `fallback`: the language of requests in any other.
  WorkerSynthesizer(std::map<std::string, std::unique_ptr<Voice>> voices, std::string fallback,
                    const ipc::Doorbell* bell, const Clock& clock);
  ~WorkerSynthesizer() override;
  WorkerSynthesizer(const WorkerSynthesizer&) = delete;
  WorkerSynthesizer& operator=(const WorkerSynthesizer&) = delete;

  void start() override;
  void begin(const SpeechRequest& request) override;
  [[nodiscard]] bool poll(Piece& piece) override;
  void cancel() noexcept override;
  void stop() noexcept override;
  [[nodiscard]] std::string name() const override;

 private:
  class Collector;
  void work();
  void speak(const SpeechRequest& request, std::uint64_t number);
  void put(Piece piece, std::uint64_t number);
  [[nodiscard]] Voice& voice_for(const std::string& language) const;

  std::map<std::string, std::unique_ptr<Voice>> voices_;
  std::string fallback_;
  const ipc::Doorbell* bell_;
  const Clock* clock_;

  std::mutex mutex_;  // guards the five below
  std::condition_variable changed_;
  std::optional<SpeechRequest> request_;
  std::deque<Piece> pieces_;
  Voice* speaking_ = nullptr;
  bool ending_ = false;
  std::atomic<std::uint64_t> number_{0};  // of the newest request; pieces of older ones are void
  std::thread thread_;
};

}  // namespace prot::tts

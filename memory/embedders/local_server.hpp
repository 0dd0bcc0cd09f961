#pragma once

#include <sys/types.h>

#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace prot::memory {

/// llama-server with a model that makes vectors, as a process of prot-memory's: begun when the first text
/// wants it, again after its death, ended with this object, with the thread that began it and with its
/// parent. Thread-safe: whoever asks while another starts it waits at most `patience`.
class LocalServer {
 public:
  struct Settings {
    std::string program;
    std::string model;    // GGUF
    std::string pooling;  // mean, cls, last; empty: the model's own
    std::string socket;   // path
    int threads = 1;
  };
  explicit LocalServer(Settings settings) : settings_(std::move(settings)) {}
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer();

  /// Returns when it answers. Throws ServiceError: kUnavailable (it may come), kCancelled.
  void need(const std::stop_token& stop, Nanos patience);
  [[nodiscard]] const std::string& socket() const noexcept { return settings_.socket; }
  /// How often it was begun.
  [[nodiscard]] int starts();

  static constexpr Nanos kStartLimit = 120 * kSecond;
  static constexpr Nanos kRestartWait = 5 * kSecond;  // after it died by itself

 private:
  [[nodiscard]] std::vector<std::string> arguments() const;
  void start();
  void end() noexcept;
  /// False: it is not, or no more.
  [[nodiscard]] bool alive();
  [[nodiscard]] bool healthy() const;

  const Settings settings_;
  std::timed_mutex mutex_;
  // Below: protected by mutex_.
  pid_t pid_ = -1;
  bool answers_ = false;  // it has, since it was begun
  Nanos not_before_ = 0;
  int starts_ = 0;
};

}  // namespace prot::memory

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "launcher.hpp"

namespace prot::supervisor {

/// Asks a server on a Unix socket whether it serves: connects, sends one request, looks at the first bytes of
/// the answer, hangs up. Never blocks: each ask() does what is possible now. Single-threaded.
class SocketProbe {
 public:
  enum class Answer { kIncomplete, kNotYet, kReady };
  /// `judge` is given what has come so far; it may throw Error when the server will never serve.
  SocketProbe(std::string path, std::string request, std::string goodbye,
              std::function<Answer(std::string_view)> judge)
      : path_(std::move(path)),
        request_(std::move(request)),
        goodbye_(std::move(goodbye)),
        judge_(std::move(judge)) {}

  Probe ask();
  void reset() noexcept;

 private:
  bool connect();

  std::string path_;
  std::string request_;
  std::string goodbye_;
  std::function<Answer(std::string_view)> judge_;
  UniqueFd socket_;
  std::string received_;
};

}  // namespace prot::supervisor

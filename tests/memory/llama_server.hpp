#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "http/fetch.hpp"
#include "tests/support/temp_folder.hpp"

namespace prot::memory::test {

/// The installed llama-server with the installed model on a Unix socket, as the supervisor would start it; it
/// ends with this object.
class LlamaServer {
 public:
  LlamaServer() : socket_((folder_.path() / "llm.sock").string()) {
    const std::string program = std::string(PROT_ENGINES) + "/llama/bin/llama-server";
    const std::string model = cache() + "/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::setenv("OMP_WAIT_POLICY", "passive", 1);
      const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
      ::dup2(null, 1);
      ::dup2(null, 2);
      ::execl(program.c_str(), program.c_str(), "-m", model.c_str(), "--host", socket_.c_str(), "-t", "2",
              "-c", "8192", "--parallel", "2", "-b", "128", "-ub", "128", nullptr);
      ::_exit(127);
    }
    const Nanos deadline = monotonic_now() + 60 * kSecond;
    while (!healthy()) {
      REQUIRE(monotonic_now() < deadline);
      REQUIRE(::waitpid(pid_, nullptr, WNOHANG) == 0);
      ::usleep(50'000);
    }
  }
  LlamaServer(const LlamaServer&) = delete;
  LlamaServer& operator=(const LlamaServer&) = delete;
  ~LlamaServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
  [[nodiscard]] http::Request request(const std::string& path) const {
    http::Request request;
    request.url = "http://localhost" + path;
    request.unix_socket = socket_;
    return request;
  }

 private:
  static std::string cache() {
    if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr) return std::string(xdg) + "/prot";
    const char* home = std::getenv("HOME");
    return std::string(home != nullptr ? home : "") + "/.cache/prot";
  }
  [[nodiscard]] bool healthy() const {
    http::Request asked = request("/health");
    asked.method = "GET";
    try {
      return http::fetch(asked).status == 200;
    } catch (const http::RequestError&) {
      return false;
    }
  }
  prot::test::TempFolder folder_;
  std::string socket_;
  pid_t pid_ = -1;
};

}  // namespace prot::memory::test

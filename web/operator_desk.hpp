#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "http/server.hpp"
#include "questions.hpp"

namespace prot::web {

/// What an operator asks of the instance by HTTP: /search looks into memory (memory.sock), /restart restarts
/// a program (control.sock). One thread (the loop's). Lifetime: the loop lives longer.
///
/// A restart is no question of another page: it is a POST of JSON, which a page of another server may not
/// send without asking first (and is never told that it may), and a page that web.cors_origins lets in may
/// not either.
class OperatorDesk {
 public:
  using Respond = std::function<void(http::ConnectionId, http::ServerResponse)>;

  OperatorDesk(stage::EventLoop& loop, const std::filesystem::path& runtime, const Respond& respond);

  [[nodiscard]] static bool takes(std::string_view path) noexcept {
    return path == "/search" || path == "/restart";
  }
  /// REQUIRES: takes(request.path).
  void ask(const http::ServerEvent& request, Nanos now);
  /// Answers what was answered. Returns how many.
  int pump(Nanos now) { return memory_.pump(now) + control_.pump(now); }
  [[nodiscard]] Nanos next_deadline() const noexcept;

 private:
  void search(const http::ServerEvent& request, Nanos now);
  void restart(const http::ServerEvent& request, Nanos now);

  Respond respond_;
  Questions memory_;
  Questions control_;
};

}  // namespace prot::web

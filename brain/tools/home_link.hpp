#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace prot::brain {

struct HomeOptions {
  std::string url;  // with or without /api
  std::string token;
  std::string ca_file;
  std::string agent_id;  // of the conversation agent; empty: its default
  std::string language;  // "en", "ko": of the agent
  Nanos connect_timeout = 3 * kSecond;
  Nanos time_limit = 10 * kSecond;
  Nanos agent_time_limit = 15 * kSecond;
};

/// May the token go to this address unencrypted: this machine, a private address, a name of the home network
/// (.local, .lan, .home.arpa, .internal, a single word)?
[[nodiscard]] bool is_home_address(std::string_view url) noexcept;

/// May it be asked there, by home_assistant.plain_http ("home", "always", "never")?
[[nodiscard]] bool home_is_safe(std::string_view url, std::string_view plain_http) noexcept;

/// What Home Assistant said, or why it did not.
struct HomeAnswer {
  int status = 0;    // 0: nothing came
  std::string body;  // at most kMaxBody
  bool whole = true;
  std::string failure;  // for the model, without a secret; empty: none
};

/// Requests to one Home Assistant, side by side. Never blocks. A refused token is final: after that nothing
/// is asked any more, because Home Assistant bans an address that keeps trying. One thread, but for
/// refused(), which the catalog's worker uses too. Lifetime: `wake` is called on a worker thread, never after
/// the destructor returns.
class HomeLink {
 public:
  static constexpr std::size_t kMaxBody = 256U << 10U;

  HomeLink(HomeOptions options, std::function<void()> wake);
  ~HomeLink();

  /// `path`: "/api/states/light.hall". Throws Error when the token was refused.
  [[nodiscard]] http::RequestId get(std::string_view path);
  [[nodiscard]] http::RequestId post(std::string_view path, std::string body, Nanos time_limit);
  /// Once.
  [[nodiscard]] std::optional<HomeAnswer> take(http::RequestId id);
  void cancel(http::RequestId id);

  /// One request as all are made.
  [[nodiscard]] http::Request request(std::string_view method, std::string_view path, Nanos time_limit) const;
  [[nodiscard]] std::string failure_of(int status, http::ErrorClass error, std::string_view body) const;
  [[nodiscard]] const HomeOptions& options() const noexcept { return options_; }
  [[nodiscard]] bool refused() const noexcept { return refused_.load(); }
  void refuse() noexcept { refused_.store(true); }

 private:
  [[nodiscard]] http::RequestId start(http::Request request);
  void pump();

  HomeOptions options_;
  std::string base_;
  std::atomic<bool> refused_ = false;
  std::map<http::RequestId, HomeAnswer> open_;
  std::map<http::RequestId, HomeAnswer> done_;
  http::Client client_;
};

}  // namespace prot::brain

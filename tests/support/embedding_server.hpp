#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "memory/vectors/embedder.hpp"
#include "tests/core/http/loopback_server.hpp"

namespace prot::test {

/// The vector that the server gives a text: 8 dimensions, the same text the same.
[[nodiscard]] memory::Vector served_vector(std::string_view text);

/// A service of vectors and ranks on this machine: Voyage's (base64) and OpenAI's (numbers) forms, as the
/// request asks. It keeps what it was asked, how many texts at once and how many requests at once. A rank is
/// the length of the text. Thread-safe.
class EmbeddingServer {
 public:
  /// False: the connection ends. `good`: the body that would be right.
  using Fault = std::function<bool(Connection& connection, const std::string& good)>;

  EmbeddingServer();

  [[nodiscard]] std::string url() const { return server_.url("/v1"); }
  /// From now on instead of the answer, to that many requests.
  void befall(Fault fault, int times = 1 << 30);
  /// Requests take so long.
  void set_delay(int milliseconds);
  /// Larger batches, and texts with that word in them, are refused as too large.
  void set_limits(std::size_t texts, std::string refused_word);

  struct Record {
    int requests = 0;
    int most_at_once = 0;
    std::vector<std::size_t> batches;
    std::size_t largest_body = 0;
    std::string last_request;
    std::vector<Nanos> times;  // when each came
  };
  [[nodiscard]] Record record();

 private:
  bool serve(Connection& connection);
  [[nodiscard]] std::string good_body(const std::string& request, std::size_t* texts, bool* refused);

  std::mutex mutex_;
  // Below: protected by mutex_.
  Record record_;
  int at_once_ = 0;
  int delay_ms_ = 0;
  Fault fault_;
  int faults_left_ = 0;
  std::size_t max_texts_ = 1000;
  std::string refused_word_;

  LoopbackServer server_;  // last: its threads use all of the above
};

}  // namespace prot::test

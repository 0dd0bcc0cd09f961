#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "json/json.hpp"

namespace prot::test {

/// What came of an order.
struct Outcome {
  std::string text;     // the answer, or what tells it from another one
  std::string failure;  // the class that the client gives it; empty: the answer is whole
  std::string message;  // of the failure
};

/// A client of the product as the owner's loop has it, asked one thing at a time. Never blocks for long; a
/// worker of its own wakes the loop. One thread.
class ServiceClient {
 public:
  virtual ~ServiceClient() = default;
  virtual void ask(json::View order) = 0;
  /// Nobody waits for it any more.
  virtual void cancel() = 0;
  /// Once for each order that was not given up; after cancel() there is nothing before the next order.
  [[nodiscard]] virtual std::optional<Outcome> poll() = 0;
  /// When to poll again although nobody woke the loop.
  [[nodiscard]] virtual Nanos next_deadline() const { return kNever; }
  /// About once a second while nothing is asked.
  virtual void tend() {}
};

/// Where it asks: an address, of an MCP server its command.
using Where = std::vector<std::string>;
using Wake = std::function<void()>;

[[nodiscard]] std::unique_ptr<ServiceClient> make_recogniser_client(std::string_view engine,
                                                                    const Where& where, const Wake& wake);
[[nodiscard]] std::unique_ptr<ServiceClient> make_voice_client(std::string_view voice, const Where& where,
                                                               const Wake& wake);
[[nodiscard]] std::unique_ptr<ServiceClient> make_vector_client(std::string_view kind, const Where& where,
                                                                const Wake& wake);
[[nodiscard]] std::unique_ptr<ServiceClient> make_tool_client(std::string_view kind, const Where& where,
                                                              const Wake& wake);

/// Orders from standard input, one JSON object a line, until its end; what comes of them to standard output.
/// Throws Error.
void serve(ServiceClient& client, int bell);

}  // namespace prot::test

/// service_client KIND WHERE...: one client of the product against a loopback service, for ./bench services.
/// Each line of standard input is an order: {"cancel":true}, or what serve() in service_client.hpp takes.
#include <algorithm>
#include <array>
#include <cstdio>

#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/doorbell.hpp"
#include "service_client.hpp"

namespace {

struct Kind {
  std::string_view family;
  decltype(&prot::test::make_voice_client) make;
};
constexpr std::array<Kind, 4> kKinds = {{{"recogniser", prot::test::make_recogniser_client},
                                         {"voice", prot::test::make_voice_client},
                                         {"vectors", prot::test::make_vector_client},
                                         {"tool", prot::test::make_tool_client}}};

}  // namespace

int main(int argc, char** argv) {
  prot::init_log("service_client");
  try {
    const std::string_view named = argc > 2 ? argv[1] : "";
    const std::string_view family = named.substr(0, named.find(':'));
    const prot::test::Where where(argv + std::min(argc, 2), argv + argc);
    const prot::ipc::Doorbell bell = prot::ipc::Doorbell::create();
    for (const Kind& one : kKinds) {
      if (one.family != family || family.size() == named.size()) continue;
      const auto client = one.make(named.substr(family.size() + 1), where, [&bell] { bell.ring(); });
      prot::test::serve(*client, bell.fd());
      return 0;
    }
    throw prot::UsageError("usage: service_client recogniser|voice|vectors|tool:NAME WHERE...");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "service_client: %s\n", prot::full_message(error).c_str());
    return 1;
  }
}

#include <algorithm>

#include "base/error.hpp"
#include "control_desk.hpp"

namespace prot::supervisor {
namespace {
constexpr std::size_t kMostLogLines = 5000;
}

void control_logs(ControlDesk& desk, const Client& client, const json::View& request) {
  const std::string program(request.get("stage").as_string());
  const auto lines = static_cast<std::size_t>(std::max<std::int64_t>(0, request.get("lines").as_int(50)));
  const bool follow = request.get("follow").as_bool();
  if (!program.empty() && program != "supervisor" && desk.instance().find(program) == nullptr)
    throw Error("there is no stage '" + program + "'", kControlUnknownStage);
  for (const std::string& line : desk.instance().logs->tail(program, std::min(lines, kMostLogLines)))
    client->send(line);
  if (follow) client->send(R"({"live":true})");  // what was before ends here
  client->follows = follow;
  client->followed = program;
  if (!follow) client->finish();
}

}  // namespace prot::supervisor

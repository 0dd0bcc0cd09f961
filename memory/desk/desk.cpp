#include "desk/desk.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "desk/commands.hpp"
#include "json/json.hpp"

namespace prot::memory {

int Desk::step(bool closing) {
  int items = 0;
  for (const stage::LineServer::Event& event : lines_.take()) {
    ++items;
    if (event.kind == stage::LineServer::Event::Kind::kTooLong)
      lines_.send(event.client, refusal("the line is longer than 4 MiB and was not read", kCommandUsage));
    if (event.kind != stage::LineServer::Event::Kind::kLine) continue;
    if (closing) {
      lines_.send(event.client, refusal("memory is shutting down", kCommandFailed));
    } else {
      take(event.client, event.line);
    }
  }
  return items;
}

void Desk::take_spoken(std::uint64_t request, std::string line) {
  constexpr auto kSpoken =
      std::to_array<std::string_view>({"facts", "confirm", "reject", "merge", "unmerge"});
  std::string why = "this cannot be asked for by word of mouth";
  try {
    const json::Document document = json::parse(line);
    const std::string_view command = document.get("cmd").as_string();
    if (std::find(kSpoken.begin(), kSpoken.end(), command) != kSpoken.end())
      return ports_.database(ask::Command{request, std::move(line), true});
  } catch (const Error& e) {
    why = e.what();
  }
  ports_.to_brain({request, refusal(why, kCommandUsage), true});
}

void Desk::answer(const told::Answer& answer) {
  if (answer.spoken) return ports_.to_brain(answer);
  lines_.send(answer.client, answer.line);
}

void Desk::take(stage::ClientId client, const std::string& line) {
  try {
    const json::Document document = json::parse(line);
    if (!document.root().is_object()) throw UsageError("a line must be one JSON object");
    const std::string_view command = document.get("cmd").as_string();
    if (command == "search" && !ports_.database_up()) {
      json::Writer out;
      out.begin_object().member("ok", true).member("database", "away");
      out.member("block", ports_.block(document.get("query").as_string()));
      return lines_.send(client, out.end_object().str());
    }
    ports_.database(ask::Command{client, line});
  } catch (const Error& e) {
    lines_.send(client, refusal(e.what(), kCommandUsage));
  }
}

}  // namespace prot::memory

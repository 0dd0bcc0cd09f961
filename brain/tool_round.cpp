#include "tool_round.hpp"

#include "json/json.hpp"
#include "text/normalize.hpp"

namespace prot::brain {

void append_messages(const ToolRound& round, std::vector<Message>& messages) {
  Message asked{Role::kAssistant, round.text, {}, {}};
  for (const ToolExchange& exchange : round.exchanges) asked.tool_calls.push_back(exchange.call);
  asked.verbatim = round.verbatim;
  messages.push_back(std::move(asked));
  for (const ToolExchange& exchange : round.exchanges)
    messages.push_back(
        {Role::kTool, exchange.result.value_or(std::string(kInterruptedResult)), {}, exchange.call.id});
}

std::size_t estimate_tokens(const ToolRound& round) noexcept {
  constexpr std::size_t kOverhead = 8;  // names of the members, and the template around them
  std::size_t sum = text::estimate_tokens(round.text) + kOverhead;
  for (const ToolExchange& exchange : round.exchanges)
    sum += text::estimate_tokens(exchange.call.name) + text::estimate_tokens(exchange.call.arguments) +
           text::estimate_tokens(exchange.result ? std::string_view(*exchange.result) : kInterruptedResult) +
           2 * kOverhead;
  return sum;
}

std::string tool_error(std::string_view why) {
  json::Writer out;
  return out.begin_object().member("error", why).end_object().str();
}

void write_round(json::Writer& out, const ToolRound& round) {
  out.begin_object().member("text", round.text).key("calls").begin_array();
  for (const ToolExchange& exchange : round.exchanges) {
    out.begin_object().member("id", exchange.call.id).member("name", exchange.call.name);
    out.member("arguments", exchange.call.arguments);
    if (exchange.result) out.member("result", *exchange.result);
    out.end_object();
  }
  out.end_array();
  if (!round.verbatim.empty()) out.member("verbatim", round.verbatim);
  out.end_object();
}

ToolRound read_round(json::View object) {
  ToolRound round;
  round.text = object.get("text").as_string();
  round.verbatim = object.get("verbatim").as_string();
  const json::View calls = object.get("calls");
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const json::View call = calls.at(i);
    ToolExchange exchange;
    exchange.call.id = call.get("id").as_string();
    exchange.call.name = call.get("name").as_string();
    exchange.call.arguments = call.get("arguments").as_string();
    if (const json::View result = call.get("result")) exchange.result = std::string(result.as_string());
    round.exchanges.push_back(std::move(exchange));
  }
  return round;
}

}  // namespace prot::brain

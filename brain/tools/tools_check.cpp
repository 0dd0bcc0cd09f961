#include "tools/tools_check.hpp"

#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "http/fetch.hpp"
#include "services/web_question.hpp"
#include "tools/home_link.hpp"
#include "tools/mcp_tools.hpp"

namespace prot::brain {
namespace {

constexpr std::int64_t kLimitMs = 3'000;

// GET /api/ says whether the token is good, too.
stage::Finding ask_home(const stage::Config& config) {
  const std::string what = "Home Assistant";
  const std::string& url = config.get_string("home_assistant.url");
  const std::string& token_name = config.get_string("home_assistant.token_env");
  const char* token = std::getenv(token_name.c_str());
  if (token == nullptr || token[0] == '\0')
    return {stage::Verdict::kFail, what, "there is no token in " + token_name,
            "put one into the environment, or into .env"};
  if (!home_is_safe(url, config.get_string("home_assistant.plain_http")))
    return {stage::Verdict::kFail, what, "its token would go unencrypted to " + stage::shown_text(url),
            "use https, or see home_assistant.plain_http"};
  http::Request request;
  request.method = "GET";
  request.url = url + (url.ends_with('/') ? "api/" : "/api/");
  request.headers.emplace_back("authorization", std::string("Bearer ") + token);
  request.ca_file = config.get_string("home_assistant.ca_file");
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kLimitMs;
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, what, error.what(),
              "make a new long-lived access token, and put it into " + token_name};
    return {stage::Verdict::kFail, what, error.what(), "check home_assistant.url and that it runs"};
  }
  return {stage::Verdict::kOk, what, stage::shown_text(url) + " answers, and takes the token"};
}

// That the program is there; what it says is seen when it runs.
void look_at_mcp_servers(const stage::Config& config, stage::Findings& findings) {
  const auto find = [](const std::string& name) -> std::string {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? value : "";
  };
  for (const McpCommand& command : read_mcp_servers(config.get_tables("mcp.servers"), find)) {
    const std::string what = "MCP server " + command.name;
    try {
      findings.push_back({stage::Verdict::kOk, what, find_program(command)});
    } catch (const Error& error) {
      findings.push_back(
          {stage::Verdict::kFail, what, error.what(), "install it, or correct its command in mcp.servers"});
    }
  }
}

}  // namespace

services::Answer probe_home(const stage::CheckContext& context, const services::Service& service,
                            const std::string& key) {
  if (!home_is_safe(service.url, context.config.get_string("home_assistant.plain_http")))
    return {services::State::kUnencrypted, 0, "see home_assistant.plain_http"};
  return services::ask_home_assistant(context, service, key);
}

void check_tools(const stage::Config& config, stage::Findings& findings) {
  if (!config.get_string("home_assistant.url").empty()) findings.push_back(ask_home(config));
  look_at_mcp_servers(config, findings);
}

}  // namespace prot::brain

#include "tools/mcp_tools.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kLongestName = 64;

// What any program needs to run at all.
constexpr std::array<const char*, 9> kSession = {"PATH",     "HOME",   "USER", "LANG",          "LC_ALL",
                                                 "LC_CTYPE", "TMPDIR", "TZ",   "XDG_CACHE_HOME"};

/// One use: an order to the hub.
class McpUse final : public ToolUse {
 public:
  McpUse(std::shared_ptr<McpHub> hub, McpHub::CallId call) : hub_(std::move(hub)), call_(call) {}
  ~McpUse() override {
    if (call_ != 0) hub_->cancel(call_);
  }
  McpUse(const McpUse&) = delete;
  McpUse& operator=(const McpUse&) = delete;
  std::optional<std::string> poll(Nanos now) override {
    (void)now;
    std::optional<McpResult> result = hub_->take(call_);
    if (!result) return std::nullopt;
    call_ = 0;
    if (result->failed) throw Error(result->text);
    return std::move(result->text);
  }

 private:
  std::shared_ptr<McpHub> hub_;
  McpHub::CallId call_;
};

class AskedUse final : public ToolUse {
 public:
  explicit AskedUse(Consent consent) : consent_(std::move(consent)) {}
  std::optional<std::string> poll(Nanos /*now*/) override { return std::nullopt; }
  const Consent* needs_consent() const override { return &consent_; }

 private:
  Consent consent_;
};

class McpToolBackend final : public ToolBackend {
 public:
  McpToolBackend(std::shared_ptr<McpHub> hub, std::size_t server, const McpView& view, const McpTool& tool,
                 std::string name)
      : hub_(std::move(hub)), server_(server), view_name_(view.name), tool_(tool.name) {
    description_ = {std::move(name), tool.description, tool.schema};
    const auto in = [&](const std::vector<std::string>& list) {
      return std::any_of(list.begin(), list.end(),
                         [&](const std::string& one) { return one == "*" || one == tool.name; });
    };
    asks_ = in(view.confirm) || !(tool.harmless || in(view.free));
  }
  const Tool& description() const override { return description_; }
  Nanos time_limit() const override { return hub_->call_limit(); }
  std::unique_ptr<ToolUse> start(json::View arguments, Nanos now) override {
    if (asks_) return std::make_unique<AskedUse>(consent(arguments));
    return start_agreed(arguments, now);
  }
  std::unique_ptr<ToolUse> start_agreed(json::View arguments, Nanos now) override {
    (void)now;
    return std::make_unique<McpUse>(hub_, hub_->call(server_, tool_, arguments.to_json()));
  }

 private:
  // What it is done to belongs to the question: the plain values of the arguments.
  [[nodiscard]] Consent consent(json::View arguments) const {
    constexpr std::size_t kMostSpoken = 120;
    std::string with;
    for (std::size_t i = 0; i < arguments.size() && with.size() < kMostSpoken; ++i) {
      const json::View value = arguments.at(i);
      const std::string said = value.is_string() ? std::string(value.as_string()) : value.to_json();
      with += (with.empty() ? "" : ", ") + said;
    }
    for (char& c : with)
      if (static_cast<unsigned char>(c) < 0x20 || c == '.' || c == '!' || c == '?') c = ' ';
    with = text::truncate_utf8(with, kMostSpoken);
    std::string name = tool_;
    std::replace(name.begin(), name.end(), '_', ' ');
    const std::string to = with.empty() ? "" : ", " + with;
    return {"Run " + name + " of " + view_name_ + to + ".",
            view_name_ + "의 " + name + " 실행" + to + ".",
            {name}};
  }

  std::shared_ptr<McpHub> hub_;
  std::size_t server_;
  std::string view_name_;
  std::string tool_;
  Tool description_;
  bool asks_ = false;
};

std::vector<std::string> texts(json::View list) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < list.size(); ++i) out.emplace_back(list.at(i).as_string());
  return out;
}

}  // namespace

std::string mcp_tool_name(std::string_view server, std::string_view tool) {
  std::string name = std::string(server) + "__" + std::string(tool);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-') c = '_';
  return name.substr(0, kLongestName);
}

std::vector<McpCommand> read_mcp_servers(std::string_view servers_json,
                                         const std::function<std::string(const std::string& name)>& find) {
  const json::Document document = json::parse(servers_json);
  std::vector<McpCommand> commands;
  for (std::size_t i = 0; i < document.root().size(); ++i) {
    const json::View table = document.root().at(i);
    McpCommand one{std::string(table.get("name").as_string()),
                   texts(table.get("command")),
                   {},
                   texts(table.get("confirm")),
                   texts(table.get("free"))};
    for (const char* name : kSession)
      if (const char* value = std::getenv(name); value != nullptr)
        one.environment.push_back(std::string(name) + "=" + value);
    for (const std::string& wanted : texts(table.get("environment"))) {
      const std::string name = wanted.substr(0, wanted.find('='));
      std::erase_if(one.environment, [&](const std::string& pair) { return pair.starts_with(name + "="); });
      if (name.size() < wanted.size()) {
        one.environment.push_back(wanted);
      } else if (const std::string value = find(wanted); !value.empty()) {
        one.environment.push_back(wanted + "=" + value);
      } else {
        log_warn("MCP server {} asks for {}, which is not set", one.name, name);
      }
    }
    commands.push_back(std::move(one));
  }
  return commands;
}

std::vector<std::unique_ptr<ToolBackend>> McpTools::tools() {
  seen_ = hub_->version();  // first: what comes in between is seen again
  std::vector<std::unique_ptr<ToolBackend>> out;
  std::set<std::string> names;
  std::size_t schemas = 0;
  std::size_t left_out = 0;
  const std::vector<McpView> views = hub_->views();
  for (std::size_t i = 0; i < views.size(); ++i)
    for (const McpTool& tool : views[i].tools) {
      const std::string name = mcp_tool_name(views[i].name, tool.name);
      schemas += tool.schema.size();
      if (out.size() >= kMostTools || schemas > kMostSchemas || !names.insert(name).second) {
        ++left_out;
      } else {
        out.push_back(std::make_unique<McpToolBackend>(hub_, i, views[i], tool, name));
      }
    }
  if (left_out > 0) log_warn("{} tools of MCP servers are left out: too many, or of the same name", left_out);
  return out;
}

std::string McpTools::words() const {
  std::string out;
  for (const McpView& view : hub_->views()) out += (out.empty() ? "" : "; ") + view.name + ": " + view.words;
  return out;
}

}  // namespace prot::brain

#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "brain/tools/hass_request.hpp"
#include "brain/tools/home_assistant.hpp"
#include "core/http/loopback_server.hpp"

namespace prot::test {

inline constexpr const char* kStates =
    R"([{"entity_id":"light.living_room","state":"off","attributes":{"friendly_name":"거실 불"}},)"
    R"({"entity_id":"light.kitchen","state":"on","attributes":{"friendly_name":"Kitchen Light"}},)"
    R"({"entity_id":"lock.front_door","state":"locked","attributes":{"friendly_name":"현관문"}},)"
    R"({"entity_id":"cover.garage","state":"closed","attributes":{"friendly_name":"Big Gate"}}])";

/// A Home Assistant that answers by "POST /api/services/light/turn_on" as a test says, and the tools.
class HomeBench {
 public:
  struct Answer {
    std::string status = "200 OK";
    std::string body = "[]";
    bool hangs = false;
    bool resets = false;
  };
  explicit HomeBench(std::map<std::string, Answer> given = {}, brain::HomeOptions options = {})
      : answers(std::move(given)), server_([this](Connection& connection) { return serve(connection); }) {
    options.url = server_.url("");
    if (options.token.empty()) options.token = "long-lived-token";
    options.language = "ko";
    home = std::make_shared<brain::Home>(std::move(options), brain::HomeConsent(), [this] { wake(); });
  }

  ~HomeBench() { home.reset(); }  // its workers call wake()
  HomeBench(const HomeBench&) = delete;
  HomeBench& operator=(const HomeBench&) = delete;

  /// What comes of a use: its result, "error: ...", "asks: ...", or "nothing" when time is over.
  std::string finish(brain::ToolUse& use, int milliseconds = 10'000) {
    const Nanos until = monotonic_now() + milliseconds * kMillisecond;
    while (monotonic_now() < until) {
      try {
        if (const auto result = use.poll(monotonic_now())) return *result;
        if (const brain::Consent* consent = use.needs_consent())
          return "asks: " + consent->en + " / " + consent->ko;
      } catch (const Error& error) {
        return std::string("error: ") + error.what();
      }
      wait(until);
    }
    return "nothing";
  }
  std::string use(brain::ToolBackend& tool, const std::string& arguments, bool agreed = false) {
    const json::Document document = json::parse(arguments);
    try {
      return finish(agreed ? *tool.start_agreed(document.root(), 0) : *tool.start(document.root(), 0));
    } catch (const Error& error) {
      return std::string("error: ") + error.what();
    }
  }
  std::string call(const std::string& service, const std::string& data, bool agreed = false) {
    brain::HomeAssistantTool tool(home);
    return use(tool,
               R"({"action":"call_service","entity_id":")" + service + R"(","service_data":)" + data + "}",
               agreed);
  }
  std::string state(const std::string& id) {
    brain::HomeAssistantTool tool(home);
    return use(tool, R"({"action":"get_state","entity_id":")" + id + "\"}");
  }
  std::string ask(const std::string& command, bool agreed = false) {
    brain::HassRequestTool tool(home);
    json::Writer arguments;
    return use(tool, arguments.begin_object().member("command", command).end_object().str(), agreed);
  }
  /// Requests but those for the list.
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// The client has closed a request that was not answered.
  bool sees_close() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [this] { return closed_; });
  }
  int lists() {
    const std::lock_guard lock(mutex_);
    return lists_;
  }

  std::map<std::string, Answer> answers;
  std::shared_ptr<brain::Home> home;

 private:
  bool serve(Connection& connection) {
    const std::string line = connection.request.substr(0, connection.request.find(" HTTP"));
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      if (line == "GET /api/states") {
        ++lists_;
        answer.body = kStates;
      } else {
        requests_.push_back(connection.request);
      }
      if (const auto found = answers.find(line); found != answers.end()) answer = found->second;
    }
    if (answer.hangs) {
      const bool closed = connection.closed_within(20'000);
      const std::lock_guard lock(mutex_);
      closed_ = closed_ || closed;
      changed_.notify_all();
      return false;
    }
    if (answer.resets) {
      connection.reset();
      return false;
    }
    connection.answer(answer.status, "Content-Type: application/json\r\n", answer.body);
    return true;
  }
  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  void wait(Nanos until) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::nanoseconds(std::max<Nanos>(until - monotonic_now(), 0)),
                      [this] { return woken_; });
    woken_ = false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool closed_ = false;
  int lists_ = 0;
  std::vector<std::string> requests_;
  LoopbackServer server_;
};

}  // namespace prot::test

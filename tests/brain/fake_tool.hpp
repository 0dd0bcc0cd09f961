#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "brain/tools/tool.hpp"

namespace prot::test {

/// What a test tells its tool, and sees of it. Outlives a restart of brain.
struct ToolDesk {
  std::vector<std::string> started;       // arguments of each use
  std::optional<std::string> answer;      // of what is under way
  std::string failure;                    // thrown by the next poll
  std::string dislike;                    // thrown by the next start
  int open = 0;                           // uses that nobody has destroyed
  std::optional<brain::Consent> consent;  // that the next uses need
  std::vector<std::string> agreed;        // arguments of each use that a person agreed to
};

class FakeTool final : public brain::ToolBackend {
 public:
  FakeTool(std::string name, std::shared_ptr<ToolDesk> desk) : desk_(std::move(desk)) {
    description_ = {std::move(name), "A tool in the test's hands.", R"({"type":"object","properties":{}})"};
  }
  const brain::Tool& description() const override { return description_; }
  std::unique_ptr<brain::ToolUse> start(json::View arguments, Nanos /*now*/) override {
    if (!desk_->dislike.empty()) throw Error(desk_->dislike);
    desk_->started.push_back(arguments.to_json());
    return std::make_unique<Use>(desk_, desk_->consent);
  }
  std::unique_ptr<brain::ToolUse> start_agreed(json::View arguments, Nanos /*now*/) override {
    desk_->agreed.push_back(arguments.to_json());
    return std::make_unique<Use>(desk_, std::nullopt);
  }

 private:
  class Use final : public brain::ToolUse {
   public:
    Use(std::shared_ptr<ToolDesk> desk, std::optional<brain::Consent> consent)
        : desk_(std::move(desk)), consent_(std::move(consent)) {
      ++desk_->open;
    }
    ~Use() override { --desk_->open; }
    std::optional<std::string> poll(Nanos /*now*/) override {
      if (!desk_->failure.empty()) throw Error(desk_->failure);
      return consent_ ? std::nullopt : desk_->answer;
    }
    const brain::Consent* needs_consent() const override { return consent_ ? &*consent_ : nullptr; }

   private:
    std::shared_ptr<ToolDesk> desk_;
    std::optional<brain::Consent> consent_;
  };
  std::shared_ptr<ToolDesk> desk_;
  brain::Tool description_;
};

inline std::vector<std::unique_ptr<brain::ToolBackend>> one_tool(const std::string& name,
                                                                 const std::shared_ptr<ToolDesk>& desk) {
  std::vector<std::unique_ptr<brain::ToolBackend>> tools;
  tools.push_back(std::make_unique<FakeTool>(name, desk));
  return tools;
}

}  // namespace prot::test

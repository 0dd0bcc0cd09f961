#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "memory/embedders/hashed.hpp"

namespace prot::memory::test {

/// Answers as it is told. Thread-safe.
struct Script {
  std::mutex mutex;
  std::optional<ServiceError> error;  // while it is there, of every request
  std::string poison;                 // requests with that in them fail
  std::vector<std::size_t> asked;
};

class ScriptedEmbedder final : public Embedder {
 public:
  explicit ScriptedEmbedder(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  const std::string& model_id() const noexcept override { return id_; }
  bool is_instant() const noexcept override { return false; }
  Embedded embed(std::span<const std::string> texts, TextKind kind, const std::stop_token& stop) override {
    const std::lock_guard lock(script_->mutex);
    script_->asked.push_back(texts.size());
    Embedded result;
    result.vectors.resize(texts.size());
    result.error = script_->error;
    for (const std::string& text : texts)
      if (!script_->poison.empty() && text.find(script_->poison) != std::string::npos)
        result.error.emplace(ServiceError::Kind::kFailed, "HTTP 400");
    return result.error ? result : hashed_->embed(texts, kind, stop);
  }

 private:
  std::string id_ = "scripted";
  std::shared_ptr<Script> script_;
  std::unique_ptr<Embedder> hashed_ = make_hashed_embedder(64);
};

/// The loop: woken, it polls.
struct Bench {
  std::mutex mutex;
  std::condition_variable changed;
  bool woken = false;
  std::function<void()> wake() {
    return [this] {
      const std::lock_guard lock(mutex);
      woken = true;
      changed.notify_all();
    };
  }
  bool until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      std::unique_lock lock(mutex);
      if (!changed.wait_until(lock, deadline, [&] { return woken; })) return false;
      woken = false;
    }
    return true;
  }
};

}  // namespace prot::memory::test

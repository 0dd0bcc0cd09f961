#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace prot::onnx {

/// An input of a model: name, shape and data are the caller's, and are only looked at.
struct Input {
  const char* name;
  std::span<const std::int64_t> shape;
  std::variant<std::span<const float>, std::span<const std::int64_t>> data;
};

/// A model by ONNX Runtime, on one thread: the caller's. Not thread-safe but for interrupt(). Move-only.
class Session {
 public:
  /// Loads the file. Throws Error.
  explicit Session(const std::string& file);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  [[nodiscard]] std::size_t inputs() const;
  [[nodiscard]] std::size_t outputs() const;

  /// The values of `output`, flat. Throws Error, also when it was interrupted.
  [[nodiscard]] std::vector<float> run(std::span<const Input> inputs, const char* output);

  /// Ends a run() that is under way, and refuses later ones until allow(). From any thread.
  void interrupt() noexcept;
  void allow() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prot::onnx

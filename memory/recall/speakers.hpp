#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace prot::memory {

/// Who speaks, by what stands before a colon where texts begin: "Mina: I have moved." A name that begins few
/// of them ("Note: ...") is nobody. Not thread-safe.
class Speakers {
 public:
  static constexpr std::uint16_t kNobody = UINT16_MAX;

  /// A turn of whom.
  std::uint16_t note(std::string_view text);
  /// The turn is gone.
  void release(std::uint16_t speaker);
  /// `turns`: of everybody.
  [[nodiscard]] bool known(std::uint16_t speaker, std::size_t turns) const;
  /// The words of the names of those known, as Query::names has them.
  [[nodiscard]] std::vector<std::string> names(std::size_t turns) const;
  /// By speaker: is it one of these? Of several those of whose name most is said; nobody, when all are: that
  /// tells no turn from another.
  [[nodiscard]] std::vector<bool> named(const std::vector<std::string>& names, std::size_t turns) const;
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Speaker {
    std::string name;  // its words, with spaces between
    std::uint32_t turns;
  };
  std::vector<Speaker> speakers_;
};

}  // namespace prot::memory

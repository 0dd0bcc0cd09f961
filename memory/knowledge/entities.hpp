#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "recall/memory_records.hpp"

/// Which of the known entities a name means: its spelling as it is, without a Korean particle or a form of
/// address, without spaces, or nearly.
namespace prot::memory {

/// The forms by which a name may be known, the most faithful first, normalised: "민수는", "민수". `said`: the
/// text that it comes from; where more of a word follows the name there, it ends in no particle. A particle
/// counts only where it may stand: after a final consonant or none, two syllables at least before it.
[[nodiscard]] std::vector<std::string> name_forms(std::string_view name, std::string_view type,
                                                  std::string_view said = {});
/// May the name be one of an entity that is called so? A person's by a part of the whole name, else by nearly
/// the same spelling: a model that means somebody else by a number makes no two one.
[[nodiscard]] bool may_be_called(std::string_view name, std::string_view type, const KnownEntity& known);
/// A new entity's name: without a particle that no name ends in, as it is written otherwise.
[[nodiscard]] std::string bare_name(std::string_view name, std::string_view type);

/// Knows entities by their names. Not thread-safe. Invariant: one alias belongs to one entity. Prefers a new
/// entity to a wrong one: two that are one can be merged, one that is two cannot be told apart again.
class EntityResolver {
 public:
  /// `entity.aliases` are normalised already; its name is one more.
  void add(const KnownEntity& entity);
  void add_alias(std::int64_t id, std::string_view type, std::string_view alias);

  /// The entity that is meant, 0 for none that is known.
  [[nodiscard]] std::int64_t resolve(std::string_view name, std::string_view type,
                                     std::string_view said = {}) const;
  /// Of the entities that the text names, or may mean ("민수" where "김민수" is known), at most `most`.
  [[nodiscard]] std::vector<std::int64_t> candidates(std::string_view text, std::size_t most) const;
  [[nodiscard]] std::size_t aliases() const noexcept { return by_alias_.size(); }

 private:
  struct Known {
    std::int64_t id = 0;
    std::string type;
  };
  using Table = std::map<std::string, Known, std::less<>>;
  [[nodiscard]] static std::int64_t find(const Table& table, std::string_view key, std::string_view type);
  [[nodiscard]] std::int64_t nearly(const std::string& form, std::string_view type) const;
  static void note(Table& table, std::string key, const Known& known);

  Table by_alias_;
  Table by_closed_;                                          // without spaces; id 0: of several
  std::map<std::string, std::vector<std::string>> by_gram_;  // long aliases
};

}  // namespace prot::memory

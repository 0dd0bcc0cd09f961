#include "desk/spoken_names.hpp"

#include <algorithm>
#include <vector>

#include "knowledge/entities.hpp"
#include "knowledge/facts.hpp"
#include "knowledge/name_particles.hpp"

namespace prot::memory {
namespace {

const KnownEntity* called(std::span<const KnownEntity> all, const std::string& alias) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const KnownEntity& one) {
    return std::find(one.aliases.begin(), one.aliases.end(), alias) != one.aliases.end();
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::optional<SpokenEntity> spoken_entity(std::span<const KnownEntity> all, std::string_view name) {
  const std::string exact = normalized_name(name);
  if (const KnownEntity* const one = called(all, exact)) return SpokenEntity{one, exact};
  std::vector<std::string> forms = name_forms(name, "person");
  for (Stripped& stripped : without_particles(exact)) forms.push_back(std::move(stripped.name));
  std::optional<SpokenEntity> meant;
  for (const std::string& form : forms) {
    const KnownEntity* const one = called(all, form);
    if (one == nullptr) continue;
    if (meant && meant->entity != one) return std::nullopt;
    if (!meant) meant = SpokenEntity{one, form};
  }
  return meant;
}

}  // namespace prot::memory

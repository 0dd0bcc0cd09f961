// Home Assistant's answers, and what a model wants of it. Before "====": the answer to GET /api/states;
// behind it: what the conversation agent answers, or a call's arguments.
#include <algorithm>

#include "brain/tools/entity_catalog.hpp"
#include "brain/tools/hass_request.hpp"
#include "brain/tools/home_call.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::brain;

namespace {

Entities read_home(std::string_view states) {
  try {
    Entities entities = read_entities(states);
    require(entities.names.size() <= Entities::kMost, "entities are bounded");
    for (const auto& [id, name] : entities.names) {
      require(!id.empty() && id.size() <= 255, "an entity has an id");
      require(name.size() <= Entities::kLongestName && utf8::is_valid(name),
              "a name is text of bounded length");
      require(!entities.name_of(id).empty(), "everything is called something");
    }
    return entities;
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "why is text");
    return {};
  }
}

void check_like(const Entities& entities, std::string_view id) {
  constexpr std::size_t kMost = 5;
  const std::vector<std::string> like = entities.like(id, kMost);
  require(like.size() <= kMost, "no more than were wanted");
  for (const std::string& one : like) require(entities.has(one), "one that there is");
}

void check_consent(const std::optional<Consent>& consent) {
  if (!consent) return;
  for (const std::string& question : {consent->en, consent->ko}) {
    require(!question.empty() && question.ends_with('.') && utf8::is_valid(question),
            "a question is a sentence");
    require(question.find_first_of("\n\r") == std::string::npos, "in one line");
  }
}

void check_call(const HomeCall& call, const Entities& entities) {
  require(is_entity_id(call.name), "it is done to something, by a service");
  require(json::parse(call.data).root().is_object(), "a request's body is an object");
  require(call.targets.size() <= 64 && call.mentions.size() <= 64, "what it points to is bounded");
  for (const std::string& id : call.targets) require(is_entity_id(id), "a target is an entity");
  for (const std::string& id : call.mentions) require(is_entity_id(id), "a mention looks like one");
  const std::optional<std::string> unknown = call.unknown(entities);
  if (unknown) {
    require(!entities.has(*unknown), "what is unknown is not there");
    check_like(entities, *unknown);
  }
  const std::optional<Consent> consent = HomeConsent().for_call(call, entities);
  check_consent(consent);
  const bool locks = domain_of(call.name) == "lock" ||
                     std::any_of(call.targets.begin(), call.targets.end(),
                                 [](const std::string& id) { return domain_of(id) == "lock"; });
  if (call.is_service && locks && call.name != "homeassistant.update_entity")
    require(consent.has_value(), "no lock is touched unasked");
  require(call.is_service || !consent, "to look at something needs no consent");
}

void check_arguments(std::string_view text, const Entities& entities) {
  try {
    const json::Document arguments = json::parse(text);
    check_consent(HomeConsent().for_words(arguments.get("command").as_string(), entities));
    check_like(entities, arguments.get("entity_id").as_string());
    check_call(read_home_call(arguments.root()), entities);
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "why is text");
  }
}

void check_agent(std::string_view answer) {
  try {
    const json::Document told = json::parse(told_agent(answer));
    const std::string_view result = told.get("result").as_string();
    require(!result.empty() && result.size() <= 800, "the model is told something, of bounded length");
    require(told.get("failed").size() <= 8, "what failed is bounded");
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "why is text");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  const Entities entities = read_home(halves.first);
  check_agent(halves.second);
  check_arguments(halves.second, entities);
  return 0;
}

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

/// Groups of entities that belong together, and what is known of them in a few sentences.
namespace prot::memory {

/// An active fact as an edge of the entity graph. Entities are those that others were merged into; 0: none,
/// and the user, who belongs to everything and would make one group of all.
struct GraphFact {
  std::int64_t id = 0;
  std::int64_t subject = 0;
  std::int64_t object = 0;
  std::int64_t message = 0;  // the newest that says so
  std::string statement;
};

/// A group of the next generation.
struct CommunityPlan {
  std::vector<std::int64_t> members;  // entities, rising
  std::vector<std::int64_t> facts;    // about them, the newest first
  std::string content_key;            // the same members and facts have the same
};

/// What the model is asked to put into a few sentences.
struct CommunityTask {
  std::int64_t id = 0;
  std::vector<std::string> statements;
};

/// A community of the generation that is read: what recall is given.
struct Community {
  std::int64_t id = 0;
  std::string summary;
  std::vector<std::string> members;  // names
  std::vector<std::int64_t> facts;   // that the summary tells of
};

/// Entities are tied by a fact that has both, and half as strongly by being spoken of in one message. Of the
/// groups those with something to sum up, in a fixed order.
[[nodiscard]] std::vector<CommunityPlan> plan_communities(std::span<const GraphFact> facts);

/// The question, its instructions and the schema of the answer.
[[nodiscard]] std::string_view community_instructions() noexcept;
[[nodiscard]] std::string community_question(const CommunityTask& task);
[[nodiscard]] std::string_view community_schema() noexcept;
/// The summary of an answer. Throws Error when it is none: no JSON, no words of the facts, or what would be
/// quarantined.
[[nodiscard]] std::string parse_summary(std::string_view answer, const CommunityTask& task);

}  // namespace prot::memory

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "knowledge/communities.hpp"
#include "memory_store.hpp"
#include "recall/memory_records.hpp"
#include "wire/memory.hpp"

/// What the loop and the database's thread say to each other. Plain values.
namespace prot::memory {
// What the loop asks of the database ...
namespace ask {
struct Store {
  std::uint64_t frame;  // sequence in `turns`; it comes back in told::Stored
  TurnRecord record;
};
/// The next page: a long past is never in memory as a whole.
struct LoadMore {};
/// For older messages that have any of the words, best first.
struct Search {
  wire::RecallRequest request;
  std::string query;
  std::vector<std::string> words;
  Nanos before;  // wall time
};
struct History {
  wire::ConversationId conversation;
  std::uint64_t request;
  int max_messages;
};
struct Claim {
  bool ignore_due;
  int batch = 1;  // exchanges that may be asked about at once
};
struct Finish {
  Job job;
  std::string answer;
};
struct GiveBack {
  Job job;
};
struct Fail {
  Job job;
  std::string error;
  Nanos delay;
  bool dead;
};
/// For a community whose summary is wanted; `plan`: after looking which ones there are now.
struct ClaimCommunity {
  bool plan;
};
struct FinishCommunity {
  std::int64_t id;
  std::string summary;  // empty: there was none to be had
};
/// Facts that were told to the model, to be counted.
struct Reads {
  std::vector<std::int64_t> facts;
};
/// The model was asked.
struct Use {
  ModelUse use;
};
/// A line of memory.sock, or what brain heard a person say.
struct Command {
  std::uint64_t client;  // spoken: the number of the request
  std::string request;
  bool spoken = false;
};
struct Close {};
}  // namespace ask
using Ask = std::variant<ask::Store, ask::LoadMore, ask::Search, ask::History, ask::Claim, ask::Finish,
                         ask::GiveBack, ask::Fail, ask::ClaimCommunity, ask::FinishCommunity, ask::Reads,
                         ask::Use, ask::Command, ask::Close>;

// ... and what it hears.
namespace told {
struct Stored {                 // kept for good, in the database or in the spool
  std::uint64_t through_frame;  // 0: a replay
  std::vector<Message> messages;
};
struct Loaded {  // a page, from the first connection on
  std::vector<Message> messages;
  bool complete;
};
struct Facts {
  std::vector<Fact> facts;         // that hold
  std::vector<Fact> past;          // that held before
  std::vector<std::string> names;  // that the person is likely to say (knowledge/names.hpp)
};
/// What the index has is no longer what is known: it begins anew, and pages come again when the database is
/// there. Nothing of these messages may be told to anybody any more.
struct Forgotten {
  std::vector<MessageKey> messages;
  bool everything;
};
struct Answer {  // to a client of memory.sock, or to brain
  std::uint64_t client;
  std::string line;
  bool spoken = false;
};
struct Found {  // nothing when the database is away or has nothing
  ask::Search search;
  std::vector<Message> messages;
};
struct History {
  ask::History question;
  bool failed;
  std::vector<Message> messages;
};
struct Claimed {
  std::optional<Job> job;
};
struct CommunityClaimed {
  std::optional<CommunityTask> task;  // none: the generation is whole
};
struct Communities {  // of a generation that is new, and at the start
  std::vector<Community> communities;
};
struct JobClosed {};  // the answer to Finish, GiveBack, Fail, FinishCommunity
struct JobsDone {
  int count;
};
struct Gauges {
  Counts counts;
  bool up;
  std::uint64_t spooled;
  std::uint64_t replayed;
  Nanos replay_time = 0;  // of all replays together
  PoolGauges pool = {};
  ModelUse today = {};
  bool spool_fails = false;        // and the database is away: what is said waits in the ring
  std::uint64_t refused = 0;       // records that the database does not take
  std::uint64_t dead_dropped = 0;  // dead letters that went because they were too many or too old
};
struct Closed {
  Counts counts;  // as last heard, when the database is away
  std::uint64_t spooled = 0;
};
}  // namespace told
using Told = std::variant<told::Stored, told::Loaded, told::Facts, told::Found, told::History, told::Claimed,
                          told::CommunityClaimed, told::Communities, told::JobClosed, told::JobsDone,
                          told::Gauges, told::Closed, told::Forgotten, told::Answer>;

}  // namespace prot::memory

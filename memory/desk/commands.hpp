#pragma once

#include <functional>
#include <string>

#include "desk/spoken_names.hpp"
#include "json/json.hpp"
#include "memory_store.hpp"
#include "queue/refused.hpp"

namespace prot::memory {

/// What of the store the index no longer knows.
enum class Changed { kNothing, kFacts, kEverything };

/// memory.sock's requests that need the database, and their answers: one JSON object each (doc/memory.md).
/// The database worker's thread.
class Commands {
 public:
  using Forget = std::function<Forgotten(const ForgetTarget&, bool dry_run)>;
  /// `forget`: with all that belongs to it, files and index. `refused`: may be null, then there are none.
  Commands(MemoryStore& store, Forget forget, std::function<Nanos()> wall, std::uint64_t replayed,
           Refused* refused = nullptr)
      : store_(&store),
        forget_(std::move(forget)),
        wall_(std::move(wall)),
        replayed_(replayed),
        refused_(refused) {}

  /// Throws StoreError of the kind kAway; every other failure is the answer.
  [[nodiscard]] std::string answer(const std::string& request, Changed& changed);

 private:
  [[nodiscard]] std::string run(const json::View& request, Changed& changed);
  [[nodiscard]] std::string stats();
  [[nodiscard]] std::string search(const json::View& request);
  [[nodiscard]] std::string show(const json::View& request);
  [[nodiscard]] std::string facts(const json::View& request);
  [[nodiscard]] std::string why(const json::View& request);
  [[nodiscard]] std::string decide(const json::View& request, Changed& changed);
  [[nodiscard]] std::string entities(const json::View& request);
  [[nodiscard]] std::string merge(const json::View& request, Changed& changed);
  [[nodiscard]] std::string merge_plan(const json::View& request);
  [[nodiscard]] std::string merged_of(const SpokenEntity& first, const SpokenEntity& second);
  [[nodiscard]] std::int64_t entity_called(std::string_view given);
  [[nodiscard]] std::string forget(const json::View& request);
  [[nodiscard]] std::string dead(const json::View& request, Changed& changed);
  [[nodiscard]] std::string refused_rows(std::size_t most) const;
  [[nodiscard]] std::string page(const json::View& request);
  [[nodiscard]] std::string import(const json::View& request);
  [[nodiscard]] ForgetTarget target_of(const json::View& request);
  [[nodiscard]] MessageKey message_of(const json::View& request);
  [[nodiscard]] Keeper& keeper();
  [[nodiscard]] std::string rows(Keeper::Look what, const std::vector<std::string>& arguments);

  MemoryStore* store_;
  Forget forget_;
  std::function<Nanos()> wall_;
  std::uint64_t replayed_;
  Refused* refused_;
};

/// {"ok":false,"error":WHY,"code":CODE}: CODE is what the command line ends with.
[[nodiscard]] std::string refusal(std::string_view why, int code);
/// Whatever it says of other things.
[[nodiscard]] bool asks_for_stats(const std::string& request) noexcept;
/// The answer to "stats" while the database is away.
[[nodiscard]] std::string stats_away(std::uint64_t spooled, bool spool_fails);
inline constexpr int kCommandFailed = 1, kCommandUsage = 2, kCommandNothing = 4;

}  // namespace prot::memory

#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "vectors/embedder.hpp"
#include "vectors/vector_store.hpp"

namespace prot::memory {

/// The vectors' side of memory, on a thread and a connection of its own: brings those that are stored, then
/// makes and stores the missing ones, then waits for news.
///
///   state    | done when                | failed
///   connect  | connected -> load        | again, after a back-off (0.1 s to 30 s)
///   load     | no page is left -> fill  | connect; what is loaded stays
///   fill     | nothing is missing ->    | the store: connect. The service: again, after what it asked for,
///   else
///            | wait, complete           | 2 s to 10 min; a wrong key or no money: 10 min
///   wait     | news(), or a minute -> fill
///
/// While it waits it keeps what the store searches by itself (VectorStore::keep_near()), once somebody wants
/// that.
///
/// Vectors that were made are stored when the store is back, not made again; those that it refuses are not
/// asked for again either. A text that alone makes a service that otherwise works fail kRefusals times is
/// marked as refused. Lifetime: the destructor cancels and joins; what was not stored is still missing, and
/// so will be made at the next start.
class VectorWorker {
 public:
  /// What there is to say, since the last time.
  struct Told {
    std::vector<StoredVector> vectors;
    bool complete = false;  // the first time that nothing is missing: until then most have none
    std::optional<VectorStore::Counts> counts;
    bool failing = false;  // the service does not give vectors now
    std::optional<StoreNear> near;
  };

  /// `wake` is called on the worker's thread.
  VectorWorker(std::unique_ptr<VectorStore> store, std::unique_ptr<Embedder> embedder,
               std::function<void()> wake, Nanos first_wait = kFirstWait);
  ~VectorWorker();
  VectorWorker(const VectorWorker&) = delete;
  VectorWorker& operator=(const VectorWorker&) = delete;

  /// Something was stored; or the database is there now.
  void news();
  /// A text that is there now, for stores that do not see it themselves.
  void note(bool fact, const VectorKey& key, std::string_view text) { store_->note(fact, key, text); }
  /// Memory has no room for all of them: the store shall search, if it can.
  void want_near(std::size_t dimension);
  [[nodiscard]] Told poll();

  static constexpr int kRefusals = 3;
  static constexpr Nanos kFirstWait = 2 * kSecond;  // after a failure of the service
  static constexpr int kMostTimeouts = 3;           // in a row, of keep_near(): then it is left alone

 private:
  struct Made {
    PendingText text;
    std::optional<PackedVector> vector;  // nothing: the model refuses it
  };
  void run();
  void load();
  void fill();
  /// Those of one page. False: the service failed, and `wait_` says for how long to leave it alone.
  [[nodiscard]] bool embed(const std::vector<PendingText>& texts);
  /// What was made and paid for; where the store is away it is kept.
  void store_made();
  /// After a refusal of several.
  void store_alone(const NewVector& one);
  void deliver(std::vector<StoredVector> vectors);
  void report();
  enum class Woken { kTime, kNews, kEnd };
  /// Until `time`, or until news when `news_end_it`.
  Woken pause(Nanos time, bool news_end_it);
  /// Between two fills. False: the end.
  bool wait();
  /// How long to let the store be behind it; kNever: there is nothing to do.
  Nanos keep_near();

  std::unique_ptr<VectorStore> store_;
  std::unique_ptr<Embedder> embedder_;
  std::function<void()> wake_;
  Nanos first_wait_;
  // The thread's.
  bool loaded_ = false;
  VectorStore::Cursor load_cursor_;
  std::int64_t looked_through_ = 0;  // messages up to here have had their turn
  VectorStore::Counts counts_;
  std::vector<Made> made_;                            // and not stored yet
  std::set<std::pair<bool, std::int64_t>> hopeless_;  // texts for which the store takes nothing: fact, id
  bool works_ = false;  // it gave vectors since a text was last marked as refused
  int page_ = 0;        // texts at once; fewer after a failure that one of them may be to blame for
  int failures_ = 0;
  Nanos wait_ = 0;
  StoreNear near_;  // as last heard
  int near_timeouts_ = 0;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Below: protected by mutex_.
  Told told_;
  bool news_ = false;
  std::size_t near_dimension_ = 0;  // 0: nobody wants it
  bool ended_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace prot::memory

#include "vectors/vector_worker.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/log.hpp"

namespace prot::memory {
namespace {

using Kind = ServiceError::Kind;

constexpr int kLoadPage = 2000;
constexpr std::size_t kMaxHopeless = 4096;         // more are tried again
constexpr std::size_t kMaxUntold = 4 * kLoadPage;  // vectors that the loop has not taken yet
constexpr int kFillPage = 512;                     // four requests
constexpr std::int64_t kLookBack = 1000;           // a reply that ended may be older than others that did
constexpr Nanos kStoreFirst = 100 * kMillisecond;
constexpr Nanos kStoreLongest = 30 * kSecond;
constexpr Nanos kServiceLongest = 600 * kSecond;
constexpr Nanos kIdle = 60 * kSecond;
constexpr Nanos kNearPause = 20 * kMillisecond;  // at least; the machine has other work

Nanos doubled(Nanos first, int times, Nanos longest) {
  for (int i = 1; i < times && first < longest; ++i) first *= 2;
  return std::min(first, longest);
}

}  // namespace

VectorWorker::VectorWorker(std::unique_ptr<VectorStore> store, std::unique_ptr<Embedder> embedder,
                           std::function<void()> wake, Nanos first_wait)
    : store_(std::move(store)),
      embedder_(std::move(embedder)),
      wake_(std::move(wake)),
      first_wait_(first_wait),
      page_(kFillPage),
      thread_([this] { run(); }) {}

VectorWorker::~VectorWorker() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  stop_.request_stop();
  store_->abort();
  changed_.notify_all();
}

void VectorWorker::news() {
  {
    const std::lock_guard lock(mutex_);
    news_ = true;
  }
  changed_.notify_all();
}

void VectorWorker::want_near(std::size_t dimension) {
  {
    const std::lock_guard lock(mutex_);
    near_dimension_ = dimension;
    news_ = true;
  }
  changed_.notify_all();
}

VectorWorker::Told VectorWorker::poll() {
  Told told;
  {
    const std::lock_guard lock(mutex_);
    std::swap(told, told_);
    told_.complete = told.complete;
    told_.failing = told.failing;
  }
  changed_.notify_all();
  return told;
}

VectorWorker::Woken VectorWorker::pause(Nanos time, bool news_end_it) {
  std::unique_lock lock(mutex_);
  const auto wait = std::chrono::nanoseconds(std::max<Nanos>(0, time));
  changed_.wait_for(lock, wait, [&] { return ended_ || (news_end_it && news_); });
  if (ended_) return Woken::kEnd;
  return news_end_it && std::exchange(news_, false) ? Woken::kNews : Woken::kTime;
}

bool VectorWorker::wait() {
  const bool news_end_it = wait_ == 0;
  const Nanos until = monotonic_now() + (wait_ > 0 ? wait_ : kIdle);
  while (!stop_.stop_requested()) {
    const Nanos rest = keep_near();
    const Nanos left = until - monotonic_now();
    if (left <= 0) return true;
    const Woken woken = pause(std::min(rest, left), news_end_it);
    if (woken != Woken::kTime) return woken == Woken::kNews;
  }
  return false;
}

Nanos VectorWorker::keep_near() {
  std::size_t dimension = 0;
  {
    const std::lock_guard lock(mutex_);
    dimension = near_dimension_;
  }
  using State = StoreNear::State;
  if (dimension == 0 || near_.state == State::kAbsent || near_.state == State::kRefused) return kNever;
  const Nanos begin = monotonic_now();
  const StoreNear before = near_;
  try {
    near_ = store_->keep_near(embedder_->model_id(), dimension);
    near_timeouts_ = 0;
  } catch (const StoreError& e) {
    if (e.kind() == StoreError::Kind::kAway && ++near_timeouts_ < kMostTimeouts) throw;
    near_ = {State::kRefused, before.what, e.what(), 0, false};
  }
  if (near_.state != before.state || near_.vectors != before.vectors) {
    {
      const std::lock_guard lock(mutex_);
      told_.near = near_;
    }
    wake_();
  }
  return near_.more ? std::max(kNearPause, monotonic_now() - begin) : kNever;
}

void VectorWorker::deliver(std::vector<StoredVector> vectors) {
  {
    std::unique_lock lock(mutex_);
    // A long past never is in memory twice.
    changed_.wait(lock, [&] { return ended_ || told_.vectors.size() < kMaxUntold; });
    for (StoredVector& vector : vectors) told_.vectors.push_back(std::move(vector));
  }
  wake_();
}

void VectorWorker::report() {
  {
    const std::lock_guard lock(mutex_);
    told_.counts = counts_;
    told_.failing = failures_ > 0;
  }
  wake_();
}

void VectorWorker::run() {
  int away = 0;
  while (!stop_.stop_requested()) {
    try {
      store_->connect();
      if (!loaded_) load();
      away = 0;
      while (!stop_.stop_requested()) {
        fill();
        if (!wait()) break;
      }
    } catch (const StoreError& e) {
      store_->close();
      // The first is no news while the database starts.
      if (++away == 5) log_warn("vectors: {}; trying again", e.what());
      // A schema that is not there yet is not broken: the other connection is about to make it.
      if (pause(doubled(kStoreFirst, away, kStoreLongest), true) == Woken::kEnd) break;
    }
  }
  store_->close();
}

void VectorWorker::load() {
  while (!stop_.stop_requested()) {
    std::vector<StoredVector> page = store_->next_vectors(embedder_->model_id(), &load_cursor_, kLoadPage);
    if (page.empty()) break;
    deliver(std::move(page));
  }
  loaded_ = true;
  counts_ = store_->counts(embedder_->model_id());
  report();
}

void VectorWorker::store_made() {
  if (made_.empty()) return;
  std::vector<NewVector> all;
  for (const Made& one : made_) all.push_back({&one.text, one.vector});
  try {
    store_->store(embedder_->model_id(), all);
  } catch (const StoreError& e) {
    if (e.kind() != StoreError::Kind::kRejected) throw;  // they are kept for the next connection
    for (const NewVector& one : all) store_alone(one);
  }
  counts_.stored += made_.size();
  counts_.pending -= std::min<std::uint64_t>(counts_.pending, made_.size());
  std::vector<StoredVector> vectors;
  for (Made& one : made_)
    if (one.vector) vectors.push_back({one.text.key, std::move(*one.vector)});
  made_.clear();
  if (!vectors.empty()) deliver(std::move(vectors));
}

void VectorWorker::store_alone(const NewVector& one) {
  NewVector kept = one;
  for (int tries = 0; tries < 2; ++tries) {
    try {
      store_->store(embedder_->model_id(), {&kept, 1});
      return;
    } catch (const StoreError& e) {
      if (e.kind() != StoreError::Kind::kRejected) throw;
      log_error("the vector of {} {} is refused: {}", one.text->fact ? "fact" : "message", one.text->id,
                e.what());
      kept.vector.reset();  // then at least that it shall have none
    }
  }
  if (hopeless_.size() >= kMaxHopeless) hopeless_.erase(hopeless_.begin());
  hopeless_.emplace(one.text->fact, one.text->id);
}

void VectorWorker::fill() {
  wait_ = 0;
  store_made();
  const std::int64_t last = store_->last_message();
  VectorStore::Cursor cursor{false, std::max<std::int64_t>(0, looked_through_ - kLookBack)};
  while (!stop_.stop_requested()) {
    std::vector<PendingText> texts = store_->next_pending(embedder_->model_id(), &cursor, page_);
    if (texts.empty()) break;
    std::erase_if(texts, [&](const PendingText& text) { return hopeless_.contains({text.fact, text.id}); });
    if (texts.empty()) continue;
    const bool done = embed(texts);
    report();
    if (!done) return;
  }
  if (stop_.stop_requested()) return;
  looked_through_ = std::max(looked_through_, last);
  counts_.pending = 0;
  {
    const std::lock_guard lock(mutex_);
    told_.complete = true;
    told_.counts = counts_;
    told_.failing = false;
  }
  wake_();
}

bool VectorWorker::embed(const std::vector<PendingText>& texts) {
  std::vector<std::string> words;
  words.reserve(texts.size());
  for (const PendingText& text : texts) words.push_back(text.text);
  const Embedded embedded = embedder_->embed(words, TextKind::kDocument, stop_.get_token());
  std::vector<Made> made;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!embedded.vectors[i].empty()) made.push_back({texts[i], PackedVector::of(embedded.vectors[i])});
  for (const std::size_t i : embedded.refused) made.push_back({texts[i], std::nullopt});
  const bool alone = texts.size() == 1;
  works_ = works_ || !made.empty();
  const bool to_blame =
      embedded.error && embedded.error->kind() == Kind::kFailed && alone && failures_ + 1 >= kRefusals;
  if (to_blame && works_) made.push_back({texts[0], std::nullopt});
  if (to_blame) works_ = false;  // a service that refuses everything does not lose everything
  if (to_blame && made.empty())
    looked_through_ = texts[0].id + kLookBack;  // others first, until the next start
  const bool any = !made.empty();
  std::move(made.begin(), made.end(), std::back_inserter(made_));
  store_made();
  if (!embedded.error || (alone && any)) {
    failures_ = 0;
    page_ = std::min(kFillPage, 2 * page_);
    return true;
  }
  const ServiceError& error = *embedded.error;
  if (error.kind() == Kind::kCancelled) return false;
  if (++failures_ == 1) log_warn("vectors: {} ({}); trying again", error.what(), to_string(error.kind()));
  const bool hopeless = error.kind() == Kind::kKey || error.kind() == Kind::kQuota;
  // Where a text may be to blame, fewer at once find it soon.
  const bool by_text = error.kind() == Kind::kFailed;
  if (by_text && !alone) {
    page_ = std::max(1, static_cast<int>(texts.size()) / 2);
    failures_ = 1;
  }
  wait_ = hopeless ? kServiceLongest : doubled(first_wait_, failures_, kServiceLongest);
  wait_ = std::max(wait_, error.retry_after());
  return false;
}

}  // namespace prot::memory
